"""Write the documents that are kept to their splits, and list the duplicates."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from acclimate.core.runtime.progress import progress
from acclimate.data.corpus.dedup.find_duplicates import Duplicates
from acclimate.data.corpus.document_log import Ledger, json_line
from acclimate.data.corpus.settings import CorpusSettings
from acclimate.data.corpus.splits import CORPUS_SPLITS, assign, cut_by_position, num_wanted
from acclimate.data.corpus.summary import SplitCount


def list_duplicates(ledger: Ledger, duplicates: Duplicates) -> None:
    """Note every document that an earlier one stands for."""
    for number in np.flatnonzero(~duplicates.is_kept).tolist():
        rule = "exact_duplicate" if duplicates.is_exact[number] else "near_duplicate"
        about = ledger.whereabouts(number)
        of = ledger.whereabouts(int(duplicates.kept[number]))["id"]
        ledger.drop(about["id"], about["place"], f"{rule}: of {of}")


def publish(
    ledger: Ledger, duplicates: Duplicates, settings: CorpusSettings, folder: Path
) -> tuple[Mapping[str, SplitCount], bool]:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl`.

    Returns:
        The size of each, and whether documents were cut by position.
    """
    is_kept = duplicates.is_kept
    is_cut = len(np.unique(ledger.numbers("origin")[is_kept])) < num_wanted(settings)
    pieces = _cut if is_cut else _whole
    num_documents: Counter[str] = Counter()
    num_bytes: Counter[str] = Counter()
    with ExitStack() as stack, progress("writing documents", len(is_kept)) as advance:
        files = {s: stack.enter_context((folder / f"{s}.jsonl").open("wb")) for s in CORPUS_SPLITS}
        for split, line, size in pieces(ledger, is_kept, settings):
            files[split].write(line)
            num_documents[split] += 1
            num_bytes[split] += size
            advance(1)
    sizes = {
        split: SplitCount(num_documents=num_documents[split], num_bytes=num_bytes[split])
        for split in CORPUS_SPLITS
    }
    return sizes, is_cut


def _whole(
    ledger: Ledger, is_kept: np.ndarray, settings: CorpusSettings
) -> Iterator[tuple[str, bytes, int]]:
    """Split, line and bytes of every document that is kept."""
    sizes = ledger.numbers("bytes").astype(np.int64)
    splits = np.zeros(len(is_kept), dtype=np.uint8)
    splits[is_kept] = assign(ledger.numbers("origin")[is_kept], sizes[is_kept], settings)
    for is_written, split, size, line in zip(is_kept, splits, sizes, ledger.lines(), strict=True):
        if is_written:
            yield CORPUS_SPLITS[split], line, int(size)


def _cut(
    ledger: Ledger, is_kept: np.ndarray, settings: CorpusSettings
) -> Iterator[tuple[str, bytes, int]]:
    """Split, line and bytes of every piece of the few documents there are."""
    origins, chars = ledger.numbers("origin"), ledger.numbers("chars").astype(np.int64)
    totals = {int(o): int(chars[is_kept & (origins == o)].sum()) for o in np.unique(origins)}
    starts: Counter[int] = Counter()
    for is_written, origin, line in zip(is_kept, origins.tolist(), ledger.lines(), strict=True):
        if is_written:
            document = json.loads(line)
            text = document["text"]
            for split, piece in cut_by_position(text, starts[origin], totals[origin], settings):
                yield split, json_line({**document, "text": piece}), len(piece.encode())
            starts[origin] += len(text)
