"""Pretraining from scratch: build a network for a text, train, measure, save it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from acclimate.core.errors import ConfigError
from acclimate.core.record import Record, digest
from acclimate.core.runtime.silence import silenced
from acclimate.core.storage.atomic import saved_whole, write_whole
from acclimate.data.tokenizers.save import write_tokenizer
from acclimate.nn.architectures.build import OBJECTIVES, new_network
from acclimate.nn.fast_linear import use_fast_linears
from acclimate.nn.threads import use_threads_for
from acclimate.pretraining.lr_range_test import RangeTest, find_learning_rate
from acclimate.pretraining.objectives import objective_of
from acclimate.pretraining.prepare_corpus import PreparedText
from acclimate.pretraining.spec import PretrainSpec
from acclimate.pretraining.token_windows import WindowSource
from acclimate.training.arguments import TrainingArguments
from acclimate.training.checkpoint import Checkpoints, whole_weights
from acclimate.training.distributed import World
from acclimate.training.run import Run, TrainingLog
from acclimate.training.run_log import RunLog
from acclimate.training.trainer import train
from acclimate.training.validation import mean_loss, per_text


class Pretrained(Record):
    """Result of a pretraining: sizes, time and losses."""

    num_params: int
    """Weights, each counted once."""
    num_tokens: int
    """Tokens trained on, counted each time they were read."""
    seconds: float
    """Of training, over all parts of a resumed run."""
    train_loss: float
    """Mean of the last fifty steps, nats a target."""
    dev_loss: float | None = None
    """Of the best weights, nats a target."""
    test_loss: float | None = None
    """Of the best weights on the test text, by which nothing was chosen."""
    perplexity: float | None = None
    """Of the test text (dev where there is none), for networks that predict every token."""
    bits_per_byte: float | None = None
    """Of the same text, for the same networks."""


@dataclass
class Pretraining:
    """A pretraining that is set up: network, data, arguments and folder."""

    spec: PretrainSpec
    text: PreparedText
    folder: Path
    probes: Mapping[str, Callable[[Any], float]] = field(default_factory=dict)
    """More metrics of the network, by name, measured at each evaluation."""
    sample: Callable[[Any], str] | None = None
    """A text that the network writes, shown at each evaluation."""

    @cached_property
    def outline(self) -> Any:
        """The network on the meta device, without weights: its configuration and sizes."""
        plain = self.spec.model.model_copy(update={"has_copying_circuit": False})
        with silenced(), torch.device("meta"):
            return new_network(plain, self.text.tokenizer, seed=self.spec.seed)

    @cached_property
    def network(self) -> Any:
        """The network, with its initial weights until it is trained."""
        use_threads_for(self.num_params)
        with silenced():
            network = new_network(self.spec.model, self.text.tokenizer, seed=self.spec.seed)
        return use_fast_linears(network).to("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def num_params(self) -> int:
        """Weights of the network."""
        return int(self.outline.num_parameters())

    @property
    def num_params_here(self) -> int:
        """Weights that this process trains: its share, where they are sharded over several."""
        is_cut = self.spec.training.parallel == "fsdp"
        return self.num_params // (World.here().size if is_cut else 1)

    @property
    def free_bytes(self) -> int | None:
        """Memory left on the GPU; None without one."""
        return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else None

    @property
    def arguments(self) -> TrainingArguments:
        """The training arguments, with the steps counted."""
        return self.spec.arguments(self.num_params)

    @property
    def objective(self) -> str:
        """Name of the pretraining objective: `causal`, `masked` or `spans`."""
        return OBJECTIVES[self.spec.model.family]

    def source(self, dev: str = "dev") -> WindowSource:
        """Windows of the training text, and of a split to evaluate on."""
        is_causal = self.objective == "causal"
        dev_shards = self.text.shards.get(dev)
        density = len(dev_shards) / dev_shards.num_bytes if dev_shards else None
        return WindowSource(
            train=self.text.shards["train"],
            dev=dev_shards,
            objective=objective_of(self.objective, self.text.tokenizer),
            row_tokens=self.spec.window_tokens + is_causal,  # the last token is only predicted
            batch_size=self.spec.batch_size,
            seed=self.spec.seed,
            micro_batch_size=self.spec.micro_batch_size,
            targets_per_byte=density if is_causal else None,
        )

    def run(self) -> Pretrained:
        """Train (or resume where it was killed), measure, and save into `model/`.

        Raises:
            ConfigError: The folder holds checkpoints of another training.
            BackendError: The loss went wrong; the last checkpoint is intact.
        """
        self._claim_checkpoints()
        run = Run(
            self.source(),
            self.arguments,
            self.spec.seed,
            checkpoints=Checkpoints(self.folder / "checkpoints"),
            run_log=RunLog(self.folder, self.spec.trackers) if World.here().is_main else None,
            probes=self.probes,
            sample=self.sample,
        )
        result = self._measured(train(self.network, run))
        self._save(result)
        return result

    def range_test(self) -> RangeTest:
        """Sweep the learning rate over a copy of the network."""
        return find_learning_rate(self.network, Run(self.source(), self.arguments, self.spec.seed))

    def _measured(self, log: TrainingLog) -> Pretrained:
        sources = {split: self.source(split) for split in ("dev", "test")}
        losses = {n: mean_loss(self.network, s) for n, s in sources.items() if s.has_dev}
        split = "test" if "test" in losses else "dev"
        counted = per_text(losses.get(split), sources[split].targets_per_byte)
        recent = log.train_losses[-50:]
        return Pretrained(
            num_params=self.num_params,
            num_tokens=len(log.train_losses) * self.spec.batch_size * self.spec.window_tokens,
            seconds=log.seconds,
            train_loss=sum(recent) / len(recent),
            dev_loss=losses.get("dev"),
            test_loss=losses.get("test"),
            **counted,
        )

    def _save(self, result: Pretrained) -> None:
        weights = whole_weights(self.network)
        if not World.here().is_main:
            return
        with saved_whole(self.folder / "model", "config.json") as aside, silenced():
            self.network.save_pretrained(aside, state_dict=weights)
            write_tokenizer(self.text.tokenizer, aside)
        write_whole(self.folder / "pretrained.json", result.model_dump_json(indent=2))

    def _claim_checkpoints(self) -> None:
        """Refuse the checkpoints of another training, and mark the folder as this one's."""
        if not World.here().is_main:
            return
        # The tokens too: other code may cut the same text otherwise.
        tokens = {split: list(text.manifest.shards) for split, text in self.text.shards.items()}
        key = digest([self.spec, self.text.summary.digest, tokens])
        mark = self.folder / "checkpoints" / "key"
        if mark.exists() and mark.read_text() != key:
            raise ConfigError(
                f"{self.folder}: holds checkpoints of another training (other text or settings); "
                "give another --out, or remove its folder checkpoints"
            )
        write_whole(mark, key)
