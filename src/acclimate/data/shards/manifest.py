"""What is known of a folder of token shards."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from acclimate.core.errors import ConfigError, DataError
from acclimate.core.provenance import Provenance
from acclimate.core.record import Record

SHARD_MANIFEST = "manifest.json"
_MAX_SHORT = 2**16
"""Token ids below this fit uint16."""


class Shard(Record):
    """One file of tokens."""

    name: str
    """Within the folder."""
    num_tokens: int
    """In it."""
    sha256: str
    """Of the file."""


class ShardManifest(Record):
    """Tokens of a corpus, and what they were made from and with."""

    num_tokens: int
    """In all shards, an end of text after each document."""
    num_bytes: int
    """Of the texts as UTF-8: what bits per byte are counted by."""
    num_documents: int
    """Texts."""
    dtype: Literal["uint16", "uint32"]
    """Of the tokens, little-endian."""
    vocab_size: int
    """Token ids are below it."""
    tokenizer: str
    """SHA-256 of the tokenizer's own JSON."""
    tokenizer_name: str
    """Where the tokenizer was loaded from, for messages; may be empty."""
    shards: tuple[Shard, ...]
    """In their order."""
    made_by: Provenance = Provenance()
    """By which code and libraries."""

    @property
    def item_bytes(self) -> int:
        """Of one token."""
        return 2 if self.dtype == "uint16" else 4


def fitting_dtype(vocab_size: int) -> Literal["uint16", "uint32"]:
    """The smaller type that holds every id of a vocabulary."""
    return "uint16" if vocab_size <= _MAX_SHORT else "uint32"


def plain_tokenizer(tokenizer: Any) -> Any:
    """The Rust tokenizer below one of transformers, without truncation or padding.

    Raises:
        ConfigError: There is none.
    """
    from tokenizers import Tokenizer

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"tokenizer '{getattr(tokenizer, 'name_or_path', '')}' is a slow one; shards need a "
            "fast one (a folder with tokenizer.json)"
        )
    plain = Tokenizer.from_str(backend.to_str())
    plain.no_truncation()
    plain.no_padding()
    return plain


def tokenizer_digest(tokenizer: Any) -> str:
    """SHA-256 of the tokenizer's JSON; a truncation or padding set for a batch does not count."""
    text: str = plain_tokenizer(tokenizer).to_str()
    return hashlib.sha256(text.encode()).hexdigest()


def vocab_size_of(tokenizer: Any) -> int:
    """One more than the largest token id, added tokens too."""
    return 1 + int(max(tokenizer.get_vocab().values()))


def read_shard_manifest(folder: Path) -> ShardManifest:
    """The manifest of a folder of shards.

    Raises:
        DataError: There is none, or it is damaged.
    """
    path = folder / SHARD_MANIFEST
    try:
        return ShardManifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(
            f"{folder}: holds no shards (there is no {SHARD_MANIFEST}); write them"
        ) from None
    except ValueError:
        raise DataError(f"{path}: is damaged; write the shards again") from None
