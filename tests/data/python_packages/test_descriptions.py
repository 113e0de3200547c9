"""Prose of installed distributions: distinct, bounded, in one order."""

from acclimate.data.python_packages.descriptions import distribution_prose


def test_prose_is_distinct_bounded_and_of_many_hands():
    found = list(distribution_prose(max_bytes=15_000))
    texts = [text for _, text in found]
    assert len(set(texts)) == len(texts) >= 30
    assert 15_000 <= sum(len(text.encode()) for text in texts) < 16_500
    assert len({owner for owner, _ in found}) >= 15
    assert all(160 <= len(text) <= 700 for text in texts)
    assert not any("http" in text or "```" in text for text in texts)


def test_the_same_twice_and_without_what_is_excluded():
    once = list(distribution_prose(max_bytes=5_000))
    assert once == list(distribution_prose(max_bytes=5_000))
    owner = once[0][0]
    assert owner not in {name for name, _ in distribution_prose([owner], max_bytes=5_000)}
