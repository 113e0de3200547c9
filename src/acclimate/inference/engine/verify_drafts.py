"""Speculative decoding: write the drafted tokens that the target accepts.

Letters: B rows, one a sequence; T tokens read of each, V vocabulary.
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
    """How many drafted tokens of a row were accepted."""

    num_judged: int
    """Those before which all were accepted."""
    num_kept: int
    """Of them, those that were accepted too."""


def verify(
    logits: torch.Tensor,
    drafts: Sequence[Draft],
    states: Sequence[SamplingState],
    is_over: Callable[[int], bool],
) -> list[Verdict]:
    """Write each row's next tokens, by Leviathan et al. (2023), algorithm 1.

    A draft that was not sampled, as of greedy answers and of prompt lookup, is accepted where it is
    what is drawn from the target anyway: the paper's rule with q = 1 there. So the answer is not
    only distributed as without drafts but the very same, draw for draw.

    Args:
        logits: After each row's last token and after each of its drafted ones, (B, T, V).
        drafts: Of each row, T - 1 tokens at most; of plain ones none that ends an answer.
        states: The sampling state of each row.
        is_over: Whether a row (by its number) that has new tokens ends there, or ended at a stop
            string among them.
    """
    is_any_plain = any(state.is_plain for state in states)
    best = likeliest(logits).tolist() if is_any_plain else [[]] * len(states)
    return [
        _verify_row(_Target(logits[row], best[row]), draft, state, partial(is_over, row))
        for row, (draft, state) in enumerate(zip(drafts, states, strict=True))
    ]


def drafts_of(sequences: Sequence[SequenceRef], batches: Sequence[Any]) -> list[Draft]:
    """Drafted tokens behind each sequence, or nothing at all where no sequence has any.

    Args:
        sequences: Each with a last token that has not been read.
        batches: Of each source; where sequences are drafted there is one.
    """
    if not any(request.speculation for request, _ in sequences):
        return []
    drafts = []
    for (request, index), read_ids in zip(sequences, batches[0].ids, strict=True):
        state, row_drafts = request.sampling_states[index], request.row_drafts[index]
        room = int(request.max_new_tokens_each[index]) - len(state.written) - 1
        ids = [*read_ids, state.written[-1]]
        drafts.append(row_drafts.draft(ids, room, state, len(sequences)) if row_drafts else Draft())
    return drafts if any(draft.tokens for draft in drafts) else []


def write_ahead(sequences: Sequence[SequenceRef], batch: Any, drafts: Sequence[Draft]) -> None:
    """Read each row's last token and its draft in one pass, and write the accepted tokens."""
    states = [request.sampling_states[index] for request, index in sequences]
    width = max(len(draft.tokens) for draft in drafts)
    tokens = [
        [state.written[-1], *draft.tokens, *[0] * (width - len(draft.tokens))]
        for state, draft in zip(states, drafts, strict=True)
    ]

    def is_over(row: int) -> bool:
        request, index = sequences[row]
        return request.is_finished(index)

    verdicts = verify(batch.decode(torch.tensor(tokens)), drafts, states, is_over)
    batch.rollback([width - verdict.num_kept for verdict in verdicts])
    for (request, index), draft, verdict in zip(sequences, drafts, verdicts, strict=True):
        if row_drafts := request.row_drafts[index]:
            row_drafts.learn(len(draft.tokens), *verdict)


class _Target(NamedTuple):
    """What the target network predicts after each token of one row."""

    logits: torch.Tensor
    """(T, V)."""
    likeliest: Sequence[int]
    """The likeliest token after each; empty where no row of the batch is plainly greedy."""


def _verify_row(
    target: _Target, draft: Draft, state: SamplingState, is_over: Callable[[], bool]
) -> Verdict:
    if state.is_plain and (verdict := _verify_greedy(target.likeliest, draft, state, is_over)):
        return verdict
    # Behind the last drafted token stands None, which no token equals.
    for position, drafted in enumerate([*draft.tokens, None]):
        if state.is_plain:
            token = target.likeliest[position]
            state.write(token)
        elif draft.probs is None or drafted is None:
            token = int(sample(target.logits[position][None], [state]))
        else:
            token = _accept_or_resample(
                target.logits[position], draft.probs[position], drafted, state
            )
        is_right = token == drafted
        if not is_right or is_over():
            break
    return Verdict(min(position + 1, len(draft.tokens)), position + is_right)


def _verify_greedy(
    best: Sequence[int], draft: Draft, state: SamplingState, is_over: Callable[[], bool]
) -> Verdict | None:
    """Write all accepted tokens of a greedy answer at once; None: it may end among them.

    Testing for its end takes long beside a small network's pass. Behind the last token the
    scheduler tests anyway.
    """
    pairs = zip(draft.tokens, best, strict=False)
    num_right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if num_right >= NUM_AT_ONCE:
        return None
    for token in best[: num_right + 1]:
        state.write(token)
    if num_right and is_over():
        state.rollback(num_right + 1)
        return None
    return Verdict(min(num_right + 1, len(draft.tokens)), num_right)


def _accept_or_resample(
    logits: torch.Tensor, draft: torch.Tensor, drafted: int, state: SamplingState
) -> int:
    """Write the drafted token, or the one that is drawn in its stead."""
    target = distribution(logits, state)
    # Networks of one vocabulary may have rows to spare, each its own number of them.
    num_spare = len(target) - len(draft)
    target, draft = pad(target, (0, max(0, -num_spare))), pad(draft, (0, max(0, num_spare)))
    token = judge(drafted, target, draft, state.uniform)
    write(logits[None], [state], [token])
    return token
