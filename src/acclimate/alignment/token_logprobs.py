"""Log-probabilities of the tokens of given answers under a network.

Letters: B rows, T tokens of a row, N tokens of all answers, D width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn import functional

from acclimate.core.prompt import Prompt
from acclimate.data.tokenizers.chat_template import ending
from acclimate.nn.output_head import hidden_and_logits
from acclimate.training.batch_source import MAX_PASS_TOKENS
from acclimate.training.losses import on_device
from acclimate.training.packing import IGNORED, Batch, TokenizedExample


@dataclass(frozen=True)
class AnswerLogits:
    """Hidden states and logits at the N positions that predict an answer's tokens, row by row."""

    hidden: torch.Tensor
    """The input of the output layer, (N, D)."""
    logits: torch.Tensor
    """(N, V)."""
    tokens: torch.Tensor
    """The answers' tokens, (N,)."""
    lengths: list[int]
    """Tokens of each row's answer; N in all."""

    @cached_property
    def logprobs(self) -> torch.Tensor:
        """Log-probabilities of the tokens, nats, (N,)."""
        return -functional.cross_entropy(self.logits, self.tokens, reduction="none")

    @cached_property
    def entropies(self) -> torch.Tensor:
        """Entropies of the distributions at the N positions, nats, (N,)."""
        logprobs = self.logits.log_softmax(-1)
        return -(logprobs.exp() * logprobs).sum(-1)

    def kl(self, other: "AnswerLogits") -> torch.Tensor:
        """KL(self ‖ other) of the distributions at the N positions, nats, (N,)."""
        logprobs, other_logprobs = self.logits.log_softmax(-1), other.logits.log_softmax(-1)
        return (logprobs.exp() * (logprobs - other_logprobs)).sum(-1)

    def sums(self) -> torch.Tensor:
        """Log-probabilities of whole answers, nats, (B,)."""
        return torch.stack([row.sum() for row in self.logprobs.split(self.lengths)])

    def last(self) -> torch.Tensor:
        """Hidden states at the position that predicts each answer's last token, its end: (B, D)."""
        ends = torch.tensor(self.lengths, device=self.hidden.device).cumsum(0) - 1
        return self.hidden[ends]


def answer_logits(network: Any, batch: Batch) -> AnswerLogits:
    """One pass over a batch, without dropout: with it the policy is not the one that sampled.

    Args:
        network: Left in evaluation mode.
        batch: Of answers, one a row.
    """
    network.eval()
    inputs, labels = on_device(network, batch)
    chosen = labels != IGNORED
    hidden, logits = hidden_and_logits(network, inputs, chosen)
    return AnswerLogits(hidden, logits, labels[chosen], chosen.sum(-1).tolist())


def encode_answer(core: Any, prompt: Prompt, text: str) -> TokenizedExample:
    """Tokens of a prompt, an answer to it and the answer's end, as the model encodes them."""
    prompt_ids, answer_ids = core.encode(prompt, text)
    end = ending(core.network, core.tokenizer) or ([] if answer_ids else [0])
    return TokenizedExample(prompt_ids, [*answer_ids, *end], route=core.route(prompt))


def in_passes(lengths: Sequence[int]) -> Iterator[slice]:
    """Slices of neighbours within `MAX_PASS_TOKENS`, each counted as long as the longest of all."""
    each = max(1, MAX_PASS_TOKENS // max(lengths, default=1))
    for start in range(0, len(lengths), each):
        yield slice(start, start + each)
