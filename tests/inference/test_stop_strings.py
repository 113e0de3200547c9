"""An answer ends at the end token or before a stop string, and is shown as it grows."""

from itertools import takewhile

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from acclimate.core.model import Sampling
from acclimate.inference.stop_strings import NUM_AT_ONCE, IncrementalDetokenizer, StopCondition


@pytest.mark.parametrize(
    ("said", "stop", "kept"),
    [
        ("the answer\nis in", ("\n",), "the answer"),
        ("\n\nthe answer", ("\n",), None),
        ("the answer is", ("is", "answer"), "the"),
        ("the answer", (), None),
    ],
)
def test_stop_strings(said, stop, kept, tokenizer):
    ending = StopCondition(tokenizer, Sampling(stop=stop), frozenset())
    ids = tokenizer(said)["input_ids"]
    assert ending.is_met(ids) == (kept is not None)
    assert ending.text(ids) == (said.strip() if kept is None else kept)


def test_the_end_token(tokenizer):
    ending = StopCondition(tokenizer, Sampling(), frozenset({tokenizer.eos_token_id}))
    ids = [*tokenizer("the answer")["input_ids"], tokenizer.eos_token_id]
    assert ending.is_met(ids)
    assert ending.text(ids) == "the answer"


def test_an_end_that_the_tokenizer_shows_is_not_part_of_the_text(tokenizer):
    shown = tokenizer("?")["input_ids"]
    ending = StopCondition(tokenizer, Sampling(), frozenset(shown))
    assert ending.text([*tokenizer("the answer")["input_ids"], *shown]) == "the answer"


def test_a_stop_string_may_straddle_tokens_and_lie_inside_one(tokenizer):
    ids = tokenizer("the passage answer")["input_ids"]
    spelled = [tokenizer.decode([i]) for i in ids]
    assert " passage" in spelled
    straddling = StopCondition(tokenizer, Sampling(stop=("e an",)), frozenset())
    reached = [straddling.is_met(ids[:n]) for n in range(1, len(ids) + 1)]
    assert reached.index(True) == min(
        n for n in range(len(ids)) if "e an" in "".join(spelled[: n + 1])
    )
    assert straddling.text(ids) == "the passag"
    inside = StopCondition(tokenizer, Sampling(stop=("ss",)), frozenset())
    assert inside.text(ids) == "the pa"
    assert inside.is_met(ids[: spelled.index(" passage") + 1])


def test_pieces_hold_what_may_be_taken_back(tokenizer):
    pieces = IncrementalDetokenizer(StopCondition(tokenizer, Sampling(stop=("\nQ:",)), frozenset()))
    whole = [*"  no", "\n", "Q", "é", " ", "?"]
    ids, shown = [], []
    for part in whole:
        for token in tokenizer(part)["input_ids"]:
            ids.append(token)
            shown.append((tokenizer.decode([token]), pieces.add(ids)))
    assert [piece for _, piece in shown] == [
        *["", "", "n", "o", "", ""],
        *["", "\nQé"],  # the two bytes of é
        *["", " ?"],
    ]
    assert pieces.end(ids) == ""


def is_over(ending, ids):
    """By its definition, from the whole answer."""

    def said(ids):
        return ending.tokenizer.decode(ids, skip_special_tokens=True).lstrip()

    text = said(ids)
    if any("\ufffd" in stop for stop in ending.sampling.stop):
        # Half a character may become a whole one: only what stays whatever follows is known.
        rest = [[byte] * n for byte in following(ending.tokenizer) for n in (1, 2, 3)]
        alike = zip(text, *(said(ids + more) for more in rest), strict=False)
        text = "".join(same[0] for same in takewhile(lambda same: len(set(same)) == 1, alike))
    return ids[-1] in ending.stop_ids or any(stop in text for stop in ending.sampling.stop)


def following(tokenizer):
    """Tokens of bytes that characters go on with."""
    if tokenizer.convert_tokens_to_ids("<0x80>") not in {None, tokenizer.unk_token_id}:
        return tokenizer.convert_tokens_to_ids(["<0x80>", "<0x90>", "<0xA0>"])
    # As byte-level tokenizers write them.
    return tokenizer.convert_tokens_to_ids(["\u0122", "\u0132", "\u0142"])


