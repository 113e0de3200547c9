"""Words that search compares."""

import pytest

from acclimate.data.normalization import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain words, folded.", ["plain", "words", "folded"]),
        ("json.dumps(obj)", ["json.dumps", "json", "dumps", "obj"]),
        ("urllib.request's", ["urllib.request", "urllib", "request", "s"]),
        ("max_new_tokens", ["max_new_tokens", "max", "new", "tokens"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("__init__", ["__init__", "init"]),
        ("--dry-run", ["dry-run", "dry", "run"]),
        ("std::vector", ["std::vector", "std", "vector"]),
        ("the end. Then", ["the", "end", "then"]),
        ("Straße café", ["strasse", "café"]),
        ("検索する", ["検索", "索す", "する"]),
        ("a字b", ["a", "字", "b"]),
        ("ﬁle", ["file"]),  # a ligature
        ("?! …", []),
        ("", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected
