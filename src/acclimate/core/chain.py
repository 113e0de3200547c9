"""Methods one after another, each fitted on what the one before made."""

from pydantic import Field, SerializeAsAny

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model


class Chain(Method):
    """A Method made of Methods; the order means something."""

    methods: tuple[SerializeAsAny[Method], ...] = Field(min_length=1)
    """First fitted first."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit each method on the model that the one before returned."""
        for method in self.methods:
            method.require(base, data)
            base = method.fit(base, data, seed=seed)
        return base
