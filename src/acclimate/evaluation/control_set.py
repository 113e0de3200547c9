"""General ability on the control set: what adapting may have cost."""

from acclimate.core.domain import Control
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.evaluation.bits_per_byte import bits_per_byte
from acclimate.evaluation.measure import measure
from acclimate.evaluation.model_threads import use_threads_of
from acclimate.evaluation.scores import ControlScore


def control_score(model: Model, control: Control) -> ControlScore:
    """Bits per byte of the control's texts and accuracy on its items.

    No examples, no retrieval: what is asked is what the weights still know.
    """
    core = unwrap(model).core
    if "logprobs" not in core.capabilities or core.answerable_items is not None:
        return ControlScore()
    use_threads_of(core)
    accuracy = None
    main: dict[str, float] = {}
    if control.task is not None and control.task.items:
        scores = measure(core, [control.task]).scores[control.task.name]
        main = scores[control.task.metrics[0]]
        accuracy = sum(main.values()) / len(main)
    texts = bits_per_byte(core, control.texts) if control.texts else None
    return ControlScore(bits_per_byte=texts, accuracy=accuracy, scores=main)
