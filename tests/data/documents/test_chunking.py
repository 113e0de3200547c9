"""Documents cut into passages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acclimate.core.domain import Document
from acclimate.core.errors import ConfigError
from acclimate.data.documents.chunking import chunk_document, count_tokens


def passages(text, chunk=4, overlap=0, title="T"):
    document = Document(id="d", title=title, text=text)
    return chunk_document(document, chunk_tokens=chunk, overlap_tokens=overlap)


def test_tokens_are_words_and_marks():
    assert count_tokens("json.dumps(x)") == 6
    assert count_tokens("two  words\n") == 2
    assert count_tokens("検索 ok") == 3


def test_windows_without_overlap():
    assert [p.text for p in passages("a b c d e f")] == ["a b c d", "e f"]


def test_windows_with_overlap():
    found = [p.text for p in passages("a b c d e f g", overlap=2)]
    assert found == ["a b c d", "c d e f", "e f g"]


def test_overlap_gives_way_to_a_long_next_word():
    # x.y.z counts 5: nothing of `a b` may stand before it, though 2 might overlap.
    assert [p.text for p in passages("a b x.y.z", chunk=5, overlap=2)] == ["a b", "x.y.z"]


def test_a_word_longer_than_a_passage_stands_alone():
    assert [p.text for p in passages("a b.c.d.e f", overlap=1)] == ["a", "b.c.d.e", "f"]


def test_white_space_inside_is_kept():
    assert [p.text for p in passages("  if x:\n    y\n")] == ["if x:\n    y"]


def test_no_passage_crosses_a_heading_and_titles_tell_where():
    found = passages("# T\nzero\n## One\na b c d e\n## Two\nf", overlap=1)
    assert [(p.title, p.text) for p in found] == [
        ("T", "zero"),
        ("T > One", "a b c d"),
        ("T > One", "d e"),
        ("T > Two", "f"),
    ]
    assert {p.document for p in found} == {"d"}


def test_a_document_without_title_goes_by_its_id():
    assert passages("a", title="")[0].title == "d"


def test_text_without_spaces_is_cut_between_characters():
    assert [p.text for p in passages("検索拡張生成", chunk=4)] == ["検索拡張", "生成"]


@pytest.mark.parametrize(("chunk", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_sizes_that_cannot_be(chunk, overlap):
    with pytest.raises(ConfigError, match="chunk_tokens="):
        passages("a", chunk, overlap)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.sampled_from(["a", "bb", "c.d", "x_y.z(1)"]), max_size=40),
    chunk=st.integers(1, 9),
    overlap=st.integers(0, 8),
)
def test_nothing_is_lost_cut_or_too_long(words, chunk, overlap):
    words = [f"{word}{number}" for number, word in enumerate(words)]  # no two alike
    if overlap >= chunk:
        overlap = chunk - 1
    found = [p.text.split() for p in passages(" ".join(words), chunk, overlap)]
    rebuilt: list[str] = []
    for passage in found:
        length = sum(map(count_tokens, passage))
        assert length <= chunk or len(passage) == 1
        rebuilt = _join(rebuilt, passage, words, overlap)
    assert rebuilt == words


def _join(before, passage, words, overlap):
    """Find the overlap that continues the text; it must be short and bring something new."""
    for shared in range(len(passage)):
        joined = before + passage[shared:]
        again = passage[:shared]
        fits = before[len(before) - shared :] == again and words[: len(joined)] == joined
        if fits and sum(map(count_tokens, again)) <= overlap:
            return joined
    raise AssertionError(f"{passage} does not continue {before}")
