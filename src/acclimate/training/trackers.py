"""Experiment trackers: TensorBoard, MLflow, trackio."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Protocol

from acclimate.core.errors import ConfigError, MissingExtraError, UnknownNameError

PROJECT = "acclimate"


class Tracker(Protocol):
    """A program that stores and shows the numbers of a run."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers after a step."""

    def close(self) -> None:
        """Flush and end the run."""


def tracker(name: str, folder: Path) -> Tracker:
    """The tracker of that name, for the run in a folder, which gives the run its name.

    Raises:
        UnknownNameError: There is no such tracker.
        MissingExtraError: Its library is not installed.
        ConfigError: Likewise, where no extra of this package has it.
    """
    if name not in _TRACKERS:
        raise UnknownNameError("tracker", name, _TRACKERS)
    try:
        return _TRACKERS[name](folder)
    except ModuleNotFoundError as error:
        if name == "mlflow":  # asks for older versions of what this package needs
            raise ConfigError("tracker mlflow: is not installed; pip install mlflow") from error
        raise MissingExtraError(name, "track", (error.name or name).partition(".")[0]) from error


class _TensorBoard:
    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call]

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _MLflow:
    def __init__(self, folder: Path) -> None:
        import mlflow

        self._mlflow: Any = mlflow
        mlflow.set_experiment(PROJECT)
        mlflow.start_run(run_name=folder.resolve().name)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._mlflow.log_metrics(dict(values), step=step)

    def close(self) -> None:
        self._mlflow.end_run()


class _Trackio:
    def __init__(self, folder: Path) -> None:
        import trackio

        self._trackio: Any = trackio
        with redirect_stdout(sys.stderr):  # it tells where it writes; ours is for results
            trackio.init(project=PROJECT, name=folder.resolve().name, resume="allow")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def close(self) -> None:
        with redirect_stdout(sys.stderr):
            self._trackio.finish()


_TRACKERS: dict[str, type[_TensorBoard] | type[_MLflow] | type[_Trackio]] = {
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
    "trackio": _Trackio,
}
