"""Guesses against what the network says: right ones are written, and one more.

Letters: B rows, T tokens read of each, V vocabulary.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import torch
from torch.nn.functional import pad

from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.engine.request import SequenceRef
from acclimate.inference.sampling.sampler import (
    SamplingState,
    distribution,
    likeliest,
    sample,
    write,
)
from acclimate.inference.sampling.speculative_acceptance import judge
from acclimate.inference.stop_strings import NUM_AT_ONCE


class Verdict(NamedTuple):
    """What became of a row's guesses."""

    num_judged: int
    """Those before which all were right."""
    num_kept: int
    """Of them, those that were right too."""


def verify(
    logits: torch.Tensor,
    drafts: Sequence[Draft],
    drawings: Sequence[SamplingState],
    is_over: Callable[[int], bool],
) -> list[Verdict]:
    """Write each row's next tokens, by Leviathan et al. (2023), algorithm 1.

    A guess with no chance in it, as of greedy answers and of looking up, is right where it is what
    is drawn from the target anyway: the paper's rule with q = 1 there. So the answer is not only
    distributed as without guesses but the very same, draw for draw.

    Args:
        logits: After each row's last token and after each of its guesses, (B, T, V).
        drafts: Of each row, T - 1 guesses at most; of plain ones none that ends an answer.
        drawings: How each row is drawn.
        is_over: Told a row that has new tokens; whether it ends there, or ended at a stop string
            among them.
    """
    is_any_plain = any(drawing.is_plain for drawing in drawings)
    best = likeliest(logits).tolist() if is_any_plain else [[]] * len(drawings)
    return [
        _judged(_Said(logits[row], best[row]), draft, drawing, partial(is_over, row))
        for row, (draft, drawing) in enumerate(zip(drafts, drawings, strict=True))
    ]


def drafts_of(seats: Sequence[SequenceRef], rows: Sequence[Any]) -> list[Draft]:
    """Guesses at what follows each row, or nothing at all where no row has any.

    Args:
        seats: Whose rows they are, each with a last token that has not been read.
        rows: Of each reader; where answers are guessed ahead there is one.
    """
    if not any(call.speculation for call, _ in seats):
        return []
    drafts = []
    for (call, place), ids in zip(seats, rows[0].ids, strict=True):
        drawing, guesses = call.sampling_states[place], call.row_drafts[place]
        room = int(call.max_new_tokens_each[place]) - len(drawing.written) - 1
        so_far = [*ids, drawing.written[-1]]
        drafts.append(guesses.draft(so_far, room, drawing, len(seats)) if guesses else Draft())
    return drafts if any(draft.tokens for draft in drafts) else []


def write_ahead(seats: Sequence[SequenceRef], rows: Any, drafts: Sequence[Draft]) -> None:
    """Read each row's last token and its guesses in one pass, and write what is right of them."""
    drawings = [call.sampling_states[place] for call, place in seats]
    width = max(len(draft.tokens) for draft in drafts)
    tokens = [
        [drawing.written[-1], *draft.tokens, *[0] * (width - len(draft.tokens))]
        for drawing, draft in zip(drawings, drafts, strict=True)
    ]

    def is_over(row: int) -> bool:
        call, place = seats[row]
        return call.is_finished(place)

    verdicts = verify(rows.decode(torch.tensor(tokens)), drafts, drawings, is_over)
    rows.rollback([width - verdict.num_kept for verdict in verdicts])
    for (call, place), draft, verdict in zip(seats, drafts, verdicts, strict=True):
        if guesses := call.row_drafts[place]:
            guesses.learn(len(draft.tokens), *verdict)


class _Said(NamedTuple):
    """What the network says after each token of one row."""

    logits: torch.Tensor
    """(T, V)."""
    likeliest: Sequence[int]
    """Where answers are plainly greedy."""


def _judged(
    said: _Said, draft: Draft, drawing: SamplingState, is_over: Callable[[], bool]
) -> Verdict:
    if drawing.is_plain and (found := _at_once(said.likeliest, draft, drawing, is_over)):
        return found
    # Behind the last guess stands none, which no token equals.
    for place, guess in enumerate([*draft.tokens, None]):
        if drawing.is_plain:
            token = said.likeliest[place]
            drawing.write(token)
        elif draft.probs is None or guess is None:
            token = int(sample(said.logits[place][None], [drawing]))
        else:
            token = _replaced(said.logits[place], draft.probs[place], guess, drawing)
        is_right = token == guess
        if not is_right or is_over():
            break
    return Verdict(min(place + 1, len(draft.tokens)), place + is_right)


def _at_once(
    best: Sequence[int], draft: Draft, drawing: SamplingState, is_over: Callable[[], bool]
) -> Verdict | None:
    """All that is right of a greedy answer's guesses; None: it may end within them.

    Looking whether it ends takes long beside a small network's pass. Behind the last token the loop
    looks anyway.
    """
    pairs = zip(draft.tokens, best, strict=False)
    num_right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if num_right >= NUM_AT_ONCE:
        return None
    for token in best[: num_right + 1]:
        drawing.write(token)
    if num_right and is_over():
        drawing.rollback(num_right + 1)
        return None
    return Verdict(min(num_right + 1, len(draft.tokens)), num_right)


def _replaced(logits: torch.Tensor, draft: torch.Tensor, guess: int, drawing: SamplingState) -> int:
    """The guess, or what takes its place, written down."""
    target = distribution(logits, drawing)
    # Networks of one vocabulary may have rows to spare, each its own number of them.
    num_spare = len(target) - len(draft)
    target, draft = pad(target, (0, max(0, -num_spare))), pad(draft, (0, max(0, num_spare)))
    token = judge(guess, target, draft, drawing.uniform)
    write(logits[None], [drawing], [token])
    return token
