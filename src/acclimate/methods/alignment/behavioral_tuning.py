"""Tune on answers in the wanted manner, with guard examples against forgetting."""

from itertools import cycle, islice
from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError, UnknownNameError
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.runtime.fit_log import log_value
from acclimate.nn.adapters.low_rank import LowRank
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.finetune import FinetuneSpec, Split, answer_examples, finetune
from acclimate.training.packing import TokenizedExample
from acclimate.training.retention.guard_examples import fulfilled
from acclimate.training.retention.replay import Replay
from acclimate.training.tuning_settings import TrainingSettings


class BehavioralTuning(Method):
    """Low-rank tuning on a manner, with the base's own answers elsewhere (Yang et al. 2024).

    The guard is items of the other tasks that the base answers well, with its own answers. Where
    there are none it is text that the base generates (pseudo-rehearsal; Robins 1995).

    Differs: the paper lets the base rewrite the wanted answers too; the manner would be lost.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2402.13669"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    tasks: tuple[str, ...] = ()
    """Names of the tasks whose answers show the manner; none: all that have training items."""
    guard_share: float = Field(default=0.5, ge=0, lt=1)
    """Share of the training rows that are the guard; one in two is experience replay's (Rolnick et
    al. 2019). At 0 there is no guard."""
    rank: int = Field(default=8, ge=1)
    """Of the updates; 4 to 8 are LoRA's."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale of the updates; twice the rank is common practice."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; LoRA's."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train updates of all linear layers beside a shared copy of the network.

        Raises:
            UnknownNameError: No task with training items has a name of `tasks`.
            NotApplicableError: No guard items, and an encoder-decoder generates no running text.
        """
        wanted = self._wanted(data)
        shown = data.model_copy(
            update={
                "train": tuple(task for task in data.train if task.name in wanted),
                "dev": tuple(task for task in data.dev if task.name in wanted),
            }
        )
        others = [task for task in data.train if task.name not in wanted]

        def examples(outside: Unwrapped, _data: TrainData, split: Split) -> list[TokenizedExample]:
            rows = list(answer_examples(outside, shown, split))
            if split == "dev" or not self.guard_share:
                return rows
            log_value("rows that show the manner", len(rows))
            count = max(1, round(self.guard_share / (1 - self.guard_share) * len(rows)))
            guard_data = TrainData(train=fulfilled(base, others, count, seed=seed))
            guard = list(islice(cycle(list(answer_examples(outside, guard_data, "train"))), count))
            log_value("rows of the guard, requests that the base fulfils", len(guard))
            return rows + (guard or self._generated(rows, unwrap(base).core, seed))

        return finetune(
            base,
            data,
            FinetuneSpec(self._with_adapter, examples),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )

    def _wanted(self, data: TrainData) -> tuple[str, ...]:
        named = [task.name for task in data.train if task.items]
        for name in self.tasks:
            if name not in named:
                raise UnknownNameError("task with training items", name, named)
        return self.tasks or tuple(named)

    def _generated(
        self, rows: list[TokenizedExample], core: Any, seed: int
    ) -> list[TokenizedExample]:
        if core.network.config.is_encoder_decoder:
            raise NotApplicableError(
                "behavioral_tuning found no request of another task that the base fulfils, and an "
                "encoder-decoder writes no text to guard instead; name the tasks that show the "
                "manner in `tasks`, give others, or set guard_share to 0"
            )
        return Replay(self.guard_share, "", seed).rows(rows, core)

    def _with_adapter(self, core: Any) -> NeuralModel:
        form = LowRank(self.rank, self.alpha, 0.0, "all-linear")
        adapted: NeuralModel = core.adapted(lambda n: PeftAdapter.new(n, form.config(n)))
        return adapted
