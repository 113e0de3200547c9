"""Fine-tune a copy of a model on the training items."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

from acclimate.core.domain import TrainData
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.runtime.seeding import seed_everything
from acclimate.training.batch_source import ExampleSource
from acclimate.training.examples import encode_pairs
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
    """Examples of every item: its target after its prompt, as the model's rewriters render it."""
    core = cast("NeuralModel", outside.core)
    pairs = list(data.pairs(split))
    prompts = outside.render([prompt for prompt, _ in pairs])
    targets = [(prompt, item.target) for prompt, (_, item) in zip(prompts, pairs, strict=True)]
    for examples in encode_pairs(core, targets):
        yield from examples


@dataclass(frozen=True)
class FinetuneSpec:
    """What a tuning method trains, on which examples, with which loss."""

    prepare: Callable[[Any], NeuralModel]
    """From the innermost model to one whose network is trained in place: the parameters that
    require a gradient."""
    examples: Callable[[Unwrapped, TrainData, Split], Iterable[Any]] = answer_examples
    """The examples of a split: to train on, and to evaluate on."""
    collate: Callable[[Any, Sequence[Any]], Iterable[Batch]] | None = None
    """Makes batches for the network of examples that are not `TokenizedExample`; None: packed."""
    loss_of: Callable[[Any], Loss] = lambda _network: next_token_loss
    """The loss, given the network before its first step."""
    lr_scale: Callable[[Any], LrScale] = lambda _network: unscaled
    """Each parameter's share of the learning rate."""
    on_finish: Callable[[Any], Callable[[], None]] = lambda _network: lambda: None
    """Called with the network before its first step; its result is called after the last one."""


def finetune(
    base: Model,
    data: TrainData,
    spec: FinetuneSpec,
    *,
    learning_rate: float,
    settings: TrainingSettings,
    seed: int,
) -> Model:
    """Train what the spec leaves trainable, by default on answers after masked prompts.

    Where `base` rewrites prompts, the network inside is tuned on them as they are rewritten.

    Args:
        base: The model to tune; stays as it was.
        data: Training and dev items; training stops early by the loss on dev.
        spec: What is trained, and on what.
        learning_rate: Peak.
        settings: How long and how carefully.
        seed: Of new weights, dropout and order.
    """
    outside = unwrap(base)
    # New weights are drawn while preparing, so the seed comes before.
    seed_everything(seed)
    tuned = spec.prepare(outside.core)
    network = tuned.network.eval()
    # As the prepared model reads them: it may have adapters to choose from by task.
    source = _example_source(spec, replace(outside, core=tuned), data, settings.batch_size, seed)
    num_tokens = sum(map(len, [*source.train, *source.dev]))
    loss = with_frozen_activation_cache(network, spec.loss_of(network), num_tokens)
    finish = spec.on_finish(network)
    arguments = settings.arguments(len(source.train), learning_rate)
    train(network, Run(source, arguments, seed, loss=loss, lr_scale=spec.lr_scale(network)))
    finish()
    return outside.rewrap(tuned)


def _example_source(
    spec: FinetuneSpec, outside: Unwrapped, data: TrainData, batch_size: int, seed: int
) -> ExampleSource:
    """Batches of the spec's examples, for the network of the prepared model."""
    network = cast("NeuralModel", outside.core).network
    examples = list(spec.examples(outside, data, "train"))
    dev = list(spec.examples(outside, data, "dev"))
    collate = partial(spec.collate, network) if spec.collate else None
    options = {"batch_size": batch_size, "seed": seed, "collate": collate}
    source: ExampleSource = ExampleSource.of(network, examples, dev, **options)
    return source
