"""Fit a method, and see whether two fitted models differ in anything at all."""

import hashlib
from dataclasses import dataclass
from typing import Any

from acclimate.core.catalogue import METHODS
from acclimate.core.model import NeuralModel, Sampling
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.cost import Cost, metered
from acclimate.core.storage.saved_model import descendants
from acclimate.data.prompt_template import as_text

SAMPLING = Sampling(max_new_tokens=4)

QUICK: dict[str, Any] = {
    "max_rationale_tokens": 8,
    "num_updates": 20,
    "policy": {"num_rounds": 3, "num_rollouts": 8, "num_epochs": 2, "batch_size": 4},
}
"""Values that only save time, for the methods that have the field."""


class LastWord:
    """An encoder unlike the fitted one: texts are near whose last letters are alike."""

    learns = False

    def encode(self, texts):
        import numpy as np

        rows = [[1.0, *(ord(c) % 13 for c in text[-6:].rjust(6))] for text in texts]
        vectors = np.array(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def write(self, folder):
        """Keep nothing."""


@dataclass(frozen=True)
class Fitted:
    """A model and what making it took."""

    model: Any
    cost: Cost

    @property
    def work(self):
        """Tokens trained on and operations: how many steps and looks there were."""
        return self.cost.train_tokens, self.cost.flops


def plain(name):
    """The method as it comes, but for what only saves time."""
    fields = METHODS.load(name).model_fields
    return {"name": name, **{field: value for field, value in QUICK.items() if field in fields}}


def fit(spec, base, data, seed=0):
    with metered() as meter:
        model = METHODS.build(spec).fit(base, data, seed=seed)
    return Fitted(model, meter.cost)


def weights_of(model):
    """A digest of each network inside."""
    return [
        hashlib.sha256(
            b"".join(t.numpy().tobytes() for t in part.network.state_dict().values())
        ).hexdigest()
        for _, part in descendants(model)
        if isinstance(part, NeuralModel)
    ]


def answers_of(model, asked):
    prompts, pairs = asked
    return model.generate(prompts, SAMPLING), model.loglikelihood(pairs)


def differs(one, other, asked):
    """Whether two fitted models differ in anything; what is cheap to tell is looked at first."""
    return (
        one.work != other.work
        or weights_of(one.model) != weights_of(other.model)
        or shown(one.model, asked) != shown(other.model, asked)
        or answers_of(one.model, asked) != answers_of(other.model, asked)
        or read_by(one.model, asked) != read_by(other.model, asked)
    )


def read_by(model, asked):
    """What answering takes the second time, when something may have been kept of the first."""
    model.generate(asked[0], SAMPLING)
    with metered() as meter:
        model.generate(asked[0], SAMPLING)
    return meter.cost.prompt_tokens, meter.cost.flops


def shown(model, asked):
    """The prompts as the innermost model reads them."""
    return [as_text(prompt) for prompt in unwrap(model).render(asked[0])]