UNKNOWN = st.lists(st.text("a\ufffd", min_size=1, max_size=2), min_size=1, max_size=2).map(tuple)
STOPS = st.lists(st.text("yesnoab. \n?é", min_size=1, max_size=4), max_size=3).map(tuple)
BYTES_OF_A_RUN = [0xE4, 0xBD, 0xA0, 0xE5]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), STOPS | UNKNOWN, st.sampled_from(["tokenizer", "sentence_piece"]))
@example(BYTES_OF_A_RUN, ("é",), "sentence_piece")
@example([0x20, 0x80], ("é",), "sentence_piece")
def test_pieces_joined_are_the_text(request, data, stop, name):
    tokenizer = request.getfixturevalue(name)
    ending = StopCondition(tokenizer, Sampling(stop=stop), frozenset({tokenizer.eos_token_id}))
    likely = [tokenizer(c, add_special_tokens=False)["input_ids"][-1] for c in "yesno .\n ?é"]
    likely += [tokenizer.convert_tokens_to_ids("▁"), tokenizer.eos_token_id, *following(tokenizer)]
    likely = [i for i in likely if i is not None]
    anything = st.integers(0, len(tokenizer) - 1)
    if isinstance(data, list):
        ids = [*tokenizer("yes")["input_ids"], *(byte + 2 for byte in data)]
        ids += tokenizer("no")["input_ids"]
    else:
        ids = data.draw(st.lists(st.sampled_from(likely) | anything, min_size=1, max_size=40))
    length = next((n for n in range(1, len(ids)) if is_over(ending, ids[:n])), len(ids))
    ids = ids[:length]
    pieces, said = IncrementalDetokenizer(ending), ""
    for n in range(1, length + 1):
        piece = pieces.add(ids[:n])
        said += piece
        is_reached = ending.is_met(ids[:n])
        # Of bytes that are no character it may be known only by what follows them.
        is_late = ids[n - 1] not in ending.stop_ids and any("\ufffd" in s for s in stop)
        assert is_reached == is_over(ending, ids[:n]) or (is_late and not is_reached)
        assert not piece.endswith((" ", "\n"))
    assert said + pieces.end(ids) == ending.text(ids)
    assert not any(s in ending.text(ids) for s in stop)


def test_half_a_character_is_not_yet_unknown(tokenizer):
    ending = StopCondition(tokenizer, Sampling(stop=("\ufffd",)), frozenset())
    whole = tokenizer("no \N{GRINNING FACE} yes")["input_ids"]
    pieces = IncrementalDetokenizer(ending)
    said = [pieces.add(whole[:n]) for n in range(1, len(whole) + 1)]
    assert not any(ending.is_met(whole[:n]) for n in range(1, len(whole) + 1))
    assert "".join(said) + pieces.end(whole) == ending.text(whole) == "no \N{GRINNING FACE} yes"
    half = [*tokenizer("no")["input_ids"], following(tokenizer)[0]]
    assert not ending.is_met(half)
    assert ending.text(half) == "no"
    assert ending.is_met([*half, *tokenizer("yes")["input_ids"]])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 400), st.integers(1, NUM_AT_ONCE), STOPS)
def test_long_answers_end_where_short_ones_do(tokenizer, num_before, num_new, stop):
    assume(stop)
    ids = tokenizer("w" * num_before + "the answer is\n no? yes.")["input_ids"]
    ending = StopCondition(tokenizer, Sampling(stop=stop), frozenset())
    for n in range(num_new, len(ids), num_new):
        assert ending.is_met(ids[:n]) == is_over(ending, ids[:n])
        if is_over(ending, ids[:n]):
            break


def test_what_is_read_at_a_token_does_not_grow(tokenizer):
    read = []

    class Counting:
        def decode(self, ids, **how):
            read.append(len(ids))
            return tokenizer.decode(ids, **how)

    ending = StopCondition(Counting(), Sampling(stop=("\n\n",)), frozenset())
    pieces, ids = IncrementalDetokenizer(ending), tokenizer("the answer is " * 300)["input_ids"]
    for n in range(1, len(ids)):
        pieces.add(ids[:n])
        ending.is_met(ids[:n])
    assert max(read) <= NUM_AT_ONCE + 2
