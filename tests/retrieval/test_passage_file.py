"""Passages on disk."""

import pytest

from acclimate.core.prompt import Passage
from acclimate.retrieval.passage_file import PassageFile, write_passages

PASSAGES = [Passage("d1", "T", "one\ntwo"), Passage("d2", "", "drei “é”"), Passage("d1", "T", "x")]


def test_passages_come_back_in_any_order(tmp_path):
    write_passages(tmp_path, PASSAGES)
    file = PassageFile(tmp_path)
    assert len(file) == 3
    assert [file[2], file[0], file[1]] == [PASSAGES[2], PASSAGES[0], PASSAGES[1]]
    assert file[1:] == PASSAGES[1:]
    assert list(file) == PASSAGES


@pytest.mark.parametrize("number", [3, -1])
def test_no_such_passage(tmp_path, number):
    write_passages(tmp_path, PASSAGES)
    with pytest.raises(IndexError):
        PassageFile(tmp_path)[number]
