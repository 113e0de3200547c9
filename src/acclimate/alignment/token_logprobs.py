"""What a network says of each token of given answers.

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
    """At the N places before an answer's tokens, row by row."""

    hidden: torch.Tensor
    """What the output layer reads, (N, D)."""
    logits: torch.Tensor
    """(N, V)."""
    tokens: torch.Tensor
    """The answers' tokens, (N,)."""
    lengths: list[int]
    """Tokens of each row's answer; N in all."""

    @cached_property
    def logprobs(self) -> torch.Tensor:
        """Of the tokens, nats, (N,)."""
        return -functional.cross_entropy(self.logits, self.tokens, reduction="none")

    @cached_property
    def entropies(self) -> torch.Tensor:
        """Of the distributions that the tokens came from, nats, (N,)."""
        logprobs = self.logits.log_softmax(-1)
        return -(logprobs.exp() * logprobs).sum(-1)

    def kl(self, other: "AnswerLogits") -> torch.Tensor:
        """KL(self ‖ other) of those distributions, nats, (N,)."""
        own, others = self.logits.log_softmax(-1), other.logits.log_softmax(-1)
        return (own.exp() * (own - others)).sum(-1)

    def sums(self) -> torch.Tensor:
        """Log-probabilities of whole answers, nats, (B,)."""
        return torch.stack([own.sum() for own in self.logprobs.split(self.lengths)])

    def last(self) -> torch.Tensor:
        """What stands before each answer's last token, its end: (B, D)."""
        ends = torch.tensor(self.lengths, device=self.hidden.device).cumsum(0) - 1
        return self.hidden[ends]


def answer_logits(network: Any, batch: Batch) -> AnswerLogits:
    """One pass over a batch, without dropout: a policy that drops units is not the one that wrote.

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
    """A prompt, an answer to it and the answer's end, as the model's network reads them."""
    ids, own = core.encode(prompt, text)
    end = ending(core.network, core.tokenizer) or ([] if own else [0])
    return TokenizedExample(ids, [*own, *end], route=core.route(prompt))


def in_passes(lengths: Sequence[int]) -> Iterator[slice]:
    """Neighbours that fit in one pass when each is as long as the longest, `MAX_PASS_TOKENS`."""
    each = max(1, MAX_PASS_TOKENS // max(lengths, default=1))
    for start in range(0, len(lengths), each):
        yield slice(start, start + each)
