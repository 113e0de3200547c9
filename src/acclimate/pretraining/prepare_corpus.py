"""Prepare a corpus: clean and split raw text, train a tokenizer, write shards."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acclimate.core.errors import DataError
from acclimate.core.provenance import Provenance, Trace
from acclimate.core.record import digest
from acclimate.core.runtime.progress import progress
from acclimate.core.storage.atomic import saved_whole, write_whole
from acclimate.data.corpus.build import build_corpus, documents
from acclimate.data.corpus.summary import CorpusSummary
from acclimate.data.shards.manifest import read_shard_manifest
from acclimate.data.shards.reader import TokenShards, write_shards
from acclimate.data.tokenizers.save import load_tokenizer, write_tokenizer
from acclimate.data.tokenizers.train import train_tokenizer
from acclimate.pretraining.spec import PretrainSpec
from acclimate.training.distributed import World

TOKENIZER_BYTES = 30_000_000
"""Text that a tokenizer is trained on, spread over the corpus: more changes its tokens little."""
_KEY = "prepared.json"


@dataclass(frozen=True)
class PreparedText:
    """A tokenizer, and the tokenized shards of each split that has documents."""

    summary: CorpusSummary
    tokenizer: Any
    shards: dict[str, TokenShards]


def prepare_text(spec: PretrainSpec, folder: Path, *, is_strict: bool = False) -> PreparedText:
    """Clean, split and tokenize the text of a spec into `folder`; steps done before are reused.

    Raises:
        DataError: The text is missing, empty, or all of it was dropped.
        ConfigError: The tokenizer cannot be loaded or made, or there is no room on the disk.
    """
    world = World.here()
    corpus = folder / "corpus"
    if world.is_main:
        summary = build_corpus(
            [Path(path) for path in spec.text], spec.corpus, corpus, is_strict=is_strict
        )
        # Another corpus of the same files was made by other code.
        key = digest([summary.digest, summary.made_by, spec.tokenizer])
        if not _is_done(folder, key, summary):
            with Trace(__name__).listening() as trace:
                _tokenize(spec, summary, folder)
            made = {"key": key, "made_by": trace.provenance().model_dump()}
            write_whole(folder / _KEY, json.dumps(made))
    world.wait()
    summary = CorpusSummary.model_validate_json((corpus / "summary.json").read_text())
    tokenizer = load_tokenizer(str(folder / "tokenizer"))
    # A network trained on running text alone must not be prompted as a chat.
    tokenizer.chat_template = None
    shards = {
        split: TokenShards.open(folder / "tokens" / split, tokenizer) for split in _filled(summary)
    }
    return PreparedText(summary, tokenizer, shards)


def _is_done(folder: Path, key: str, summary: CorpusSummary) -> bool:
    """Whether all is there that the key stands for and today's code would make.

    Removing `tokens/` has it made again.
    """
    try:
        known = json.loads((folder / _KEY).read_text())
        is_stale = bool(Provenance.model_validate(known["made_by"]).stale())
        tokens = [read_shard_manifest(folder / "tokens" / split) for split in _filled(summary)]
    except (OSError, ValueError, TypeError, KeyError, DataError):
        return False
    is_stale |= any(manifest.made_by.stale() for manifest in tokens)
    return known["key"] == key and not is_stale


def _filled(summary: CorpusSummary) -> list[str]:
    """The splits that have any documents."""
    return [split for split, count in summary.splits.items() if count.num_documents]


def _tokenize(spec: PretrainSpec, summary: CorpusSummary, folder: Path) -> None:
    (folder / _KEY).unlink(missing_ok=True)
    if isinstance(spec.tokenizer, str):
        tokenizer = load_tokenizer(spec.tokenizer)
    else:
        tokenizer = train_tokenizer(_sample(folder / "corpus", summary), spec.tokenizer)
    with saved_whole(folder / "tokenizer", "tokenizer.json") as aside:
        write_tokenizer(tokenizer, aside)
    # Loaded again, so that the shards know it by the name it will be loaded by.
    tokenizer = load_tokenizer(str(folder / "tokenizer"))
    for split in _filled(summary):
        texts = _texts(folder / "corpus", split, summary.splits[split].num_bytes)
        write_shards(texts, tokenizer, folder / "tokens" / split)


def _texts(corpus: Path, split: str, num_bytes: int) -> Iterator[str]:
    with progress(f"tokenizing {split}, MB", num_bytes / 1e6) as advance:
        for _, text in documents(corpus, split):
            yield text
            advance(len(text.encode()) / 1e6)


def _sample(corpus: Path, summary: CorpusSummary) -> Iterator[str]:
    """Every nth training document, whole, so that about `TOKENIZER_BYTES` are read."""
    every = max(1, summary.splits["train"].num_bytes // TOKENIZER_BYTES)
    for number, (_, text) in enumerate(documents(corpus, "train")):
        if number % every == 0:
            yield text
