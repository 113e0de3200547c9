"""Shards of tokens: what was written is read, and nothing half-written is."""

import errno
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from acclimate.core.errors import ConfigError, DataError
from acclimate.data.shards import writer as shard_writer
from acclimate.data.shards.reader import TokenShards, write_shards

TEXTS = [f"Question {n}: what is naïve — the answer? " * (n % 7) for n in range(40)]


@pytest.fixture
def folder(tmp_path, tokenizer):
    write_shards(TEXTS, tokenizer, tmp_path / "shards", shard_tokens=100)
    return tmp_path / "shards"


def expected(tokenizer):
    encoded = tokenizer(TEXTS, add_special_tokens=False)["input_ids"]
    return [token for ids in encoded for token in (*ids, tokenizer.eos_token_id)]


def test_tokens_are_the_tokenizer_s_with_an_end_after_each_text(folder, tokenizer):
    shards, tokens = TokenShards.open(folder, tokenizer), expected(tokenizer)
    assert len(shards) == len(tokens)
    assert shards.span(0, len(tokens)).tolist() == tokens
    assert shards.num_documents == 40
    assert shards.num_bytes == sum(len(text.encode()) for text in TEXTS)
    sizes = [shard.num_tokens for shard in shards.manifest.shards]
    assert set(sizes[:-1]) == {100}
    assert 0 < sizes[-1] <= 100
    on_disk = np.fromfile(folder / "shard-00001.bin", dtype="<u2")
    assert on_disk.tolist() == tokens[100:200]


def test_spans_cross_the_borders_of_files(folder, tokenizer):
    shards, tokens = TokenShards.open(folder), expected(tokenizer)
    rng = np.random.default_rng(0)
    for start, length in [(0, 0), (99, 2), (100, 100), (50, 400), (len(tokens), 0)]:
        assert shards.span(start, length).tolist() == tokens[start : start + length]
    for _ in range(100):
        start = int(rng.integers(len(tokens)))
        length = int(rng.integers(len(tokens) - start))
        found = shards.span(start, length)
        assert found.dtype == np.int64
        assert found.tolist() == tokens[start : start + length]
    for start, length in [(-1, 2), (0, len(tokens) + 1), (len(tokens), 1), (5, -1)]:
        with pytest.raises(IndexError):
            shards.span(start, length)


def test_batches_make_no_difference(folder, tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(shard_writer, "_BATCH_CHARS", 50)
    again = write_shards(iter(TEXTS), tokenizer, tmp_path / "again", shard_tokens=100)
    assert again == TokenShards.open(folder).manifest


def test_the_manifest_s_hashes_are_the_files(folder, tokenizer):
    manifest = json.loads((folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        content = (folder / shard["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard["sha256"]
    backend = tokenizer.backend_tokenizer.to_str()
    assert manifest["tokenizer"] == hashlib.sha256(backend.encode()).hexdigest()
    assert (manifest["dtype"], manifest["vocab_size"]) == ("uint16", len(tokenizer))


def test_verify_finds_a_flipped_bit_and_open_a_missing_byte(folder):
    shards = TokenShards.open(folder)
    shards.verify()
    path = folder / "shard-00002.bin"
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"shard-00002\.bin: is damaged \(another SHA-256\)"):
        TokenShards.open(folder).verify()
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"shard-00002\.bin: has 199 bytes, not 200; write"):
        TokenShards.open(folder)
    path.unlink()
    with pytest.raises(DataError, match=r"shard-00002\.bin: is missing"):
        TokenShards.open(folder)


def make_tokenizer(words, **special):
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token=words[0]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **special)


def test_another_tokenizer_is_named(folder, tokenizer):
    other = make_tokenizer(["unknown", "end", "the"], eos_token="end")
    said = rf"made with tokenizer '' of {len(tokenizer)} tokens \([0-9a-f]{{12}}\), not .* of 3; "
    with pytest.raises(DataError, match=said):
        TokenShards.open(folder, other)


def test_truncation_of_a_batch_elsewhere_changes_nothing(tmp_path, folder, tokenizer):
    tokenizer(TEXTS, truncation=True, max_length=4, padding="max_length")
    try:
        shards = TokenShards.open(folder, tokenizer)
        again = write_shards(TEXTS, tokenizer, tmp_path / "again", shard_tokens=100)
        assert again == shards.manifest
    finally:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()


@pytest.mark.parametrize(("size", "dtype"), [(2**16, "uint16"), (2**16 + 1, "uint32")])
def test_the_type_holds_the_vocabulary(tmp_path, size, dtype):
    words = [f"w{n}" for n in range(size)]
    large = make_tokenizer(words, eos_token="w1")
    manifest = write_shards([f"w0 w2 w{size - 1}"], large, tmp_path / "shards")
    assert manifest.dtype == dtype
    assert TokenShards.open(tmp_path / "shards").span(0, 4).tolist() == [0, 2, size - 1, 1]


def test_a_vocabulary_that_does_not_fit_is_one_sentence(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "vocab_size": 65537}))
    with pytest.raises(DataError, match=r"vocabulary of 65,537 tokens does not fit .* uint16; "):
        TokenShards.open(folder)


