"""One row: a model is made, asked and scored, and it is noted by what code."""

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from acclimate.core.domain import Domain, Task
from acclimate.core.errors import AcclimateError, BackendError, ConfigError, UnknownNameError
from acclimate.core.model import Model
from acclimate.core.provenance import Trace
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.seeding import seed_everything
from acclimate.evaluation.control_set import control_score
from acclimate.evaluation.measure import answerable, as_read, measure
from acclimate.evaluation.scores import ControlScore
from acclimate.study.fit_cache import FittedModel
from acclimate.study.results_db import Row


class RowMaker:
    """Fills rows of one domain; remembers how the last networks did on its control set."""

    def __init__(self, domain: Domain) -> None:
        """Ask this domain's items."""
        self._domain = domain
        self._controls: deque[tuple[Model, ControlScore]] = deque(maxlen=6)

    def measured(self, begun: Row, made: Callable[[], FittedModel]) -> Row:
        """The row with what the model scored, or why it has no result.

        Raises:
            ConfigError, UnknownNameError: What was asked for cannot be, or a file was changed
                before it was imported: no other row could be measured either.
        """
        try:
            node = made()
            return begun.model_copy(update=self._results(begun, node))
        except (ConfigError, UnknownNameError):
            raise
        except AcclimateError as error:
            status = "failed" if isinstance(error, BackendError) else "skipped"
            return begun.model_copy(update={"status": status, "reason": str(error)})
        except Exception as error:  # noqa: BLE001  (one broken method must not cost the others)
            return begun.model_copy(update={"status": "failed", "reason": _where(error)})

    def tasks(self, split: str) -> tuple[Task, ...]:
        """Of a split."""
        return self._domain.test if split == "test" else self._domain.dev

    def _results(self, begun: Row, node: FittedModel) -> dict[str, object]:
        is_test = begun.split == "test"
        tasks = self.tasks(begun.split)
        seed_everything(begun.seed)
        # Answers made elsewhere may have been made to the test alone.
        answered: Sequence[Task] = tasks if is_test else answerable(node.model, tasks)
        trace = Trace(measure.__module__, control_score.__module__)
        trace.add(node.model)
        trace.add_made(node.made_by)
        with trace.listening():
            result = measure(node.model, answered, is_timed=is_test)
            control = self._control(node.model) if is_test else None
        made_by = trace.provenance()
        return {
            "scores": result.scores,
            "answers": result.answers,
            "sources": result.sources,
            "prompts": as_read(node.model, tasks) if is_test else {},
            "answer_cost": result.cost,
            "latency_seconds": result.latency_seconds,
            "fit_cost": node.cost,
            "control": control,
            "notes": {**node.notes, **result.notes},
            "made_by": made_by,
            "stale": made_by.stale(),
        }

    def _control(self, model: Model) -> ControlScore:
        """Weigh the control set once for each network: what rewrites prompts does not change it."""
        core = unwrap(model).core
        for known, score in self._controls:
            if known is core:
                return score
        self._controls.append((core, control_score(core, self._domain.control)))
        return self._controls[-1][1]


def _where(error: Exception) -> str:
    """The error and the line that raised it, for whoever wrote the method."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
