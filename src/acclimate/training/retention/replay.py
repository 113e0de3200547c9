"""Replay of general text among the training examples, against forgetting."""

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
"""Least length of a row of general text: a shorter one holds little to be forgotten."""


@dataclass(frozen=True)
class Replay:
    """How much general text is replayed, and from where."""

    share: float
    """Share of the general text in all rows; over 0, below 1."""
    path: str
    """A file or folder of text, repeated where it is too short; empty: the model generates it."""
    seed: int
    """Of the text that the model generates."""

    def rows(self, examples: Sequence[TokenizedExample], core: Any) -> list[TokenizedExample]:
        """Rows of general text for the share, each about as long as the examples are on average.

        Args:
            examples: The training examples that the rows are mixed with.
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
        count = max(1, round(self.share / (1 - self.share) * len(examples)))
        length = sum(map(len, examples)) // max(1, len(examples))
        num_tokens = min(core.window, max(MIN_TOKENS, length))
        if self.path:
            rows = _first_windows(
                windows(_texts(self.path), core.tokenizer, num_tokens), count, self.path
            )
        else:
            rows = _generated(core, count, num_tokens, self.seed)
        log_value("rows of general text among the training rows", len(rows))
        return rows


def _first_windows(
    rows: Iterator[TokenizedExample], count: int, path: str
) -> list[TokenizedExample]:
    text_rows = list(islice(rows, count))
    if not text_rows:
        raise DataError(f"replay_path={path}: there is no text in it")
    return list(islice(cycle(text_rows), count))


def _texts(path: str) -> Iterator[str]:
    for source in find_sources([Path(path)]):
        for document in read_source(source, lambda _: None, is_strict=True):
            if isinstance(document, RawDocument):
                yield html_text(document.text)[1] if document.kind == "page" else document.text


def _generated(core: Any, count: int, num_tokens: int, seed: int) -> list[TokenizedExample]:
    """Text that the model samples from its start token (pseudo-rehearsal; Robins 1995)."""
    start = Prompt("", template="")
    sampling = Sampling(max_new_tokens=num_tokens - 1, temperature=1.0, seed=seed)
    completions = core.generate([start.with_parts(item_id=str(i)) for i in range(count)], sampling)
    texts = [completion.text for completion in completions if completion.text]
    options = {"add_special_tokens": False, "verbose": False}
    encoded = core.tokenizer(texts, **options)["input_ids"] if texts else []
    begin = core.encode(start)[0]
    # Half a character, which a small model may write, takes more tokens when it is encoded again.
    return [TokenizedExample(begin, ids[: num_tokens - len(begin)]) for ids in encoded]
