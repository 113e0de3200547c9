"""Tune a copy of a model on items as the model itself lays them out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

from acclimate.core.domain import TrainData
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.runtime.seeding import seed_everything
from acclimate.training.batch_source import ExampleSource
from acclimate.training.examples import encoded
from acclimate.training.frozen_activation_cache import with_frozen_activation_cache
from acclimate.training.losses import Loss, next_token_loss
from acclimate.training.optim import LrScale, unscaled
from acclimate.training.packing import Batch, TokenizedExample
from acclimate.training.run import Run
from acclimate.training.trainer import train
from acclimate.training.tuning_settings import TrainingSettings

Split = Literal["train", "dev"]


def answer_examples(
    outside: Unwrapped, data: TrainData, split: Split
) -> Iterable[TokenizedExample]:
    """Every item's target after its prompt, as the model's rewriters render it."""
    core = cast("NeuralModel", outside.core)
    pairs = list(data.pairs(split))
    prompts = outside.render([prompt for prompt, _ in pairs])
    asked = [(prompt, item.target) for prompt, (_, item) in zip(prompts, pairs, strict=True)]
    for found in encoded(core, asked):
        yield from found


@dataclass(frozen=True)
class FinetuneSpec:
    """What is trained, and on what."""

    prepare: Callable[[Any], NeuralModel]
    """Gives, for the innermost model, one with a network to train in place: the parameters that
    require a gradient."""
    examples: Callable[[Unwrapped, TrainData, Split], Iterable[Any]] = answer_examples
    """What is learned from the data, and what is looked at on dev."""
    collate: Callable[[Any, Sequence[Any]], Iterable[Batch]] | None = None
    """Makes batches for the network, of examples that are more than a prompt and its answer."""
    loss_of: Callable[[Any], Loss] = lambda _network: next_token_loss
    """The loss, given the network before its first step."""
    lr_scale: Callable[[Any], LrScale] = lambda _network: unscaled
    """Each parameter's share of the learning rate."""
    on_finish: Callable[[Any], Callable[[], None]] = lambda _network: lambda: None
    """What is done to the trained network in the end, given it before its first step."""


def finetune(
    base: Model,
    data: TrainData,
    lesson: FinetuneSpec,
    *,
    learning_rate: float,
    settings: TrainingSettings,
    seed: int,
) -> Model:
    """Train what the lesson leaves trainable, by default on answers after masked prompts.

    Where `base` rewrites prompts, the network inside is tuned on them as they are rewritten.

    Args:
        base: The model to tune; stays as it was.
        data: Training and dev items; training stops early by the loss on dev.
        lesson: What is trained, and on what.
        learning_rate: Peak.
        settings: How long and how carefully.
        seed: Of new weights, dropout and order.
    """
    outside = unwrap(base)
    # New weights are drawn while preparing, so the seed comes before.
    seed_everything(seed)
    tuned = lesson.prepare(outside.core)
    network = tuned.network.eval()
    # As the prepared model reads them: it may have adapters to choose from by task.
    outside = replace(outside, core=tuned)
    examples = list(lesson.examples(outside, data, "train"))
    dev = list(lesson.examples(outside, data, "dev"))
    lay_out = partial(lesson.collate, network) if lesson.collate else None
    how = {"batch_size": settings.batch_size, "seed": seed, "collate": lay_out}
    source = ExampleSource.of(network, examples, dev, **how)
    num_tokens = sum(map(len, [*examples, *dev]))
    loss = with_frozen_activation_cache(network, lesson.loss_of(network), num_tokens)
    finish = lesson.on_finish(network)
    plan = settings.plan(len(examples), learning_rate)
    train(network, Run(source, plan, seed, loss=loss, share=lesson.lr_scale(network)))
    finish()
    return outside.rewrap(tuned)
