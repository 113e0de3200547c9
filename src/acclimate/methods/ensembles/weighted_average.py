"""Weigh the members' next-token distributions, by weights given or fitted on dev."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch

from acclimate.core.domain import Item, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_value
from acclimate.ensembles.compatibility import require_one_vocabulary
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.token_level.joint_model import JointModel, MemberWeights, expected
from acclimate.ensembles.token_level.mixture_weights import mixture_weights, product_weights
from acclimate.ensembles.token_level.mixtures import Mixture
from acclimate.inference.backends.backend_model import core_by_steps
from acclimate.inference.scoring.loglikelihood import ForcedLogits

MAX_NUMBERS = 2**27
"""Log-probabilities of all tokens that are held for a fit in log space: 512 MiB."""
DevRow = tuple[float, ...]
"""One weight a member."""


class WeightedAverage(EnsembleMethod):
    """A mixture whose weights maximise the log-likelihood of the dev targets' tokens.

    Found by exponentiated gradient (Kivinen & Warmuth 1997). The log-likelihood is concave in the
    weights, in both spaces: what is found is the best there is. Only ratios of weights matter.
    """

    paper: ClassVar[str] = "https://doi.org/10.1006/inco.1996.2612"
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    space: Literal["probability", "log"] = "probability"
    """`probability`: sum_k w_k p_k; `log`: the product of p_k^w_k, renormalised."""
    weights: tuple[float, ...] = ()
    """Given weights, one a member; empty: fitted on the tokens of the dev targets."""
    is_per_task: bool = False
    """Fit weights to each task, as members may be good at different ones; tasks that are not in
    dev get those of all."""

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Fit the members' weights on dev, which is new to them.

        Raises:
            NotApplicableError: A member has no weights here or another vocabulary, or there are
                neither weights nor dev items that fit every member.
        """
        require_one_vocabulary(members, self.member_labels, "weighted_average")
        weights = {"": self.weights} if self.weights else self._fitted(members, data)
        return JointModel(members, Mixture(space=self.space), weights)

    def _fitted(self, members: Sequence[Model], data: TrainData) -> MemberWeights:
        targets = list(data.pairs("dev"))
        if self.space == "log":
            targets = targets[:: _stride(members, targets)]
        pairs = [(prompt, item.target) for prompt, item in targets]
        seen = [
            (pairs[forced.request][0].task, self._evidence(forced))
            for forced in expected(members, pairs)
        ]
        if not seen:
            raise NotApplicableError(
                "weighted_average fits weights on dev items, and there are none that fit every "
                "member; give weights, one a member"
            )
        tasks = {task for task, _ in seen} if self.is_per_task else set()
        return {
            name: self._best(name, [evidence for task, evidence in seen if name in ("", task)])
            for name in ["", *sorted(tasks)]
        }

    def _evidence(self, forced: ForcedLogits) -> tuple[torch.Tensor, torch.Tensor]:
        """What each member finds of a target: log p (T, K) of its tokens or (T, K, V) of all."""
        tokens = torch.tensor(forced.tokens)
        logprobs = torch.stack([each.float().log_softmax(-1).cpu() for each in forced.logits], 1)
        if self.space == "log":
            return logprobs, tokens
        return logprobs[torch.arange(len(tokens)), :, tokens], tokens

    def _best(self, task: str, seen: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> DevRow:
        logprobs, tokens = (torch.cat(parts) for parts in zip(*seen, strict=True))
        is_log = self.space == "log"
        best = product_weights(logprobs, tokens) if is_log else mixture_weights(logprobs)
        where = f" in task {task}" if task else ""
        for label, weight in zip(self.member_labels, best.tolist(), strict=True):
            log_value(f"{label}: weight fitted on dev{where}", round(weight, 4))
        return tuple(best.tolist())


def _stride(members: Sequence[Model], targets: Sequence[tuple[Prompt, Item]]) -> int:
    """Step through the dev items such that distributions over all tokens fit in memory."""
    vocab_size = max(len(core_by_steps(m).tokenizer) for m in members)
    num_bytes = sum(len(item.target.encode()) for _, item in targets)  # at least as many as tokens
    return max(1, math.ceil(num_bytes * vocab_size * len(members) / MAX_NUMBERS))
