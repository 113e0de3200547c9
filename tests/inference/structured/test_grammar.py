"""What no library should see is refused first, each in a sentence."""

import json

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.inference.structured.grammar import grammar_of


def chained(num_links):
    """Objects that hold the next by a reference."""
    inside = {
        f"a{i}": {"type": "object", "properties": {"x": {"$ref": f"#/$defs/a{i + 1}"}}}
        for i in range(num_links)
    }
    return json.dumps({"$defs": {**inside, f"a{num_links}": {}}, "$ref": "#/$defs/a0"})


def test_nothing_asked():
    assert grammar_of(Sampling()) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"choice": ("a",), "regex": "b"}, "choice and regex exclude each other"),
        ({"choice": ("a", " b")}, "' b' must have text and no white space around it"),
        ({"choice": ("",)}, "must have text"),
        ({"choice": ("a" * 60_000, "b" * 60_000)}, "120,000 characters are too many"),
        ({"choice": ("\ud800",)}, "half of a surrogate pair"),
        ({"regex": "a" * 5000}, "5,000 characters are too many; at most 4,000"),
        ({"regex": "\ud800"}, "half of a surrogate pair"),
        ({"json_schema": "{"}, "not JSON"),
        ({"json_schema": '{"maximum": NaN}'}, "NaN is no JSON number"),
        ({"json_schema": "[1]"}, r"must be a JSON object .*, got \[1\]"),
        ({"json_schema": "false"}, "must be a JSON object"),
        ({"json_schema": '{"a":' * 10_000 + "1" + "}" * 10_000}, "more than 64 levels"),
        ({"json_schema": "[" * 10_000}, "more than 64 levels"),
        ({"json_schema": '{"const": "\\ud800"}'}, "half of a surrogate pair"),
        ({"json_schema": '{"pattern": "%s"}' % ("a" * 5000)}, "patterns: 5,000 characters"),
        ({"json_schema": '{"patternProperties": {"%s": {}}}' % ("a" * 5000)}, "patterns: 5,000"),
        ({"json_schema": json.dumps({"enum": ["a" * 200_000]})}, "characters are too many"),
        ({"json_schema": chained(300)}, "at most 512"),
    ],
)
def test_refused(asked, said):
    with pytest.raises(ConfigError, match=said) as caught:
        grammar_of(Sampling(**asked))
    assert str(caught.value).startswith(next(iter(asked)))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "schema",
    [
        "{}",
        "true",
        json.dumps({"const": '[[{"' * 100 + "\\"}),  # brackets in a text are no levels
        chained(100),
        json.dumps({"$ref": "#"}),
        json.dumps({"prefixItems": [{"$ref": "#/$defs/a~1b/0"}], "$defs": {"a/b": [{}]}}),
    ],
)
def test_accepted(schema):
    grammar = grammar_of(Sampling(json_schema=schema))
    assert grammar is not None
    assert grammar[1] == "json_schema"
