"""Texts to tokens in batches, and tokens to files of equal size."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from acclimate.core.errors import ConfigError
from acclimate.data.shards.manifest import Shard, ShardManifest, tokenizer_digest, vocab_size_of

_BATCH_CHARS = 2**20
"""Texts that are tokenized together: enough for every processor, some 100 MB of tokens."""

TokenDtype = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


def end_of_text(tokenizer: Any) -> int:
    """The token that ends a document.

    Raises:
        ConfigError: There is none.
    """
    for end in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        if end is not None:
            return int(end)
    raise ConfigError(
        f"tokenizer '{tokenizer.name_or_path}' has no end-of-text token (eos_token, else "
        "sep_token); documents need one between them"
    )


def token_batches(
    texts: Iterable[str], tokenizer: Any, end: int
) -> Iterator[tuple[Sequence[str], list[int]]]:
    """Texts by the batch with their tokens, `end` after each text.

    Args:
        texts: Taken as they are needed.
        tokenizer: Of the library tokenizers.
        end: A token.
    """
    for batch in _batches(texts):
        encoded = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        yield batch, list(chain.from_iterable((*encoding.ids, end) for encoding in encoded))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    num_chars = 0
    for text in texts:
        batch.append(text)
        num_chars += len(text)
        if num_chars >= _BATCH_CHARS:
            yield batch
            batch, num_chars = [], 0
    if batch:
        yield batch


class ShardWriter:
    """Writes tokens to `shard-00000.bin` and so on, hashing what it writes."""

    def __init__(self, folder: Path, dtype: Literal["uint16", "uint32"], shard_tokens: int) -> None:
        """Write into `folder`, so many tokens to each file."""
        self.num_documents = self._num_bytes = 0
        self._shards: list[Shard] = []
        self._folder, self._shard_tokens = folder, shard_tokens
        self._dtype_name = dtype
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if kind is None and self._num_tokens:
            self._end()
        self._file.close()

    def write(self, texts: Sequence[str], tokens: list[int]) -> None:
        """Add the tokens of some texts, in as many files as they take."""
        self.num_documents += len(texts)
        self._num_bytes += sum(len(text.encode()) for text in texts)
        packed = np.array(tokens, dtype=self._dtype)
        while len(packed):
            if self._num_tokens == self._shard_tokens:
                self._end()
                self._next()
            part = packed[: self._shard_tokens - self._num_tokens]
            packed = packed[len(part) :]
            content = part.tobytes()
            self._hash.update(content)
            self._file.write(content)
            self._num_tokens += len(part)

    def manifest(self, tokenizer: Any) -> ShardManifest:
        """What was written, and with which tokenizer; for when the writer is closed."""
        return ShardManifest(
            num_tokens=sum(shard.num_tokens for shard in self._shards),
            num_bytes=self._num_bytes,
            num_documents=self.num_documents,
            dtype=self._dtype_name,
            vocab_size=vocab_size_of(tokenizer),
            tokenizer=tokenizer_digest(tokenizer),
            tokenizer_name=str(getattr(tokenizer, "name_or_path", "")),
            shards=tuple(self._shards),
        )

    def _next(self) -> None:
        self._path = self._folder / f"shard-{len(self._shards):05d}.bin"
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self._num_tokens = 0

    def _end(self) -> None:
        self._file.close()
        sha256 = self._hash.hexdigest()
        self._shards.append(Shard(name=self._path.name, num_tokens=self._num_tokens, sha256=sha256))
