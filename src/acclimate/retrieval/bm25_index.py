"""Lexical search: BM25 over an inverted index on disk."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tantivy

from acclimate.core.runtime.progress import progress
from acclimate.data.normalization import words
from acclimate.retrieval.rank_fusion import Hits

_HEAP_BYTES = 256 * 2**20
_BLOCK = 4096


def write_lexical(folder: Path, texts: Sequence[str]) -> None:
    """Index texts, numbered from 0 in their order, into an empty folder (made if need be)."""
    folder.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(_schema(), path=str(folder))
    # One thread: several would cut the same texts into other segments on every run.
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    with progress("indexing words", len(texts)) as advance:
        for begin in range(0, len(texts), _BLOCK):
            block = texts[begin : begin + _BLOCK]
            for number, text in enumerate(block, start=begin):
                document = tantivy.Document()
                document.add_text("words", " ".join(words(text)))
                document.add_unsigned("number", number)
                writer.add_document(document)
            advance(len(block))
    writer.commit()
    writer.wait_merging_threads()
    _open_to_readers(folder)


class LexicalIndex:
    """Finds texts by the words they share with a question.

    Scores are BM25 (Robertson and Zaragoza, 2009, equation 3.15) with k1 = 1.2 and b = 0.75.

    Differs: idf is ln(1 + (N - n + 0.5) / (n + 0.5)), never negative; the length of a text above
    40 words is rounded down to a multiple that fits a byte; a word that a question repeats counts
    once.
    """

    def __init__(self, folder: Path) -> None:
        """Open what `write_lexical` wrote; it is read only as far as searches need."""
        index = tantivy.Index.open(
            str(folder if os.access(folder, os.W_OK) else self._copy(folder))
        )
        self._schema: Any = index.schema
        self._searcher: Any = index.searcher()

    def _copy(self, folder: Path) -> Path:
        # tantivy writes a lock even to read, which a folder that is read-only forbids.
        copy = Path(tempfile.mkdtemp(prefix="acclimate-"))
        weakref.finalize(self, shutil.rmtree, copy, ignore_errors=True)
        shutil.copytree(folder, copy, copy_function=shutil.copyfile, dirs_exist_ok=True)
        copy.chmod(0o700)
        return copy

    def search(self, queries: Sequence[str], num_hits: int) -> list[Hits]:
        """Find the best texts for each question; fewer where fewer share a word with it."""
        return [self._search(query, num_hits) for query in queries]

    def _search(self, query: str, num_hits: int) -> Hits:
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "words", word, "freq"))
            for word in dict.fromkeys(words(query))
        ]
        if not terms:
            return []
        results = self._searcher.search(tantivy.Query.boolean_query(terms), num_hits, count=False)
        hits = [
            (int(self._searcher.doc(address)["number"][0]), float(score))
            for score, address in results.hits
        ]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def _open_to_readers(folder: Path) -> None:
    # tantivy keeps these two from every other user, who could then not serve a saved model.
    mode = next(folder.glob("*.store")).stat().st_mode
    for name in (".managed.json", "meta.json"):
        (folder / name).chmod(mode)


def _schema() -> Any:
    schema = tantivy.SchemaBuilder()
    # The text is split into words here, so that documents and questions are split alike.
    schema.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
    schema.add_unsigned_field("number", stored=True)
    return schema.build()
