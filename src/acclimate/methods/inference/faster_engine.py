"""Answer with an external engine faster than PyTorch, where it is as good."""

from typing import ClassVar, Literal

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import log_value
from acclimate.core.runtime.silence import silenced
from acclimate.evaluation.parity import Parity, parity
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS, Backend, EnginePrecision
from acclimate.inference.local_model import LocalModel


class FasterEngine(Method):
    """The same model on an external engine, with weights in fewer bits (Jacob et al. 2018).

    Adapters become part of the weights. What the engine lacks is done by our own: draws at a
    temperature, penalties, constraints, log-probabilities, and the scoring of choices.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/1712.05877"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})

    backend: Literal["ctranslate2", "onnxruntime", "openvino", "vllm"] = "ctranslate2"
    """The engine; the first was the fastest on a CPU for one prompt and for sixteen."""
    precision: EnginePrecision = "fastest"
    """Of the weights: `fastest` is 8-bit integers with ctranslate2 and openvino, 4-bit with
    onnxruntime, bfloat16 with vllm; more bits answer more like the base."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Convert, and compare the answers on dev.

        Raises:
            NotApplicableError: The engine cannot run such a model, or scores worse on dev.
            MissingExtraError: It is not installed.
        """
        whole = unwrap(base)
        if not isinstance(whole.core, LocalModel):
            raise NotApplicableError(
                f"faster_engine runs one network, and {type(whole.core).__name__} is more than "
                "one or none; put it into the members' recipes"
            )
        model = whole.rewrap(on_backend(whole.core, self._engine()))
        self._accept(parity(base, model, data.dev))
        return model

    def _engine(self) -> Backend:
        with silenced():
            return BACKENDS.build({"name": self.backend, "precision": self.precision})

    def _accept(self, result: Parity) -> None:
        """Log the comparison with the base, and refuse an engine that scores worse."""
        log_value("dev items on which answers were compared", result.num_items)
        if not result.num_items:
            return
        log_value("answers equal to the base's, share", result.equal)
        log_value("dev score less the base's", result.difference)
        if result.is_worse:
            raise NotApplicableError(
                f"{self.backend} answers worse on dev than the model it was converted from: "
                f"{result.difference:+.3f} on average (p = {result.p_value:.3f}), with "
                f"{result.equal:.0%} of {result.num_items} answers the same; take a precision of "
                "more bits"
            )
