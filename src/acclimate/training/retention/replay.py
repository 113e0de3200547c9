"""General text among the training rows, so that it is not forgotten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from acclimate.core.errors import DataError, NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_value
from acclimate.data.corpus.read_documents import RawDocument, read_source
from acclimate.data.corpus.sources import find_sources
from acclimate.data.documents.html import html_text
from acclimate.training.packing import TokenizedExample
from acclimate.training.text_windows import windows

MIN_TOKENS = 16
"""Shorter pieces of text hold little that could be forgotten."""


@dataclass(frozen=True)
class Replay:
    """How much general text is read again, and from where."""

    share: float
    """Of all rows; over 0, below 1."""
    path: str
    """A file or folder of text, begun again where it is too short; empty: the model writes it."""
    seed: int
    """Of what the model writes."""

    def rows(self, own: Sequence[TokenizedExample], core: Any) -> list[TokenizedExample]:
        """So many rows of general text, each about as long as one's own.

        Args:
            own: What is trained on otherwise.
            core: The neural model before training.

        Raises:
            NotApplicableError: The model is an encoder-decoder.
            DataError: There is no text, or it cannot be read.
        """
        if core.network.config.is_encoder_decoder:
            raise NotApplicableError(
                "replay needs a decoder: an encoder-decoder does not write running text; set "
                "replay_share to 0 and take another means against forgetting"
            )
        count = max(1, round(self.share / (1 - self.share) * len(own)))
        length = sum(map(len, own)) // max(1, len(own))
        num_tokens = min(core.window, max(MIN_TOKENS, length))
        if self.path:
            rows = _first(windows(_texts(self.path), core.tokenizer, num_tokens), count, self.path)
        else:
            rows = _written(core, count, num_tokens, self.seed)
        log_value("rows of general text among the training rows", len(rows))
        return rows


def _first(rows: Iterator[TokenizedExample], count: int, path: str) -> list[TokenizedExample]:
    found = list(islice(rows, count))
    if not found:
        raise DataError(f"replay_path={path}: there is no text in it")
    return list(islice(cycle(found), count))


def _texts(path: str) -> Iterator[str]:
    for source in find_sources([Path(path)]):
        for found in read_source(source, lambda _: None, is_strict=True):
            if isinstance(found, RawDocument):
                yield html_text(found.text)[1] if found.kind == "page" else found.text


def _written(core: Any, count: int, num_tokens: int, seed: int) -> list[TokenizedExample]:
    """What the model itself writes from its start token (pseudo-rehearsal; Robins 1995)."""
    start = Prompt("", template="")
    sampling = Sampling(max_new_tokens=num_tokens - 1, temperature=1.0, seed=seed)
    said = core.generate([start.with_parts(item_id=str(i)) for i in range(count)], sampling)
    texts = [completion.text for completion in said if completion.text]
    told = {"add_special_tokens": False, "verbose": False}
    encoded = core.tokenizer(texts, **told)["input_ids"] if texts else []
    begin = core.encode(start)[0]
    # Half a character, which a small model may write, is longer when it is read.
    return [TokenizedExample(begin, ids[: num_tokens - len(begin)]) for ids in encoded]
