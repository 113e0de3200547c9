"""How likely a network finds each token of a text, and what it expects after it.

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
    """What stands before it, and is not told."""
    ids: list[int]
    """One at least."""
    route: int | None = None
    """As in `decoding.forced.Request`."""


class PromptLogprobs(NamedTuple):
    """The tokens of a text as the network finds them."""

    tokens: list[Token]
    """Not-a-number is the log-probability of a token that nothing stands before."""
    next_token: Token
    """What the network finds likeliest after them."""
    next_id: int


@torch.inference_mode()
def weigh_tokens(
    model: LocalModel, texts: Sequence[GivenTokens], num_likeliest: int
) -> list[PromptLogprobs]:
    """Weigh every token of the texts, each text in one pass.

    Args:
        model: Whose network reads them; a decoder.
        texts: Each within the context window, with a token to spare.
        num_likeliest: Tokens told in the place of each.
    """
    # The last token stands once more for the one that is not there yet: it is predicted, not read.
    requests = [
        ScoringRequest(
            t.before or t.ids[:1], [[*(t.ids if t.before else t.ids[1:]), t.ids[-1]]], t.route
        )
        for t in texts
    ]
    found: dict[int, PromptLogprobs] = {}
    for weighed in forced_logits([(model.network, requests)]):
        logprobs = weighed.logits[0].float().log_softmax(-1)  # (T, V)
        told = _told(model, texts[weighed.request], logprobs, num_likeliest)
        found[weighed.request] = told
    return [found[i] for i in range(len(texts))]


def _told(
    model: LocalModel, text: GivenTokens, logprobs: torch.Tensor, num_likeliest: int
) -> PromptLogprobs:
    read = text.ids if text.before else text.ids[1:]
    best, places = logprobs.topk(max(1, num_likeliest), dim=-1)
    target = torch.tensor(read, dtype=torch.long, device=logprobs.device)
    own = logprobs[:-1].gather(1, target[:, None])[:, 0].tolist()
    rows = [
        tuple(zip(map(model.tokenizer.decode, ids), values, strict=True))
        for ids, values in zip(places[..., None].tolist(), best.tolist(), strict=True)
    ]
    tokens = [
        Token(model.tokenizer.decode([i]), logprob, row[:num_likeliest])
        for i, logprob, row in zip(read, own, rows[:-1], strict=True)
    ]
    if not text.before:
        tokens.insert(0, Token(model.tokenizer.decode(text.ids[:1]), math.nan))
    (said, logprob), *_ = rows[-1]
    return PromptLogprobs(
        tokens, Token(said, logprob, rows[-1][:num_likeliest]), places[-1, 0].item()
    )
