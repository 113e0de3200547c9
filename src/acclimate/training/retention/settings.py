"""Means against forgetting what a base knows, for methods that train its weights."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, field_validator

from acclimate.core.domain import TrainData
from acclimate.core.model import NeuralModel
from acclimate.core.record import Record
from acclimate.core.rewriter import Unwrapped
from acclimate.nn.blocks import blocks, depths
from acclimate.training.finetune import FinetuneSpec, Split, answer_examples
from acclimate.training.losses import Loss, next_token_loss
from acclimate.training.optim import LrScale, unscaled
from acclimate.training.packing import Batch, TokenizedExample
from acclimate.training.retention.replay import Replay

WeightSnapshot = dict[str, torch.Tensor]


class Retention(Record):
    """Means against forgetting; each is off until it is set, and any may be joined."""

    replay_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training rows that are general text, every token of it learned; a few hundredths
    go far (Ibrahim et al. 2024)."""
    replay_path: str = ""
    """File or folder of general text (JSONL with `text`, plain, Markdown, HTML, Parquet); empty:
    the base writes it itself (pseudo-rehearsal; Robins 1995)."""
    pull: float = Field(default=0.0, ge=0)
    """Alpha of L2-SP, alpha / 2 ||w - w0||² in the training loss, nats (Li et al. 2018); the paper
    tries 0.001 to 0.1. It takes the place of `training.weight_decay`: set that to 0."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Learning rate of each block as a share of the one above (Howard and Ruder 2018, section 3.2:
    1 / 2.6); embeddings learn least."""
    frozen_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the blocks, the lowest, that stay as they are; the embeddings with them, and a tied
    output layer."""
    base_share: float = Field(default=0.0, ge=0, lt=1)
    """Of the base's weights in the result, w0 + (1 - share) (w - w0); WiSE-FT recommends 0.5 where
    nothing is known (Wortsman et al. 2022)."""

    @field_validator("replay_path")
    @classmethod
    def _is_there(cls, path: str) -> str:
        if path and not Path(path).exists():
            raise ValueError("no such file or folder")
        return path

    @property
    def reads(self) -> tuple[str, ...]:
        """Files and folders that are read besides the data."""
        return (self.replay_path,) if self.replay_share and self.replay_path else ()

    def lesson(
        self,
        examples: Callable[
            [Unwrapped, TrainData, Split], Iterable[TokenizedExample]
        ] = answer_examples,
        *,
        seed: int,
    ) -> FinetuneSpec:
        """All weights of a copy learn these examples, as far as this lets them."""

        def with_replay(
            outside: Unwrapped, data: TrainData, split: Split
        ) -> list[TokenizedExample]:
            own = list(examples(outside, data, split))
            if split == "dev" or not self.replay_share:
                return own
            replay = Replay(self.replay_share, self.replay_path, seed)
            return own + replay.rows(own, outside.core)

        return FinetuneSpec(
            self._prepared,
            with_replay,
            loss_of=self._loss,
            lr_scale=self._share,
            on_finish=self._finish,
        )

    def _prepared(self, core: Any) -> NeuralModel:
        network = core.owned_copy().requires_grad_(True)
        if self.frozen_share:
            count = len(blocks(network))
            learning = count - round(self.frozen_share * count)
            for name, depth in depths(network).items():
                network.get_parameter(name).requires_grad_(depth <= learning)
        tuned: NeuralModel = core.with_network(network)
        return tuned

    def _loss(self, network: Any) -> Loss:
        """L2-SP, while training: dev tells how well the items are known, and nothing else."""
        if not self.pull:
            return next_token_loss
        start = _learned(network)

        def pulled(network: Any, batch: Batch) -> torch.Tensor:
            loss = next_token_loss(network, batch)
            if not network.training:
                return loss
            away = sum((network.get_parameter(n) - w).square().sum() for n, w in start.items())
            # The loop divides by the step's targets: over all its passes this counts once.
            return loss + batch.num_targets * self.pull / 2 * away

        return pulled

    def _share(self, network: Any) -> LrScale:
        if self.layer_decay == 1:
            return unscaled
        depth = depths(network)
        return lambda name: self.layer_decay ** depth[name]

    def _finish(self, network: Any) -> Callable[[], None]:
        start = _learned(network) if self.base_share else {}

        def mix() -> None:
            with torch.no_grad():
                for name, weight in start.items():
                    network.get_parameter(name).lerp_(weight, self.base_share)

        return mix


def _learned(network: Any) -> WeightSnapshot:
    """A copy of the weights that are to learn, by name."""
    return {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}
