"""Reward models learned from preference pairs, fitted once and stored.

Letters: P pairs, B rows.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import Field
from torch.nn.functional import logsigmoid

from acclimate.alignment.preference_pairs import (
    PairBatch,
    TokenizedPair,
    collate_pairs,
    split_preferences,
)
from acclimate.alignment.reward_report import RewardReport, report_of
from acclimate.alignment.token_logprobs import answer_logits, encode_answer, in_passes
from acclimate.core.domain import Preference, TrainData
from acclimate.core.errors import BackendError, NotApplicableError
from acclimate.core.home import home
from acclimate.core.model import NeuralModel
from acclimate.core.prompt import Prompt
from acclimate.core.provenance import Trace
from acclimate.core.record import Record, digest
from acclimate.core.runtime.cost import Cost, metered, spend
from acclimate.core.storage.artifact_store import Store
from acclimate.nn.adapters.value_head import VALUE_HEAD, ScalarAdapter
from acclimate.nn.weights_identity import fingerprint
from acclimate.training.finetune import FinetuneSpec, finetune
from acclimate.training.packing import one_a_row
from acclimate.training.run import cost_of
from acclimate.training.tuning_settings import TrainingSettings

_FOLDER = "rewards"
"""Below the user's cache folder."""
HEAD_SHARE = 10.0
"""Factor of the learning rate for the value head, which starts at zero."""


class RewardSettings(Record):
    """How the reward model is trained, and whether an unproven one may be used."""

    rank: int = Field(default=8, ge=1)
    """Of the low-rank updates below its head; alpha is twice as much."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak, ten times as much for the head; the rate of LoRA, whose updates these are."""
    num_epochs: float = Field(default=3.0, gt=0)
    """Passes over the pairs; InstructGPT's one is for tens of thousands of them."""
    is_unproven_allowed: bool = False
    """Go on with a reward that may be no better than a coin on the held-out pairs."""


def reward_model(core: Any, data: TrainData, settings: RewardSettings, *, seed: int) -> NeuralModel:
    """A copy of a base with a value head that scores answers; from the store, or fitted now.

    A fifth of the prompts is held out with all pairs of them, and evaluated once, after training:
    nothing was chosen by them. The cost of fitting is spent anew each time, so that a reward that
    is reused is not counted as free.

    Args:
        core: The base; its network shares its weights with the reward's.
        data: With the preferences.
        settings: Of the training.
        seed: Of new weights, order and the held-out prompts.

    Raises:
        DataError: A pair is malformed.
        NotApplicableError: On the held-out pairs it may be no better than a coin.
    """
    folder, report = _kept(core, data, settings, seed)
    report.log()
    if not (report.is_proven or settings.is_unproven_allowed):
        raise NotApplicableError(
            f"the reward cannot be trusted: on held-out pairs it is right in {report.summary}, "
            "which a coin may be too; give more preferences or cleaner ones, or set "
            "reward.is_unproven_allowed=true"
        )
    return cast("NeuralModel", core.adapted(partial(ScalarAdapter.read, folder=folder)))


def rewards(model: Any, answers: Sequence[tuple[Prompt, str]]) -> list[float]:
    """The reward of each answer to its prompt; only differences mean something.

    The prompt is read without the passages and examples that methods have added: the answer is
    scored, not the way to it.
    """
    rows = [encode_answer(model, _bare(prompt), text) for prompt, text in answers]
    is_seq2seq = bool(model.network.config.is_encoder_decoder)
    scores: list[float] = []
    with torch.no_grad():
        for some in in_passes([len(row) for row in rows]):
            batch = one_a_row(rows[some], is_seq2seq=is_seq2seq)
            scores += _rewards(model.network, batch).tolist()
            spend(cost_of(model.network, batch, 2.0))
    return scores


def reward_loss(network: Any, batch: PairBatch) -> torch.Tensor:
    """-log sigmoid(r chosen - r rejected) (Bradley and Terry 1952; Stiennon et al. 2020, 3.4)."""
    scores = _rewards(network, batch).view(-1, 2)  # (P, 2)
    return batch.summed(-logsigmoid(scores[:, 0] - scores[:, 1]))


def _rewards(network: Any, batch: Any) -> torch.Tensor:
    """The head's values (B,) before each answer's end token, where all of the answer was read."""
    values: torch.Tensor = network.value_head(answer_logits(network, batch).last())
    return values


def _kept(
    core: Any, data: TrainData, settings: RewardSettings, seed: int
) -> tuple[Path, RewardReport]:
    """The adapter's folder in the store, and what held-out pairs said of it."""
    fields = settings.model_dump(exclude={"is_unproven_allowed"})
    parts = split_preferences(data, seed)
    pairs = [
        [dataclasses.asdict(prompt), preference] for part in parts for prompt, preference in part
    ]
    key = digest([fingerprint(core.network), pairs, fields, seed])
    store = Store(home() / _FOLDER)
    if folder := store.get(key):
        spend(Cost.model_validate(store.about(key)["cost"]))
    else:
        trace = Trace(__name__)
        trace.add(core)
        with store.put(key, about := {"settings": fields}, trace) as aside:
            with metered() as meter:
                about["report"] = _fit(core, data, settings, seed, aside).model_dump()
            about["cost"] = meter.cost.model_dump()
        folder = store.get(key)
    if not folder:
        raise BackendError(f"{store.root}: the reward that was just written cannot be read back")
    return folder, RewardReport.model_validate(store.about(key)["report"])


def _fit(
    core: Any, data: TrainData, settings: RewardSettings, seed: int, folder: Path
) -> RewardReport:
    learned, held_out = split_preferences(data, seed)
    spec = FinetuneSpec(
        lambda core: cast(
            "NeuralModel", core.adapted(partial(ScalarAdapter.new, rank=settings.rank))
        ),
        examples=lambda outside, _data, split: (
            _pairs(outside.core, learned) if split == "train" else ()
        ),
        collate=collate_pairs,
        loss_of=lambda _network: reward_loss,
        lr_scale=lambda _network: head_share,
    )
    training = TrainingSettings(num_epochs=settings.num_epochs)
    model: Any = finetune(
        core, data, spec, learning_rate=settings.learning_rate, settings=training, seed=seed
    )
    model.adapter.write(folder)
    answers = [
        (p, text) for p, preference in held_out for text in (preference.chosen, preference.rejected)
    ]
    scores = rewards(model, answers)
    return report_of([a - b for a, b in zip(scores[::2], scores[1::2], strict=True)])


def head_share(name: str) -> float:
    """Factor of the learning rate, for a parameter by its name."""
    return HEAD_SHARE if name.startswith(VALUE_HEAD) else 1.0


def _pairs(core: Any, preferences: Sequence[tuple[Prompt, Preference]]) -> list[TokenizedPair]:
    return [
        TokenizedPair(
            encode_answer(core, _bare(prompt), preference.chosen),
            encode_answer(core, _bare(prompt), preference.rejected),
        )
        for prompt, preference in preferences
    ]


def _bare(prompt: Prompt) -> Prompt:
    return prompt.with_parts(passages=(), examples=(), answer_prefix="")
