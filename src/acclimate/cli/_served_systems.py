"""What is served: a study's pick, a saved model or a base, and adapters on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acclimate.core.catalogue import MODELS
from acclimate.core.errors import ConfigError
from acclimate.core.model import Model, NeuralModel
from acclimate.core.provenance import taking_stale
from acclimate.core.source import ModelSource
from acclimate.core.source_code.running_code import RUNNING
from acclimate.core.storage.artifact_store import made_by
from acclimate.core.storage.saved_model import MODEL_FILE, descendants, load_model
from acclimate.server.task_prompts import with_task_prompts
from acclimate.study.report.write import HTML, JSON, read_findings
from acclimate.study.spec import make_spec

_BASE = "base"
"""Name of the base beside a study's pick."""


@dataclass(frozen=True)
class LoadedSystems:
    """Models by name, the one that was asked for first."""

    systems: dict[str, Model]
    report: Path | None = None
    """Of the study they come from."""
    tasks: tuple[str, ...] = ()
    """Of its domain."""


def served(what: str, *, name: str, adapters: Sequence[str]) -> LoadedSystems:
    """Load what is to be served.

    Args:
        what: Folder of a study's report, of a saved model or of a base; or name of a base.
        name: Of the system; empty: what it is called already.
        adapters: `NAME=FOLDER` each; served as `SYSTEM:NAME`.

    Raises:
        ConfigError: There is nothing to serve, or a name is no name.
        UnknownNameError: It is nearly the name of a base.
    """
    RUNNING.begin()  # before anything of it is imported
    folder = Path(what)
    called = name or folder.resolve().name if folder.is_dir() else name or what
    if (folder / JSON).is_file():
        tasks = read_findings(folder).tasks
        known = {
            n: with_task_prompts(model, tasks) for n, model in _of_study(folder, called).items()
        }
        loaded = LoadedSystems(known, folder / HTML, tuple(task.name for task in tasks))
    elif (folder / MODEL_FILE).is_file():
        loaded = LoadedSystems({called: load_model(folder)})
    else:
        loaded = LoadedSystems({called: _base(what)})
    for text in adapters:
        short, model = _adapted(loaded.systems[called], text)
        loaded.systems[f"{called}:{short}"] = model
    return loaded


def _of_study(folder: Path, name: str) -> dict[str, Model]:
    findings = read_findings(folder)
    confirmed = findings.confirmation
    if findings.recommendation.pick == findings.base and findings.base_model in MODELS.entries:
        return {name: _base(findings.base_model)}
    if confirmed is None or not confirmed.folder:
        raise ConfigError(
            f"{folder}: the study kept no model (its pick is '{findings.recommendation.pick}'); "
            f"serve its base: acclimate serve {findings.base_model or findings.base}"
        )
    if not (Path(confirmed.folder) / MODEL_FILE).is_file():
        raise ConfigError(
            f"{folder}: the pick was kept in {confirmed.folder}, which is gone; run the study again"
        )
    pick = load_model(Path(confirmed.folder))
    bases = [m for _, m in descendants(pick) if isinstance(m, NeuralModel) and not m.children]
    beside = {_BASE: bases[0]} if bases and bases[0] is not pick and name != _BASE else {}
    return {name: pick, **beside}


def _base(what: str) -> Model:
    with taking_stale():  # what was measured is served: nothing is made again
        return _source(what).load()


def _source(what: str) -> ModelSource:
    nowhere = ""  # no study is run
    return make_spec({"domain": nowhere, "base": what}, "serve").base_source()


def stale_notes(what: str) -> list[str]:
    """What there is to say of a study's pick or a base that today's code would make otherwise."""
    folder = Path(what)
    if not (folder / JSON).is_file():
        is_saved = (folder / MODEL_FILE).is_file()
        return [] if is_saved else _notes(what, _source(what).stale())
    findings = read_findings(folder)
    pick = findings.recommendation.pick
    if pick == findings.base and findings.base_model in MODELS.entries:
        now = _source(findings.base_model).stale()
    else:
        now = made_by(Path(findings.confirmation.folder)).stale() if findings.confirmation else ()
    return _notes(pick, tuple(dict.fromkeys((*findings.stale.get(pick, ()), *now))))


def _notes(name: str, reasons: Sequence[str]) -> list[str]:
    return [f"{name} is not of today's code: {'; '.join(reasons)}"] if reasons else []


def _adapted(model: Model, text: str) -> tuple[str, Model]:
    name, equals, folder = text.partition("=")
    if not (equals and name and folder):
        raise ConfigError(f"adapter '{text}': written NAME=FOLDER, as law=runs/law/adapter")
    from acclimate.server.load_adapter import with_adapter

    return name, with_adapter(model, Path(folder).expanduser())
