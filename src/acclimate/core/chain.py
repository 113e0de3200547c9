"""Methods one after another, each fitted on what the one before made."""

from pydantic import Field, SerializeAsAny

from acclimate.core.data import TrainData
from acclimate.core.method import Method, fit_in_order
from acclimate.core.model import Model


class Chain(Method):
    """A Method made of Methods; the order means something."""

    methods: tuple[SerializeAsAny[Method], ...] = Field(min_length=1)
    """First fitted first."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit each method on the model that the one before returned."""
        return fit_in_order(self.methods, base, data, seed=seed)
