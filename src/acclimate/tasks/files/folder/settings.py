"""`domain.yaml`: a domain's name and how each task is asked and scored."""

from pathlib import Path

from pydantic import Field, ValidationError

from acclimate.core.catalogue import METRICS
from acclimate.core.errors import AcclimateError, ConfigError, DataError
from acclimate.core.metric import Metric
from acclimate.core.prompt import TEMPLATE, Example, Passage, Prompt
from acclimate.core.record import Record
from acclimate.core.validation_messages import sentence
from acclimate.data.yaml_file import read_mapping

_FILE = "domain.yaml"


class TaskSettings(Record):
    """How one task is asked and scored."""

    metric: str | tuple[str, ...] = ()
    """Names of metrics, the one that counts first; none: by whether items have choices."""
    instruction: str = ""
    """Said once before the question."""
    template: str = TEMPLATE
    """Jinja template of the prompt."""
    max_new_tokens: int = Field(default=32, ge=1)
    """The longest free answer."""
    stop: tuple[str, ...] = ("\n",)
    """A free answer ends before any of these."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names as a tuple."""
        return (self.metric,) if isinstance(self.metric, str) else self.metric


class FolderSettings(Record):
    """What `domain.yaml` says."""

    name: str = ""
    """Of the domain; empty: the folder's."""
    tasks: dict[str, TaskSettings] = {}
    """By name; none: tasks follow from the items."""


def read_settings(folder: Path) -> FolderSettings:
    """Read `domain.yaml`, or nothing where there is none.

    Raises:
        DataError: It is malformed, has an unknown key, or names an unknown metric.
    """
    path = folder / _FILE
    if not path.exists():
        return FolderSettings(name=folder.resolve().name)
    try:
        settings = FolderSettings.model_validate(read_mapping(path, "name: my domain"))
    except ValidationError as error:
        raise DataError(sentence(str(path), error, FolderSettings)) from None
    for name, task in settings.tasks.items():
        _check_template(path, _TRIAL.with_parts(task=name, template=task.template))
        for metric in task.metrics:
            load_metric(f"{path}: task '{name}'", metric)
    return settings.model_copy(update={"name": settings.name or folder.resolve().name})


def load_metric(where: str, name: str) -> type[Metric]:
    """The metric's class.

    Raises:
        DataError: There is none of that name; the message gives the nearest.
    """
    try:
        return METRICS.load(name)
    except AcclimateError as error:
        raise DataError(f"{where}: {error}") from None


_TRIAL = Prompt(
    question="a question that the prompt must show",
    item_id="item",
    instruction="instruction",
    choices=("one", "other"),
)


def _check_template(path: Path, trial: Prompt) -> None:
    """Lay out a question alone, and one with all that a method may put around it."""
    from acclimate.data.prompt_template import as_text

    parts = {"passages": (Passage("d", "t", "x"),), "examples": (Example("q", "a", "why"),)}
    for prompt in (trial, trial.with_parts(answer_prefix="lead", **parts)):
        try:
            text = as_text(prompt)
        except ConfigError as error:
            raise DataError(f"{path}: {error}") from None
        if prompt.question not in text:
            raise DataError(
                f"{path}: template of task '{prompt.task}' shows no {{{{ question }}}}; add it"
            )
