"""Tune a copy of a model on items as the model itself lays them out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from acclimate.core.data import TrainData
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.seeding import seed_everything
from acclimate.training.batches import Example
from acclimate.training.loop import Run, train
from acclimate.training.losses import Loss, next_token_loss
from acclimate.training.optimizers import Share, same_rate
from acclimate.training.settings import TrainingSettings
from acclimate.training.sources import ExampleSource

Split = Literal["train", "dev"]


def answers(outside: Unwrapped, data: TrainData, split: Split) -> Iterable[Example]:
    """Every item's target after its prompt, as the model's rewriters render it."""
    core = cast("NeuralModel", outside.core)
    pairs = list(data.pairs(split))
    prompts = outside.render([prompt for prompt, _ in pairs])
    # An encoder-decoder's answers end in their end token already.
    eos = None if core.network.config.is_encoder_decoder else core.tokenizer.eos_token_id
    end = [] if eos is None else [eos]
    for prompt, (_, item) in zip(prompts, pairs, strict=True):
        ids, answer = core.encode(prompt, item.target)
        yield Example(ids, [*answer, *end])


@dataclass(frozen=True)
class Lesson:
    """What is trained, and on what."""

    prepared: Callable[[Any], NeuralModel]
    """Gives, for the innermost model, one with a network to train in place: the parameters that
    require a gradient."""
    examples: Callable[[Unwrapped, TrainData, Split], Iterable[Example]] = answers
    """What is learned from the data, and what is looked at on dev."""
    loss_of: Callable[[Any], Loss] = lambda _network: next_token_loss
    """The loss, given the network before its first step."""
    share_of: Callable[[Any], Share] = lambda _network: same_rate
    """Each parameter's share of the learning rate."""


def tune(
    base: Model,
    data: TrainData,
    lesson: Lesson,
    *,
    learning_rate: float,
    settings: TrainingSettings,
    seed: int,
) -> Model:
    """Train what the lesson leaves trainable, by default on answers after masked prompts.

    Where `base` rewrites prompts (retrieval, examples), the network inside is tuned on prompts as
    they are rewritten, and the result rewrites them the same way.

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
    tuned = lesson.prepared(outside.core)
    examples = list(lesson.examples(outside, data, "train"))
    dev = list(lesson.examples(outside, data, "dev"))
    network = tuned.network
    how = {"batch_size": settings.batch_size, "seed": seed}
    source = ExampleSource.of(network, examples, dev, **how)
    plan = settings.plan(len(examples), learning_rate)
    loss, share = lesson.loss_of(network), lesson.share_of(network)
    train(network, Run(source, plan, seed, loss=loss, share=share))
    return outside.rewrap(tuned)
