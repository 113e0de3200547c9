"""Where an answer ends: at a token that ends it, or before a stop string."""

from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Sampling


@dataclass(frozen=True)
class Ending:
    """How answers of one tokenizer end when they are drawn so."""

    tokenizer: Any
    sampling: Sampling
    stop_ids: frozenset[int]
    """Tokens that end an answer."""

    def is_reached(self, ids: list[int]) -> bool:
        """Whether an answer of these token ids is over."""
        if ids[-1] in self.stop_ids:
            return True
        return bool(self.sampling.stop) and self._cut(self._decode(ids)) is not None

    def text(self, ids: list[int]) -> str:
        """The answer, without its end."""
        text = self._decode(ids)
        cut = self._cut(text)
        return (text if cut is None else cut).strip()

    def _decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def _cut(self, text: str) -> str | None:
        """The text before the first stop string, or None; stops before the first word are blank."""
        blank = len(text) - len(text.lstrip())
        found = [at for stop in self.sampling.stop if (at := text.find(stop, blank)) >= 0]
        return text[: min(found)] if found else None
