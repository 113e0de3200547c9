"""A folder of text, Markdown, HTML and PDF files as documents."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from acclimate.core.domain import Document
from acclimate.core.errors import DataError
from acclimate.core.runtime.progress import progress
from acclimate.data.documents.html import html_text
from acclimate.data.tables.text_lines import text_lines


def read_documents(folder: Path) -> tuple[list[Document], list[str]]:
    """Every document below a folder, in order of path, and what was left out and why.

    An id is the path within the folder. The title is the page's, or the first heading, or the
    file's name.

    Raises:
        DataError: A file cannot be read, is not UTF-8, is damaged, or needs a library that is not
            installed.
    """
    paths, notes = _files(folder)
    documents = []
    with progress("reading documents", len(paths)) as advance:
        for path in paths:
            advance(1)
            name = path.relative_to(folder).as_posix()
            read = _READERS.get(path.suffix.lower())
            if read is None:
                notes.append(f"{path}: not read; documents end in {', '.join(_READERS)}")
                continue
            title, text = _read(read, path)
            if text.strip():
                documents.append(Document(id=name, title=title or path.stem, text=text))
            else:
                notes.append(f"{path}: not read; there is no text in it")
    return documents, notes


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """Files below a folder in order, hidden ones left out; and links that were not followed."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; it must be a folder of documents")
    paths, notes = [], []
    for where, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(where, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.is_file():
                notes.append(f"{path}: not read; a link must lead to a file")
            elif path.is_file() and not path.name.startswith("."):
                paths.append(path)
    return sorted(paths), sorted(notes)


def _refuse(error: OSError) -> None:
    # A folder that is not there has no documents; one that may not be read could have any.
    if not isinstance(error, FileNotFoundError):
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})")


def _read(read: Callable[[Path], tuple[str, str]], path: Path) -> tuple[str, str]:
    try:
        return read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _plain(path: Path) -> tuple[str, str]:
    return "", "".join(text_lines(path))


def _markdown(path: Path) -> tuple[str, str]:
    text = "".join(text_lines(path))
    heading = re.search(r"^#{1,2}\s+(.+?)\s*#*\s*$", text, re.MULTILINE)
    return heading.group(1) if heading else "", text


def _html(path: Path) -> tuple[str, str]:
    return html_text("".join(text_lines(path)))


def _pdf(path: Path) -> tuple[str, str]:
    try:
        from pypdf import PdfReader  # type: ignore[import-not-found]
        from pypdf.errors import PyPdfError  # type: ignore[import-not-found]
    except ImportError:
        raise DataError(
            f"{path}: reading PDF needs the library 'pypdf': pip install pypdf, or put a text "
            "or Markdown file in its place"
        ) from None
    try:
        reader = PdfReader(path)
        title = (reader.metadata.title if reader.metadata else "") or ""
        return str(title), "\n\n".join(page.extract_text() for page in reader.pages)
    except (PyPdfError, ValueError, OSError) as error:
        raise DataError(f"{path}: is not a readable PDF ({error})") from None


_READERS: dict[str, Callable[[Path], tuple[str, str]]] = {
    ".txt": _plain,
    ".rst": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
}
