"""Continuation items against the text they come from."""

from hypothesis import given
from hypothesis import strategies as st

from acclimate.tasks.continuations import continuation_items, sentences

TEXTS = [
    (f"g{i}", " ".join(f"Sentence {i}{c} tells of the number {i} and of {c}." for c in "abcd"))
    for i in range(5)
]


def test_sentences_end_before_capitals():
    assert sentences("One is 1.5 long. Two! (Three) e.g. this? Four.") == [
        "One is 1.5 long.", "Two!", "(Three) e.g. this?", "Four.",
    ]  # fmt: skip


def test_the_target_is_what_follows():
    text = dict(TEXTS)
    for item in continuation_items(TEXTS, num_items=100, seed=0, prefix="p"):
        assert f"{item.question} {item.target}" in text[item.group]
        assert item.target in item.choices
        assert len(set(item.choices)) == 4


@given(num_items=st.integers(0, 20), seed=st.integers(0, 3))
def test_number_and_determinism(num_items, seed):
    once = continuation_items(TEXTS, num_items=num_items, seed=seed, prefix="p")
    assert len(once) == min(num_items, 15)  # three pairs in each of five texts
    assert once == continuation_items(TEXTS, num_items=num_items, seed=seed, prefix="p")
    assert len({item.id for item in once}) == len(once)


def test_the_place_of_the_target_tells_nothing():
    texts = [(f"g{i}", TEXTS[i % 5][1].replace("tells", f"tells{i}")) for i in range(200)]
    items = continuation_items(texts, num_items=400, seed=0, prefix="p")
    places = [item.choices.index(item.target) for item in items]
    # Expected 100 each; four standard deviations are 35.
    assert all(65 < places.count(place) < 135 for place in range(4))


def test_too_little_text_gives_no_items():
    text = [("g", "One sentence of some fair length. Another sentence of some length.")]
    assert continuation_items(text, num_items=5, seed=0, prefix="p") == ()
