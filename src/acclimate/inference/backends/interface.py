"""The interface of external engines, which answer in place of our own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

from acclimate.core.catalogue import Catalogue
from acclimate.core.errors import ConfigError
from acclimate.core.record import Record

EnginePrecision = Literal["fastest", "float32", "bfloat16", "float16", "int8", "int4"]
OnToken = Callable[[int, int], bool]
"""Called with a prompt's index and a token of its answer; whether that is enough."""


class LoadedEngine(ABC):
    """A converted network, ready to answer; one caller at a time."""

    @abstractmethod
    def write(
        self, contexts: Sequence[list[int]], budgets: Sequence[int], on_token: OnToken | None = None
    ) -> list[list[int]]:
        """The likeliest tokens after each context, one by one, with that which ends the answer.

        Args:
            contexts: Token ids, at least one each.
            budgets: Most tokens to write after each; they fit in the window beside it.
            on_token: Called for every token; None: nobody reads them before the end.
        """


class Backend(Record):
    """An external engine, and the precision of its weights."""

    precisions: ClassVar[Mapping[EnginePrecision, str]] = {}
    """Precisions of its weights, by our name and its own; the first is its fastest."""
    package: ClassVar[str] = ""
    """The installed package whose version its files belong to; empty: they are transformers'."""

    precision: EnginePrecision = "fastest"
    """Of the weights; `fastest` is the engine's own choice."""

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def kept_as(self) -> str:
        """The precision by the engine's own name.

        Raises:
            ConfigError: The engine has no such precision.
        """
        if self.precision == "fastest":
            return next(iter(self.precisions.values()))
        if self.precision not in self.precisions:
            raise ConfigError(
                f"{self.name}: precision={self.precision}, must be fastest or one of "
                f"{', '.join(self.precisions)}"
            )
        return self.precisions[self.precision]

    @abstractmethod
    def convert(self, network: Any, tokenizer: Any, folder: Path) -> None:
        """Write a network's weights into an empty folder, in the engine's own format.

        It may fail with whatever its library raises.
        """

    @abstractmethod
    def open(self, folder: Path, ends: frozenset[int], window: int) -> LoadedEngine:
        """Load what `convert` wrote.

        Args:
            folder: The engine's files.
            ends: Tokens that end an answer, at least one.
            window: Tokens that a context and its answer may have.
        """


BACKENDS: Catalogue[Backend] = Catalogue("acclimate.inference.backends", Backend)
"""All external engines by name."""


@contextmanager
def saved_network(network: Any, tokenizer: Any) -> Iterator[str]:
    """A folder in transformers' format, for as long as the body runs."""
    with TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        yield folder


def or_ignore(on_token: OnToken | None) -> OnToken:
    """The callback, or one that ignores tokens."""
    return on_token or (lambda _index, _token: False)
