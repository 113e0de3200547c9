"""Words between spaces and what they cost, by hand."""

import pytest

from acclimate.data.tokenizers.long_words import long_words, num_pieces, words_between_spaces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The acid, (hydroxychloroquine).", ["The", "acid", "hydroxychloroquine"]),
        ("(2S)-2-aminopropanoic C6H12O6;", ["(2S)-2-aminopropanoic", "C6H12O6"]),
        ("see 10.1056/NEJMoa2034577). [12] 3.5 %", ["see", "10.1056/NEJMoa2034577"]),
        ("**bold** `json.dumps()` “said”", ["bold", "json.dumps()", "said"]),
        ("((a) b)", ["a", "b"]),
        ("... () -", []),
    ],
)
def test_words_are_what_stands_between_spaces(text, words):
    assert list(words_between_spaces(text)) == words


def test_costliest_first_by_count_times_pieces_less_one(tokenizer):
    texts = ["zyx zyx zyx answer qwertyuiop.", "zyx, answer answer answer qwertyuiop"]
    sizes = num_pieces(tokenizer, ["zyx", "answer", "qwertyuiop"])
    assert sizes["answer"] == 1
    cost = {"zyx": 4 * (sizes["zyx"] - 1), "qwertyuiop": 2 * (sizes["qwertyuiop"] - 1)}
    ranked = sorted(cost, key=lambda word: -cost[word])
    found = long_words(tokenizer, texts, num_words=9, min_count=2)
    assert [word for word, _ in found] == ranked
    assert dict(found) == {"zyx": 4, "qwertyuiop": 2}
    assert long_words(tokenizer, texts, num_words=1, min_count=2) == found[:1]
    assert long_words(tokenizer, texts, num_words=9, min_count=3) == [("zyx", 4)]
