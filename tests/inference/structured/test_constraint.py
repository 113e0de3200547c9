"""Every answer is what was asked for, whoever writes it; what cannot be is said."""

import contextlib
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema_rs
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.inference.sampling.sampler import SamplingState, distribution, sample
from acclimate.inference.stop_strings import StopCondition
from acclimate.inference.structured.constraint import constraint_of
from acclimate.models.local.huggingface import HuggingFace

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "likes": {"type": "array", "items": {"enum": ["frogs", "é"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def written(tokenizer, seed=0, num_tokens=300, temperature=1.0, **asked):
    """An answer of a network that knows nothing; its ids and text."""
    ends = frozenset({tokenizer.eos_token_id})
    sampling = Sampling(temperature=temperature, **asked)
    drawing = SamplingState(sampling, seed, [], constraint_of(sampling, tokenizer, ends))
    generator = torch.Generator().manual_seed(seed)
    ending = StopCondition(tokenizer, sampling, ends)
    while not ending.is_met(drawing.written) and len(drawing.written) < num_tokens:
        # More rows than tokens, as padded networks have.
        sample(3 * torch.randn(1, len(tokenizer) + 7, generator=generator), [drawing])
    drawing.constraint.require_kept()
    return drawing.written, ending.text(drawing.written)


def refused(tokenizer, **asked):
    with pytest.raises(ConfigError) as caught:
        constraint_of(Sampling(**asked), tokenizer, [tokenizer.eos_token_id])
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 300
    return said


@pytest.fixture(params=["tokenizer", "sentence_piece"])
def any_tokenizer(request):
    return request.getfixturevalue(request.param)


CHOICES = st.lists(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda s: s == s.strip()),
    min_size=1,
    max_size=5,
)
quickly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@quickly
@given(CHOICES, st.integers(0, 99))
def test_a_choice_is_one_of_them(any_tokenizer, choices, seed):
    ids, text = written(any_tokenizer, seed, choice=tuple(choices))
    assert text in choices
    assert ids[-1] == any_tokenizer.eos_token_id


@quickly
@given(st.integers(0, 999))
@pytest.mark.parametrize(
    "pattern",
    [
        r"[0-9]{3}-[0-9]{2}",
        r"(yes|no)(, (yes|no)){0,3}",
        r"\w{1,4}/\S\d{2}",
        r"[^a-z\s]{1,5}",
        r"(?i)ab?c{0,2}",
        r"日本?|é",
        "a\nb",
        r"(?P<first>x{2,4})y?",
    ],
)
def test_a_regular_expression_is_matched_whole(any_tokenizer, pattern, seed):
    _, text = written(any_tokenizer, seed, regex=pattern)
    assert re.fullmatch(pattern, text, re.ASCII)


@quickly
@given(st.integers(0, 999))
@pytest.mark.parametrize(
    "schema",
    [
        PERSON,
        {"enum": ["a b", 1, None, {"x": []}]},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 4},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": "^[a-c]{2,3}$"},
        {
            "$defs": {"leaf": {"type": "array", "items": {"type": "null"}, "maxItems": 2}},
            "type": "object",
            "properties": {"l": {"$ref": "#/$defs/leaf"}, "r": {"$ref": "#/$defs/leaf"}},
            "required": ["l", "r"],
            "additionalProperties": False,
        },
    ],
)
def test_json_is_of_its_schema(any_tokenizer, schema, seed):
    _, text = written(any_tokenizer, seed, json_schema=json.dumps(schema))
    assert jsonschema_rs.is_valid(schema, json.loads(text))


def test_a_long_choice_is_written_to_its_end(any_tokenizer):
    choice = "the é answer, " * 80 + "no"
    assert written(any_tokenizer, num_tokens=3000, choice=(choice,))[1] == choice


def test_greedy_answers_keep_to_it_too(tokenizer):
    _, text = written(tokenizer, temperature=0.0, choice=("otter", "heron"))
    assert text in ("otter", "heron")


def test_the_end_may_come_where_it_is_whole_and_must_where_no_more_can(tokenizer):
    end = tokenizer.eos_token_id
    constraint = constraint_of(Sampling(regex="ab?"), tokenizer, [end, 1])
    a, b = (tokenizer(letter)["input_ids"][0] for letter in "ab")
    assert not constraint.allowed(len(tokenizer))[end]
    constraint.take(a)
    allowed = constraint.allowed(len(tokenizer)).nonzero()[:, 0].tolist()
    assert sorted(allowed) == sorted([end, 1, b])
    constraint.take(b)
    assert constraint.allowed(len(tokenizer)).nonzero()[:, 0].tolist() == [end, 1]
    constraint.rollback(1)
    assert constraint.allowed(len(tokenizer)).nonzero()[:, 0].tolist() == allowed


def test_the_distribution_is_that_of_the_rest(tokenizer):
    a, b = (tokenizer(letter)["input_ids"][0] for letter in "ab")
    sampling = Sampling(regex="[ab]", temperature=1.0)
    drawing = SamplingState(sampling, 0, [], constraint_of(sampling, tokenizer, [0]))
    logits = torch.zeros(len(tokenizer))
    logits[a], logits[b] = 1.0, 2.0
    blanks = tokenizer(" a")["input_ids"]
    logits[[i for i in blanks if i != a]] = -1e9
    found = distribution(logits, drawing)
    expected = torch.tensor([1.0, 2.0]).softmax(-1)
    assert found[[a, b]].tolist() == pytest.approx(expected.tolist())


def test_answers_side_by_side_keep_to_their_own(tokenizer):
    asked = [Sampling(choice=(word,)) for word in ("otter", "heron")]
    drawings = [SamplingState(own, 0, [], constraint_of(own, tokenizer, [0])) for own in asked]
    for _ in range(12):
        sample(torch.zeros(2, len(tokenizer)), drawings)
    texts = [
        StopCondition(tokenizer, Sampling(), frozenset({0})).text(own.written) for own in drawings
    ]
    assert texts == ["otter", "heron"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"regex": "(?=a)b"}, "look-around"),
        ({"regex": r"(a)\1"}, "backreferences are not supported"),
        ({"regex": "a)|(b"}, "unopened group"),
        ({"regex": "[]"}, "unclosed character class"),
        ({"regex": r"[^\s\S]"}, "no answer can be so"),
        ({"regex": "(" * 1900 + "a" + ")" * 1900}, "nested parentheses"),
        ({"json_schema": '{"type": "nonsense"}'}, "Invalid type: nonsense"),
        ({"json_schema": '{"$ref": "http://localhost/a"}'}, "does not fetch"),
        ({"json_schema": '{"$ref": "#/$defs/none"}'}, "does not exist"),
        ({"json_schema": '{"$ref": "#"}'}, "no answer can be so"),
        ({"json_schema": '{"enum": []}'}, "Unsatisfiable"),
        ({"json_schema": '{"not": {}}'}, "Unimplemented keys"),
    ],
)
def test_refused_in_a_sentence(tokenizer, asked, said):
    assert said in refused(tokenizer, **asked)


def test_growing_schemas_and_expressions_neither_hang_nor_end_the_process(tokenizer):
    any_of = [
        {"anyOf": [{"properties": {f"p{j}{i}": {}}, "required": [f"p{j}{i}"]} for i in range(4)]}
        for j in range(8)
    ]
    begun = time.monotonic()
    refused(tokenizer, json_schema=json.dumps({"type": "object", "allOf": any_of}))
    for pattern in (
        "a{100000000}",
        "(a{1,1000}b{1,1000}){1,1000}c",
        "a?" * 1900 + "b",
        ".*" * 1900,
    ):
        with contextlib.suppress(ConfigError):
            constraint_of(Sampling(regex=pattern), tokenizer, [0])
    assert time.monotonic() - begun < 20


def test_an_answer_that_outgrows_what_can_be_followed_says_so(tokenizer):
    with pytest.raises(ConfigError, match="regex: cannot be followed"):
        written(tokenizer, regex="a{100000000}")


def test_a_vocabulary_that_lacks_the_letters():
    vocabulary = {"</s>": 0, "<unk>": 1, "a": 2}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    backend.decoder = decoders.Fuse()
    own = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", unk_token="<unk>"
    )
    assert "cannot be followed" in refused(own, choice=("zebra",))
    assert written(own, choice=("aa",))[1] == "aa"


def test_vocabularies_that_cannot_be_followed():
    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    own = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="[UNK]")
    with pytest.raises(NotApplicableError, match="WordPiece"):
        constraint_of(Sampling(regex="a"), own, [0])


def test_it_takes_a_token_that_ends(tokenizer):
    with pytest.raises(NotApplicableError, match="has to end somewhere"):
        constraint_of(Sampling(regex="a"), tokenizer, [])


def test_a_vocabulary_is_read_once_and_forgotten_with_its_tokenizer(tokenizer):
    first, second = (constraint_of(Sampling(regex="ab"), tokenizer, [0]) for _ in range(2))
    first.take(tokenizer("a")["input_ids"][0])
    assert first.allowed(len(tokenizer)).tolist() != second.allowed(len(tokenizer)).tolist()


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_model_keeps_to_it_in_company(family, model_folder):
    model = HuggingFace(path=str(model_folder(family))).load()
    prompts = [Prompt("who?"), Prompt("which animal lives in the river? " * 2)]
    sampling = Sampling(max_new_tokens=40, choice=("otter", "heron"))
    with ThreadPoolExecutor(2) as pool:
        free = pool.submit(model.generate, prompts, Sampling(max_new_tokens=40))
        answers = model.generate(prompts, sampling)
    assert all(answer.text in sampling.choice and not answer.is_cut for answer in answers)
    assert free.result() == model.generate(prompts, Sampling(max_new_tokens=40))
    *pieces, answer = model.stream(prompts[0], sampling)
    assert "".join(pieces) == answer.text == answers[0].text


def test_who_asks_for_what_cannot_be_harms_nobody(tiny):
    prompt, plain = Prompt("who?"), Sampling(max_new_tokens=100)
    alone = tiny.generate([prompt], plain)
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(lambda: [tiny.generate([prompt], plain) for _ in range(5)])
        for asked in ({"regex": "("}, {"regex": "a{100000000}"}):
            with pytest.raises(ConfigError, match="regex: cannot be followed"):
                tiny.generate([prompt], Sampling(**asked))
            with pytest.raises(ConfigError, match="regex: cannot be followed"):
                list(tiny.stream(prompt, Sampling(**asked)))
    assert [answer.text for (answer,) in others.result()] == [alone[0].text] * 5