def test_the_separator_ends_texts_where_there_is_no_end(tmp_path):
    separated = make_tokenizer(["unknown", "sep", "word"], sep_token="sep")
    write_shards(["word", ""], separated, tmp_path / "shards")
    assert TokenShards.open(tmp_path / "shards").span(0, 3).tolist() == [2, 1, 1]


def test_tokenizers_that_cannot_be_used(tmp_path):
    endless = make_tokenizer(["unknown", "word"])
    with pytest.raises(ConfigError, match="has no end-of-text token"):
        write_shards(TEXTS, endless, tmp_path / "shards")

    class Slow:
        name_or_path = "some/model"

    with pytest.raises(ConfigError, match="'some/model' is a slow one"):
        write_shards(TEXTS, Slow(), tmp_path / "shards")


def test_no_texts_and_no_shards(tmp_path, tokenizer):
    with pytest.raises(DataError, match="there are no documents"):
        write_shards([], tokenizer, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()
    with pytest.raises(DataError, match=r"holds no shards \(there is no manifest\.json\)"):
        TokenShards.open(tmp_path / "shards")
    with pytest.raises(ConfigError, match="shard_tokens=0: must be at least 1"):
        write_shards(TEXTS, tokenizer, tmp_path / "shards", shard_tokens=0)


@pytest.mark.parametrize("text", ["{", "{}", '{"num_tokens": 5}', "[]"])
def test_a_damaged_manifest_is_one_sentence(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: is damaged; write the shards again"):
        TokenShards.open(folder)


class KilledError(BaseException):
    """As an interrupt is: no Exception."""


def test_a_writer_that_dies_leaves_the_old_shards(folder, tokenizer):
    def texts():
        yield from TEXTS
        raise KilledError

    before = TokenShards.open(folder).manifest
    with pytest.raises(KilledError):
        write_shards(texts(), tokenizer, folder, shard_tokens=50)
    shards = TokenShards.open(folder, tokenizer)
    shards.verify()
    assert shards.manifest == before


def test_a_disk_that_fills_in_mid_shard_is_one_sentence(tmp_path, tokenizer, monkeypatch):
    opened = Path.open

    class Full:
        def __init__(self, file):
            self._file, self._written = file, 0

        def write(self, content):
            self._written += len(content)
            if self._written > 150:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._file.write(content)

        def close(self):
            self._file.close()

    def full(self, mode="r", **how):
        file = opened(self, mode, **how)
        return Full(file) if self.suffix == ".bin" else file

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ConfigError, match=r"shards: no room on the disk .*; free some, or name"):
        write_shards(TEXTS, tokenizer, tmp_path / "shards", shard_tokens=100)
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == []
