"""Settings against catastrophic forgetting, for methods that train all weights."""

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
    """Means against catastrophic forgetting; each is off by default, and any may be combined."""

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
    """Share of the blocks, the lowest, that are frozen; the embeddings with them, and a tied output
    layer."""
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
        """Files and folders that are read in addition to the data."""
        return (self.replay_path,) if self.replay_share and self.replay_path else ()

    def finetune_spec(
        self,
        examples: Callable[
            [Unwrapped, TrainData, Split], Iterable[TokenizedExample]
        ] = answer_examples,
        *,
        seed: int,
    ) -> FinetuneSpec:
        """Spec that trains all weights of a copy on these examples, under these settings.

        Args:
            examples: Of a split of the data; by default its items.
            seed: Of the general text that the base generates.
        """

        def with_replay(
            outside: Unwrapped, data: TrainData, split: Split
        ) -> list[TokenizedExample]:
            rows = list(examples(outside, data, split))
            if split == "dev" or not self.replay_share:
                return rows
            replay = Replay(self.replay_share, self.replay_path, seed)
            return rows + replay.rows(rows, outside.core)

        return FinetuneSpec(
            self._prepare,
            with_replay,
            loss_of=self._loss,
            lr_scale=self._lr_scale,
            on_finish=self._finish,
        )

    def _prepare(self, core: Any) -> NeuralModel:
        network = core.owned_copy().requires_grad_(True)
        if self.frozen_share:
            count = len(blocks(network))
            learning = count - round(self.frozen_share * count)
            for name, depth in depths(network).items():
                network.get_parameter(name).requires_grad_(depth <= learning)
        tuned: NeuralModel = core.with_network(network)
        return tuned

    def _loss(self, network: Any) -> Loss:
        """The loss with the L2-SP penalty, which is left out of the dev loss."""
        if not self.pull:
            return next_token_loss
        start = _learned_weights(network)

        def penalized(network: Any, batch: Batch) -> torch.Tensor:
            loss = next_token_loss(network, batch)
            if not network.training:
                return loss
            distance = sum((network.get_parameter(n) - w).square().sum() for n, w in start.items())
            # The trainer divides by the step's targets: over all its passes this counts once.
            return loss + batch.num_targets * self.pull / 2 * distance

        return penalized

    def _lr_scale(self, network: Any) -> LrScale:
        if self.layer_decay == 1:
            return unscaled
        depth = depths(network)
        return lambda name: self.layer_decay ** depth[name]

    def _finish(self, network: Any) -> Callable[[], None]:
        start = _learned_weights(network) if self.base_share else {}

        def mix() -> None:
            with torch.no_grad():
                for name, weight in start.items():
                    network.get_parameter(name).lerp_(weight, self.base_share)

        return mix


def _learned_weights(network: Any) -> WeightSnapshot:
    """A copy of the trainable weights, by name."""
    return {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}
