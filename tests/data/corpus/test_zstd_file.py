"""Zstandard: whole files, several frames, and files that are cut off."""

import io

import pytest
import zstandard

from acclimate.data.corpus.zstd_file import ZstdFile

CONTENT = bytes(range(256)) * 300 + b"the same again\n" * 50_000
FRAME = zstandard.ZstdCompressor().compress(CONTENT)


def read(packed):
    return io.BufferedReader(ZstdFile(io.BytesIO(packed))).read()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_frames_follow_one_another(count):
    assert read(FRAME * count) == CONTENT * count


@pytest.mark.parametrize("packed", [FRAME[:-1], FRAME[:20], FRAME + FRAME[: len(FRAME) // 2]])
def test_a_file_that_is_cut_off_is_an_error(packed):
    with pytest.raises(EOFError, match="cut off"):
        read(packed)


def test_another_file_is_an_error():
    with pytest.raises(zstandard.ZstdError):
        read(b"no such thing, whatever it is called")
