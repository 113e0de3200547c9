"""Items as a base reads them while it is tuned: what is read, and what is learned."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from rich.text import Text

from acclimate.core.domain import Domain, Item, Task
from acclimate.core.errors import ConfigError
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import unwrap

OPEN, CLOSE = "⟦", "⟧"
"""Around what is learned, so that it is seen without colour too."""


class Masked(NamedTuple):
    """One row of training."""

    task: str
    item: str
    parts: list[tuple[str, bool]]
    """Texts in their order, and whether each is learned."""
    num_tokens: int
    num_learned: int

    @property
    def marked(self) -> str:
        """The whole text with marks around what is learned."""
        return "".join(f"{OPEN}{text}{CLOSE}" if on else text for text, on in self.parts)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        parts = [{"text": text, "is_learned": on} for text, on in self.parts]
        return {**self._asdict(), "parts": parts, "marked": self.marked}

    def shown(self) -> Text:
        """For a terminal."""
        about = f"{self.task}, item {self.item}: {self.num_tokens} tokens, "
        text = Text(f"{about}{self.num_learned} of them learned, between {OPEN} and {CLOSE}\n")
        for part, on in self.parts:
            text.append(f"{OPEN}{part}{CLOSE}" if on else part, "bold green" if on else "dim")
        return text.append("\n")


def masks(domain: Domain, base: Model) -> list[Masked]:
    """The first item of each training task, and the first dialogue where there are any.

    Raises:
        ConfigError: The base has no weights that could be tuned.
    """
    # Encoded by what training itself asks, which is slow to import.
    from acclimate.training.examples import encode_pairs

    core = unwrap(base).core
    if not isinstance(core, NeuralModel):
        raise ConfigError("--show-mask: this base has no weights to tune; name a local model")
    chosen = [(task, item) for task in domain.train for item in _first(task)]
    rows = encode_pairs(core, [(task.prompt(item), item.target) for task, item in chosen])
    return [
        _masked(task.name, item.id, example, core.tokenizer)
        for (task, item), examples in zip(chosen, rows, strict=True)
        for example in examples
    ]


def _first(task: Task) -> Iterator[Item]:
    yield from task.items[:1]
    yield from [item for item in task.items[1:] if item.turns and not task.items[0].turns][:1]


def _masked(task: str, item: str, example: Any, tokenizer: Any) -> Masked:
    ids = [*example.prompt, *example.answer]
    on = [False] * len(example.prompt) + list(example.is_learned)
    return Masked(task, item, list(_parts(ids, on, tokenizer)), len(ids), sum(on))


def _parts(
    ids: Sequence[int], is_learned: Sequence[bool], tokenizer: Any
) -> Iterator[tuple[str, bool]]:
    shown, end = "", 0
    for on, run in groupby(is_learned):
        end += len(list(run))
        # As one text: a piece of it alone may lose the space it begins with.
        text = tokenizer.decode(ids[:end], skip_special_tokens=False)
        yield text[len(shown) :], on
        shown = text
