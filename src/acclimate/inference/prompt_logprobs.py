"""Prompt log-probabilities: of each token of a text, and of the next after it.

Letters: T tokens of a text, V vocabulary.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from acclimate.core.model import Token
from acclimate.inference.local_model import LocalModel
from acclimate.inference.scoring.loglikelihood import forced_logits
from acclimate.inference.scoring.teacher_forcing import ScoringRequest


class GivenTokens(NamedTuple):
    """A text as token ids."""

    before: list[int]
    """Tokens before it, whose log-probabilities are not wanted."""
    ids: list[int]
    """One at least."""
    route: int | None = None
    """Of the network's adapters, as in `ScoringRequest`."""


class PromptLogprobs(NamedTuple):
    """The tokens of a text with their log-probabilities."""

    tokens: list[Token]
    """The log-probability of a token with nothing before it is not a number."""
    next_token: Token
    """The likeliest after them."""
    next_id: int


@torch.inference_mode()
def weigh_tokens(
    model: LocalModel, texts: Sequence[GivenTokens], num_likeliest: int
) -> list[PromptLogprobs]:
    """Log-probabilities of every token of the texts, each text in one pass.

    Args:
        model: Whose network reads them; a decoder.
        texts: Each within the context window, with a token to spare.
        num_likeliest: Likeliest tokens to give at the position of each.
    """
    # The last token stands once more for the one that is not there yet: it is predicted, not read.
    requests = [
        ScoringRequest(
            t.before or t.ids[:1], [[*(t.ids if t.before else t.ids[1:]), t.ids[-1]]], t.route
        )
        for t in texts
    ]
    by_text: dict[int, PromptLogprobs] = {}
    for forced in forced_logits([(model.network, requests)]):
        logprobs = forced.logits[0].float().log_softmax(-1)  # (T, V)
        by_text[forced.request] = _weigh(model, texts[forced.request], logprobs, num_likeliest)
    return [by_text[i] for i in range(len(texts))]


def _weigh(
    model: LocalModel, text: GivenTokens, logprobs: torch.Tensor, num_likeliest: int
) -> PromptLogprobs:
    read = text.ids if text.before else text.ids[1:]
    best, best_ids = logprobs.topk(max(1, num_likeliest), dim=-1)
    target = torch.tensor(read, dtype=torch.long, device=logprobs.device)
    logprobs_read = logprobs[:-1].gather(1, target[:, None])[:, 0].tolist()
    rows = [
        tuple(zip(map(model.tokenizer.decode, ids), values, strict=True))
        for ids, values in zip(best_ids[..., None].tolist(), best.tolist(), strict=True)
    ]
    tokens = [
        Token(model.tokenizer.decode([i]), logprob, row[:num_likeliest])
        for i, logprob, row in zip(read, logprobs_read, rows[:-1], strict=True)
    ]
    if not text.before:
        tokens.insert(0, Token(model.tokenizer.decode(text.ids[:1]), math.nan))
    (likeliest_text, logprob), *_ = rows[-1]
    return PromptLogprobs(
        tokens, Token(likeliest_text, logprob, rows[-1][:num_likeliest]), best_ids[-1, 0].item()
    )
