"""Documents as packed tokens on the disk, memory-mapped when they are read."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from acclimate.core.errors import ConfigError, DataError
from acclimate.core.provenance import Trace
from acclimate.core.runtime.progress import progress
from acclimate.core.storage.atomic import whole_folder
from acclimate.data.shards.manifest import (
    SHARD_MANIFEST,
    ShardManifest,
    fitting_dtype,
    plain_tokenizer,
    read_shard_manifest,
    tokenizer_digest,
    vocab_size_of,
)
from acclimate.data.shards.writer import ShardWriter, end_of_text, token_batches


def write_shards(
    texts: Iterable[str], tokenizer: Any, folder: Path, *, shard_tokens: int = 2**26
) -> ShardManifest:
    """Tokenize texts and write their tokens, each text with an end of text after it.

    Progress is for the caller to show, who knows how many texts there are.

    Args:
        texts: One a document; taken as they are needed.
        tokenizer: A fast one of transformers.
        folder: Gets `shard-00000.bin` and so on and `manifest.json`, all at once; gives way if
            it holds other shards.
        shard_tokens: Tokens of each file but the last, at least 1.

    Raises:
        ConfigError: The tokenizer is slow or has no end of text, the folder holds something else,
            or the disk is full.
        DataError: There are no texts.
    """
    if shard_tokens < 1:
        raise ConfigError(f"shard_tokens={shard_tokens}: must be at least 1")
    plain, end = plain_tokenizer(tokenizer), end_of_text(tokenizer)
    dtype = fitting_dtype(vocab_size_of(tokenizer))
    with whole_folder(folder, SHARD_MANIFEST) as aside:
        listening = Trace(__name__).listening()
        with listening as trace, ShardWriter(aside, dtype, shard_tokens) as writer:
            for batch, tokens in token_batches(texts, plain, end):
                writer.write(batch, tokens)
        if not writer.num_documents:
            raise DataError(f"{folder}: there are no documents to make tokens of")
        manifest = writer.manifest(tokenizer)
        manifest = manifest.model_copy(update={"made_by": trace.provenance()})
        (aside / SHARD_MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    return manifest


class TokenShards:
    """The tokens of a folder of shards as one long row."""

    def __init__(self, folder: Path, manifest: ShardManifest) -> None:
        """Use `open`, which checks the files."""
        self.folder, self.manifest = folder, manifest
        sizes = [shard.num_tokens for shard in manifest.shards]
        self._starts = list(accumulate(sizes, initial=0))
        self._dtype = np.dtype(manifest.dtype).newbyteorder("<")
        self._maps: dict[int, npt.NDArray[Any]] = {}

    @classmethod
    def open(cls, folder: Path, tokenizer: Any = None) -> Self:
        """Open shards; their sizes are checked here, their content in `verify`.

        Args:
            folder: As `write_shards` made it.
            tokenizer: If given, the shards must have been made with it.

        Raises:
            DataError: There are no shards, one is missing, cut short, or of too small a type for
                the vocabulary, or another tokenizer made them.
        """
        manifest = read_shard_manifest(folder)
        if manifest.vocab_size > 2 ** (8 * manifest.item_bytes):
            raise DataError(
                f"{folder}: a vocabulary of {manifest.vocab_size:,} tokens does not fit shards of "
                f"{manifest.dtype}; write the shards again"
            )
        for shard in manifest.shards:
            path, wanted = folder / shard.name, shard.num_tokens * manifest.item_bytes
            got = path.stat().st_size if path.is_file() else None
            if got != wanted:
                fault = "is missing" if got is None else f"has {got:,} bytes, not {wanted:,}"
                raise DataError(f"{path}: {fault}; write the shards again")
        if tokenizer is not None:
            _refuse_other(folder, manifest, tokenizer)
        return cls(folder, manifest)

    def __len__(self) -> int:
        """Tokens."""
        return self.manifest.num_tokens

    @property
    def num_bytes(self) -> int:
        """Of the texts as UTF-8."""
        return self.manifest.num_bytes

    @property
    def num_documents(self) -> int:
        """Texts."""
        return self.manifest.num_documents

    def span(self, start: int, length: int) -> npt.NDArray[np.int64]:
        """Some tokens in a row, (length,), across the borders of files.

        Raises:
            IndexError: They begin before the first or end after the last.
        """
        end = start + length
        if not 0 <= start <= end <= len(self):
            raise IndexError(f"tokens {start} to {end} of {len(self)}")
        tokens = np.empty(length, dtype=np.int64)
        index = bisect_right(self._starts, start) - 1
        done = 0
        while done < length:
            first = start + done - self._starts[index]
            part = self._shard(index)[first : first + length - done]
            tokens[done : done + len(part)] = part
            done += len(part)
            index += 1
        return tokens

    def verify(self) -> None:
        """Read every file and compare its hash.

        Raises:
            DataError: A file is damaged.
        """
        with progress("checking shards", len(self.manifest.shards)) as advance:
            for shard in self.manifest.shards:
                path = self.folder / shard.name
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                if sha256 != shard.sha256:
                    raise DataError(f"{path}: is damaged (another SHA-256); write the shards again")
                advance(1)

    def _shard(self, index: int) -> npt.NDArray[Any]:
        if index not in self._maps:
            path = self.folder / self.manifest.shards[index].name
            # A view as a plain array: slices of numpy.memmap itself are several times slower.
            self._maps[index] = np.asarray(np.memmap(path, dtype=self._dtype, mode="r"))
        return self._maps[index]


def _refuse_other(folder: Path, manifest: ShardManifest, tokenizer: Any) -> None:
    if tokenizer_digest(tokenizer) == manifest.tokenizer:
        return
    raise DataError(
        f"{folder}: made with tokenizer '{manifest.tokenizer_name}' of {manifest.vocab_size:,} "
        f"tokens ({manifest.tokenizer[:12]}), not with '{getattr(tokenizer, 'name_or_path', '')}' "
        f"of {vocab_size_of(tokenizer):,}; write the shards again with this one, or use that one"
    )
