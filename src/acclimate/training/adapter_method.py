"""Base class of methods that train an adapter inside a frozen network."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.nn.adapters.interface import Adapter
from acclimate.training.finetune import FinetuneSpec, finetune
from acclimate.training.optim import unscaled
from acclimate.training.tuning_settings import TrainingSettings


class AdapterMethod(Method):
    """Trains the weights of an adapter on the training items; the network's own stay frozen."""

    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    if TYPE_CHECKING:
        # Every method declares both after the fields of its adapter; here they would come first.
        learning_rate: float
        training: TrainingSettings

    @abstractmethod
    def put_on(self, network: Any, core: Any, data: TrainData) -> Adapter:
        """Put a new adapter on a network, in place.

        Args:
            network: To change, around weights that are to stay.
            core: The model whose network it is a copy of.
            data: The training data.
        """
        raise NotImplementedError

    def rate_share(self, name: str) -> float:
        """A parameter's share of the learning rate."""
        return unscaled(name)

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train the adapter inside a copy of the network that shares its weights."""
        return finetune(
            base,
            data,
            FinetuneSpec(
                lambda core: self.with_adapter(core, data),
                lr_scale=lambda _network: self.rate_share,
            ),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )

    def with_adapter(self, core: Any, data: TrainData) -> NeuralModel:
        """The model with a new adapter on its network, as training begins."""
        adapted: NeuralModel = core.adapted(lambda network: self.put_on(network, core, data))
        return adapted
