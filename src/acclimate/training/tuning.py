"""Tune a copy of a model on items as the model itself lays them out."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

from acclimate.core.data import TrainData
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.seeding import seed_everything
from acclimate.training.batches import Example
from acclimate.training.loop import Run, train
from acclimate.training.settings import TrainingSettings
from acclimate.training.sources import ExampleSource


def tune(
    base: Model,
    data: TrainData,
    prepared: Callable[[Any], NeuralModel],
    *,
    learning_rate: float,
    settings: TrainingSettings,
    seed: int,
) -> Model:
    """Train what `prepared` leaves trainable, on answers after prompts; prompts are masked.

    Where `base` rewrites prompts (retrieval, examples), the network inside is tuned on prompts as
    they are rewritten, and the result rewrites them the same way.

    Args:
        base: The model to tune; stays as it was.
        data: Training and dev items; training stops early by the loss on dev.
        prepared: Gives, for the innermost model, one with a network to train in place.
        learning_rate: Peak.
        settings: How long and how carefully.
        seed: Of new weights, dropout and order.
    """
    outside = unwrap(base)
    # New weights are drawn while preparing, so the seed comes before.
    seed_everything(seed)
    tuned = prepared(outside.core)
    examples = list(_examples(outside, data, "train"))
    dev = list(_examples(outside, data, "dev"))
    network = tuned.network
    how = {"batch_size": settings.batch_size, "seed": seed}
    source = ExampleSource.of(network, examples, dev, **how)
    train(network, Run(source, settings.plan(len(examples), learning_rate), seed))
    return outside.rewrap(tuned)


def _examples(
    outside: Unwrapped, data: TrainData, split: Literal["train", "dev"]
) -> Iterable[Example]:
    core = cast("NeuralModel", outside.core)
    pairs = list(data.pairs(split))
    prompts = outside.render([prompt for prompt, _ in pairs])
    # An encoder-decoder's answers end in their end token already.
    eos = None if core.network.config.is_encoder_decoder else core.tokenizer.eos_token_id
    end = [] if eos is None else [eos]
    for prompt, (_, item) in zip(prompts, pairs, strict=True):
        ids, answer = core.encode(prompt, item.target)
        yield Example(ids, [*answer, *end])
