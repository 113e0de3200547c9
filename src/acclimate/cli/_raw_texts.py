"""Raw texts of files, folders and built corpora, one at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from acclimate.core.runtime.progress import Advance, progress
from acclimate.data.corpus.build import SUMMARY, documents
from acclimate.data.corpus.markup import markdown_text, page_text
from acclimate.data.corpus.read_documents import RawDocument, read_source
from acclimate.data.corpus.sources import CorpusSource, find_sources

_MARKUP: Mapping[str, Callable[[str], str]] = {
    "page": page_text,
    "markdown": markdown_text,
    "plain": str,
}


@contextmanager
def raw_texts(paths: Sequence[Path], split: str) -> Iterator[Iterator[str]]:
    """Give the texts of files and folders, without markup; progress is shown while open.

    Args:
        paths: Text, Markdown, HTML, JSONL and Parquet files, packed or not, and folders of them.
        split: What is read of a folder that is a built corpus.

    Raises:
        DataError: There is no such path, or something in it cannot be read.
    """
    corpora = [path for path in paths if (path / SUMMARY).is_file()]
    others = [path for path in paths if path not in corpora]
    sources = find_sources(others) if others else []
    with progress("reading texts", sum(source.num_bytes for source in sources)) as advance:
        yield _texts(corpora, split, sources, advance)


def _texts(
    corpora: Sequence[Path], split: str, sources: Sequence[CorpusSource], advance: Advance
) -> Iterator[str]:
    for folder in corpora:
        yield from (text for _, text in documents(folder, split))
    for source in sources:
        for document in read_source(source, advance, is_strict=True):
            if isinstance(document, RawDocument):
                yield _MARKUP[document.kind](document.text)
