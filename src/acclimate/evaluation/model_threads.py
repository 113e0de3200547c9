"""The threads that a model computes on, whatever was loaded or fitted before it."""

from acclimate.core.model import Model, NeuralModel
from acclimate.core.storage.saved_model import descendants


def use_threads_of(model: Model) -> None:
    """Let torch use the threads that suit the largest network inside a model, if there is one.

    Few rows are rounded otherwise on one thread than on several, and a study that goes on loads
    what an undisturbed one fitted, in another order: who was loaded last must not decide.
    """
    networks = [part.network for _, part in descendants(model) if isinstance(part, NeuralModel)]
    if networks:
        from acclimate.nn.threads import use_threads_for

        use_threads_for(max(sum(p.numel() for p in network.parameters()) for network in networks))
