"""The errors a user can meet: what is wrong, what it got, and the mend."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

from acclimate.core.former_names import name_now

MAX_SHOWN = 200
"""Characters of a name that are said back."""


class AcclimateError(Exception):
    """Anything that is said to the user in one sentence; `exit_code` is the process's."""

    exit_code: ClassVar[int] = 2


class ConfigError(AcclimateError, ValueError):
    """A setting is out of range, unknown, or cannot be met on this machine."""


class DataError(AcclimateError, ValueError):
    """The user's data is malformed; the message names the file, the line and the mend."""


class NotApplicableError(AcclimateError, TypeError):
    """A method was asked of a model or data it cannot work on."""


class BudgetError(AcclimateError, RuntimeError):
    """A limit or gate of the study was not met."""

    exit_code: ClassVar[int] = 3


class BackendError(AcclimateError, RuntimeError):
    """Something under us failed: a library, the disk, a saved artifact."""

    exit_code: ClassVar[int] = 1


class MissingExtraError(AcclimateError, ImportError):
    """An optional library is not installed."""

    def __init__(self, wanted_by: str, extra: str, module: str) -> None:
        super().__init__(f"{wanted_by} needs '{module}': pip install 'acclimate[{extra}]'")


class UnknownNameError(AcclimateError, KeyError):
    """No entry, field or column has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.known = sorted(known)
        shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"
        super().__init__(f"no {kind} is called '{shown}'; {self._mend(name)}")

    def _mend(self, name: str) -> str:
        if name_now(name) in self.known:
            return f"it is called {name_now(name)} now"
        near = get_close_matches(name, self.known, n=1, cutoff=0.5)
        return f"did you mean {near[0]}?" if near else f"known: {', '.join(self.known)}"

    def __str__(self) -> str:
        return str(self.args[0])
