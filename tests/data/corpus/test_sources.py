"""Which files a corpus has, and what is in packed ones."""

import gzip
import lzma

import pytest
import zstandard

from acclimate.core.errors import DataError
from acclimate.data.corpus.sources import find_sources, unpacked

PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def test_kinds_follow_the_ending_inside_a_packed_file(tmp_path):
    names = (
        *("a.txt", "b.MD", "c.htm", "d.jsonl", "e.jsonl.gz", "f.parquet", "g.py"),
        *("h.html.zst", "i.json", "j.xz"),
    )
    for name in names:
        (tmp_path / name).write_text("x")
    assert {s.name.split("/")[1]: s.kind for s in find_sources([tmp_path])} == {
        "a.txt": "plain", "b.MD": "markdown", "c.htm": "page", "d.jsonl": "rows",
        "e.jsonl.gz": "rows", "f.parquet": "table", "g.py": "plain", "h.html.zst": "page",
        "i.json": "json", "j.xz": "plain",
    }  # fmt: skip


def test_folders_are_searched_in_order_and_hidden_files_left_out(tmp_path):
    root = tmp_path / "texts"
    for name in ("b/2.txt", "b/1.txt", "a.txt", ".git/x.txt", "b/.hidden"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "one.txt").write_text("x")
    names = [s.name for s in find_sources([tmp_path / "one.txt", root])]
    assert names == ["one.txt", "texts/a.txt", "texts/b/1.txt", "texts/b/2.txt"]


def test_nothing_there_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="gone: no such file or folder"):
        find_sources([tmp_path, tmp_path / "gone"])
    with pytest.raises(DataError, match=r"the corpus is empty; give files or folders"):
        find_sources([tmp_path])
    with pytest.raises(DataError, match="no path was given"):
        find_sources([])


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_are_unpacked_and_their_bytes_counted(tmp_path, ending):
    content = b"one line\nand another\n" * 10_000
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(PACKERS[ending](content))
    counted = []
    [source] = find_sources([path])
    with unpacked(source, counted.append) as file:
        assert file.read(10**6) == content
        assert file.read(1) == b""
    assert sum(counted) == path.stat().st_size
