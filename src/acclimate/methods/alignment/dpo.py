"""DPO and IPO: learn directly from preference pairs, without a reward model."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch.nn.functional import logsigmoid

from acclimate.alignment.preference_pairs import (
    PairBatch,
    TokenizedPair,
    collate_pairs,
    split_preferences,
)
from acclimate.alignment.token_logprobs import answer_logits, encode_answer
from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.runtime.cost import spend
from acclimate.core.runtime.fit_log import log_value
from acclimate.nn.adapters.low_rank import ALL_LINEAR, LowRank
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.finetune import FinetuneSpec, Split, finetune
from acclimate.training.run import cost_of
from acclimate.training.tuning_settings import TrainingSettings


class DPO(Method):
    """Trains the policy on preference pairs, with no reward model (Rafailov et al. 2023).

    The loss is -log sigmoid(beta (D policy - D reference)), where D is how much likelier the chosen
    answer is than the rejected one, in nats of whole answers. The reference is the base: low-rank
    updates are trained beside it.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2305.18290"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "preferences"})
    is_trained: ClassVar[bool] = True

    beta: float = Field(default=0.1, gt=0)
    """Strength of the penalty for leaving the reference, 1/nats; 0.1 is the paper's."""
    loss: Literal["sigmoid", "ipo"] = "sigmoid"
    """`ipo` aims at a margin of 1 / (2 beta) and stops there, where the logistic loss has no
    optimum on pairs that nobody contradicts (Azar et al. 2024, equation 17). It sums over an
    answer's tokens, as the paper; TRL takes their mean."""
    use_reference: bool = True
    """False: D reference is 0, and nothing but early stopping holds the policy near the base."""
    rank: int = Field(default=8, ge=1)
    """Of the low-rank updates; alpha is twice as much."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Peak; the paper's 1e-6 is for all weights of billions, and small updates take more."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully; a fifth of the prompts is held out to stop by."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train low-rank updates on the pairs, as the base's rewriters render their prompts."""
        spec = FinetuneSpec(
            self._with_adapter,
            examples=partial(self._pairs, seed=seed),
            collate=collate_pairs,
            loss_of=lambda _network: self._loss,
        )
        options: dict[str, Any] = {"learning_rate": self.learning_rate, "settings": self.training}
        tuned = finetune(base, data, spec, **options, seed=seed)
        self._log_held_out(unwrap(base), unwrap(tuned), data, seed)
        return tuned

    def _with_adapter(self, core: Any) -> NeuralModel:
        form = LowRank(self.rank, 2.0 * self.rank, 0.0, ALL_LINEAR)
        adapted: NeuralModel = core.adapted(lambda n: PeftAdapter.new(n, form.config(n)))
        return adapted

    def _pairs(
        self, outside: Unwrapped, data: TrainData, split: Split, *, seed: int
    ) -> Iterable[TokenizedPair]:
        """The pairs with their log-probabilities under the reference, computed before training.

        Low-rank updates begin at zero, so the network about to be trained is the reference.
        """
        part = split_preferences(data, seed)[split == "dev"]
        prompts = outside.render([prompt for prompt, _ in part])
        core = outside.core
        pairs = [
            TokenizedPair(
                encode_answer(core, prompt, preference.chosen),
                encode_answer(core, prompt, preference.rejected),
            )
            for prompt, (_, preference) in zip(prompts, part, strict=True)
        ]
        if not self.use_reference or not pairs:
            return pairs
        reference_logprobs = logprobs(outside.core, pairs).tolist()
        return [
            replace(pair, reference=tuple(both))
            for pair, both in zip(pairs, reference_logprobs, strict=True)
        ]

    def _loss(self, network: Any, batch: PairBatch) -> torch.Tensor:
        policy = answer_logits(network, batch).sums().view(-1, 2)  # (P, 2)
        reference = batch.reference.to(policy.device)
        return batch.summed(dpo_losses(policy, reference, beta=self.beta, loss=self.loss))

    def _log_held_out(
        self, before: Unwrapped, after: Unwrapped, data: TrainData, seed: int
    ) -> None:
        """Log how the held-out pairs changed; rarer chosen answers are DPO's known side effect."""
        pairs = list(self._pairs(before, data, "dev", seed=seed))
        if not pairs:
            return
        gained = logprobs(after.core, pairs) - logprobs(before.core, pairs)  # (P, 2)
        margins = gained[:, 0] - gained[:, 1]
        log_value("held-out pairs", len(pairs))
        log_value(
            "share of them that moved to the chosen answer", float((margins > 0).float().mean())
        )
        log_value("change of a chosen answer's log-probability, nats", float(gained[:, 0].mean()))
        log_value("change of a rejected answer's log-probability, nats", float(gained[:, 1].mean()))


def dpo_losses(
    policy: torch.Tensor, reference: torch.Tensor, *, beta: float, loss: str
) -> torch.Tensor:
    """Loss of each pair (Rafailov et al. 2023, equation 7; Azar et al. 2024, equation 17).

    Args:
        policy: Log-probabilities (P, 2) of chosen and rejected answers, whole, nats.
        reference: The same under the reference, without gradient; zeros for none.
        beta: 1/nats.
        loss: `sigmoid` or `ipo`.
    """
    gained = policy - reference
    margins = gained[:, 0] - gained[:, 1]
    if loss == "ipo":
        return (margins - 1 / (2 * beta)).square()
    return -logsigmoid(beta * margins)


def logprobs(core: Any, pairs: list[TokenizedPair]) -> torch.Tensor:
    """Log-probabilities (P, 2) of both answers of each pair, nats."""
    sums = []
    with torch.no_grad():
        for batch in collate_pairs(core.network, pairs):
            sums.append(answer_logits(core.network, batch).sums().view(-1, 2).cpu())
            spend(cost_of(core.network, batch, 2.0))
    return torch.cat(sums)
