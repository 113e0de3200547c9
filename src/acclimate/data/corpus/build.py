"""From files to a clean corpus in three splits, streaming, whole or not at all."""

import json
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from acclimate.core.errors import ConfigError, DataError, UnknownNameError
from acclimate.core.provenance import Trace
from acclimate.core.record import digest
from acclimate.core.runtime.progress import Advance, progress
from acclimate.core.storage.atomic import whole_folder
from acclimate.data.corpus.clean import clean_batch
from acclimate.data.corpus.dedup.find_duplicates import find_duplicates
from acclimate.data.corpus.document_log import Ledger
from acclimate.data.corpus.ordered_pool import map_in_order, num_processors
from acclimate.data.corpus.read_documents import RawDocument, read_source
from acclimate.data.corpus.settings import CorpusSettings
from acclimate.data.corpus.sources import CorpusSource, find_sources
from acclimate.data.corpus.splits import CORPUS_SPLITS
from acclimate.data.corpus.summary import CorpusSummary
from acclimate.data.corpus.write_splits import list_duplicates, publish

SUMMARY = "summary.json"
_BATCH_CHARS = 2**20
"""Sent to a process at once."""
_SMALL_BYTES = 2**24
"""Sources up to this size are cleaned in this process: starting others takes longer."""


def build_corpus(
    paths: Sequence[Path], settings: CorpusSettings, folder: Path, *, is_strict: bool = False
) -> CorpusSummary:
    """Read, clean, filter, deduplicate and split documents; write them into a folder.

    The folder gets `train.jsonl`, `dev.jsonl`, `test.jsonl` (id, text), `dropped.jsonl` (id, place,
    reason) and `summary.json`. Beside it, up to twice the size of the corpus is needed meanwhile.
    If the folder holds the corpus of the same files (by name, size and time of change) and
    settings, and today's code would make the same, nothing is done.

    Args:
        paths: Files and folders; see `acclimate.data.corpus.sources` for what is read how.
        settings: What is dropped and how it is split.
        folder: Gives way if it holds another corpus.
        is_strict: Whether to stop at a file or row that cannot be read.

    Raises:
        DataError: No file, no document, or all were dropped; or, where `is_strict`, something
            cannot be read.
        ConfigError: The folder overlaps with what is read, holds something else or cannot be
            written, or the disk is full.
        BackendError: A process that cleaned died.
    """
    _refuse_overlap(paths, folder)
    sources = find_sources(paths)
    key = digest([settings, [(s.name, s.num_bytes, s.changed_ns) for s in sources]])
    done = _finished(folder, key)
    if done and not (is_strict and done.has_unreadable):
        return done
    with whole_folder(folder, SUMMARY) as aside:
        with Trace(__name__).listening() as trace:
            summary = _build(sources, settings, aside, key, is_strict)
        summary = summary.model_copy(update={"made_by": trace.provenance()})
        (aside / SUMMARY).write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    return summary


def documents(folder: Path, split: str) -> Iterator[tuple[str, str]]:
    """Id and text of every document of a split, one at a time.

    Raises:
        UnknownNameError: There is no such split.
        DataError: The folder holds no whole corpus.
    """
    if split not in CORPUS_SPLITS:
        raise UnknownNameError("split", split, CORPUS_SPLITS)
    if _finished(folder) is None:
        raise DataError(f"{folder}: holds no corpus, or a damaged one; build it with `corpus`")
    return _documents(folder / f"{split}.jsonl")


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            document = json.loads(line)
            yield document["id"], document["text"]


def _finished(folder: Path, key: str = "") -> CorpusSummary | None:
    """The summary of the whole corpus in a folder: of any, or of this digest and today's code."""
    try:
        text = (folder / SUMMARY).read_text(encoding="utf-8")
        summary = CorpusSummary.model_validate_json(text)
        sizes = {name: (folder / name).stat().st_size for name in summary.file_bytes}
    except (OSError, ValueError):
        return None
    is_asked = not key or (key == summary.digest and not summary.made_by.stale())
    return summary if sizes == summary.file_bytes and is_asked else None


def _build(
    sources: Sequence[CorpusSource],
    settings: CorpusSettings,
    folder: Path,
    key: str,
    is_strict: bool,
) -> CorpusSummary:
    work = folder / "work"
    work.mkdir()
    with Ledger(folder, work, settings.seed) as ledger:
        _clean(sources, settings, ledger, is_strict)
        _refuse_empty(ledger, sources)
        contents = ledger.numbers("content")
        duplicates = find_duplicates(contents, ledger.signatures, settings.near_duplicate)
        list_duplicates(ledger, duplicates)
        splits, is_cut = publish(ledger, duplicates, settings, folder)
    shutil.rmtree(work)
    return CorpusSummary(
        digest=key,
        num_documents_read=ledger.num_documents_read,
        num_bytes_read=ledger.num_bytes_read,
        num_documents_kept=int(duplicates.is_kept.sum()),
        num_bytes_kept=sum(split.num_bytes for split in splits.values()),
        dropped=dict(ledger.dropped.most_common()),
        lines_dropped=dict(ledger.lines_dropped.most_common()),
        unreadable=tuple(ledger.unreadable),
        is_cut_by_position=is_cut,
        splits=splits,
        file_bytes={path.name: path.stat().st_size for path in folder.iterdir()},
    )


def _refuse_overlap(paths: Sequence[Path], folder: Path) -> None:
    for path in (path.resolve() for path in paths):
        if folder.resolve().is_relative_to(path) or path.is_relative_to(folder.resolve()):
            raise ConfigError(
                f"{folder}: the corpus would be written among what it is read from ({path}); name "
                "another folder"
            )


def _clean(
    sources: Sequence[CorpusSource], settings: CorpusSettings, ledger: Ledger, is_strict: bool
) -> None:
    num_bytes = sum(source.num_bytes for source in sources)
    is_alone = len(sources) == 1 and sources[0].kind in {"plain", "markdown", "page"}
    work = partial(clean_batch, settings=settings, is_alone=is_alone)
    num_processes = num_processors() if num_bytes > _SMALL_BYTES else 1
    with progress("cleaning, MB", num_bytes / 1e6) as advance:
        batches = _batches(sources, ledger, is_strict, lambda done: advance(done / 1e6))
        for cleaned in map_in_order(work, batches, num_processes):
            for document in cleaned:
                ledger.add(document)
    ledger.flush()


def _batches(
    sources: Sequence[CorpusSource], ledger: Ledger, is_strict: bool, advance: Advance
) -> Iterator[list[RawDocument]]:
    batch: list[RawDocument] = []
    num_chars = 0
    for source in sources:
        for document in read_source(source, advance, is_strict=is_strict):
            if not isinstance(document, RawDocument):
                ledger.unread(document)
                continue
            batch.append(document)
            num_chars += len(document.text)
            if num_chars > _BATCH_CHARS:
                yield batch
                batch, num_chars = [], 0
    if batch:
        yield batch


def _refuse_empty(ledger: Ledger, sources: Sequence[CorpusSource]) -> None:
    if len(ledger):
        return
    if not ledger.num_documents_read:
        reason = (
            f"the first says {ledger.first_dropped}" if ledger.first_dropped else "all are empty"
        )
        raise DataError(f"the corpus is empty: no document in {len(sources)} files ({reason})")
    why = ", ".join(f"{rule}: {count:,}" for rule, count in ledger.dropped.most_common())
    raise DataError(
        f"all {ledger.num_documents_read:,} documents were dropped ({why}); the first was "
        f"{ledger.first_dropped}; quality=none keeps every document that has text"
    )
