"""A folder of documents, good and bad."""

import os
import sys
from pathlib import Path

import pytest

from acclimate.core.errors import DataError
from acclimate.data.documents.folder import read_documents


def test_titles_ids_and_order(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.md").write_text("intro\n\n# The `title` #\n\ntext")
    (tmp_path / "a.txt").write_text("plain ünïcode")
    (tmp_path / "c.html").write_text("<title>Page</title><p>body")
    (tmp_path / ".hidden.md").write_text("no")
    documents, notes = read_documents(tmp_path)
    assert [(d.id, d.title) for d in documents] == [
        ("a.txt", "a"), ("c.html", "Page"), ("sub/b.md", "The `title`"),
    ]  # fmt: skip
    assert documents[0].text == "plain ünïcode"
    assert notes == []


def test_what_is_left_out_is_said(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"x")
    (tmp_path / "b.md").write_text(" \n")
    documents, notes = read_documents(tmp_path)
    assert documents == []
    assert "a.docx: not read; documents end in .txt" in notes[0]
    assert "b.md: not read; there is no text in it" in notes[1]


def test_no_folder_is_no_documents(tmp_path):
    assert read_documents(tmp_path / "none") == ([], [])


def test_wrong_encoding_names_the_line(tmp_path):
    (tmp_path / "a.md").write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"a\.md, line 2: .*not UTF-8.*iconv"):
        read_documents(tmp_path)


def test_pdf_without_its_library_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdf", None)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(DataError, match=r"a\.pdf: reading PDF needs the library 'pypdf'"):
        read_documents(tmp_path)


def test_links_to_files_are_read_and_others_told(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.md").write_text("far away")
    here = tmp_path / "documents"
    here.mkdir()
    (here / "near.md").symlink_to(tmp_path / "far" / "a.md")
    (here / "folder").symlink_to(tmp_path / "far")
    (here / "loop").symlink_to(here)
    (here / "nowhere.md").symlink_to(tmp_path / "gone.md")
    documents, notes = read_documents(here)
    assert [d.id for d in documents] == ["near.md"]
    assert notes == [
        f"{here / name}: not read; a link must lead to a file"
        for name in ("folder", "loop", "nowhere.md")
    ]


@pytest.mark.parametrize("name", ["documents", "documents/deep", "documents/a.md"])
def test_what_may_not_be_read_is_one_sentence(tmp_path, name, monkeypatch):
    (tmp_path / "documents/deep").mkdir(parents=True)
    (tmp_path / "documents/a.md").write_text("text")
    shut = str(tmp_path / name)
    fault = PermissionError(13, "Permission denied", shut)

    def refused(real):
        def attempt(path, *rest, **more):
            if str(path) == shut:
                raise fault
            return real(path, *rest, **more)

        return attempt

    # Root may read everything, so the refusal is made up.
    monkeypatch.setattr(os, "scandir", refused(os.scandir))
    monkeypatch.setattr(Path, "open", refused(Path.open))
    with pytest.raises(DataError, match=f"{name}: cannot be read .Permission denied"):
        read_documents(tmp_path / "documents")
