"""Text becomes tokens once; what is damaged or does not match is said, and nothing is lost."""

import errno
import json
import shutil
from unittest.mock import patch

import pytest

from acclimate.core.errors import ConfigError, DataError
from acclimate.data.corpus.build import documents
from acclimate.data.shards.writer import ShardWriter
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import train_tokenizer
from acclimate.pretraining.prepare_corpus import prepare_text
from acclimate.pretraining.spec import PretrainSpec
from changed_code import change_code
from small_text import small_spec, write_texts


@pytest.fixture
def texts(tmp_path):
    return write_texts(tmp_path / "texts")


def spec_of(texts, **fields):
    return PretrainSpec.model_validate(small_spec(texts, **fields))


def times(folder):
    """When each file was written."""
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_tokens_are_the_documents(texts, tmp_path):
    found = prepare_text(spec_of(texts), tmp_path / "out")
    assert set(found.shards) == {"train", "dev", "test"}
    for split, shards in found.shards.items():
        text = found.tokenizer.decode(shards.span(0, len(shards)).tolist())
        parts = text.split(found.tokenizer.eos_token)
        assert parts == [*(t for _, t in documents(tmp_path / "out" / "corpus", split)), ""]
        assert shards.num_bytes == sum(len(part.encode()) for part in parts)


def test_what_is_there_is_used_again(texts, tmp_path):
    spec, out = spec_of(texts), tmp_path / "out"
    prepare_text(spec, out)
    before = times(out)
    prepare_text(spec, out)
    assert times(out) == before


def test_another_tokenizer_makes_other_tokens_of_the_same_corpus(texts, tmp_path):
    out = tmp_path / "out"
    first = prepare_text(spec_of(texts), out)
    before = times(out / "corpus")
    second = prepare_text(spec_of(texts, tokenizer={"vocab_size": 300}), out)
    assert times(out / "corpus") == before
    assert len(second.tokenizer) < len(first.tokenizer)
    assert len(second.shards["train"]) > len(first.shards["train"])


@pytest.mark.parametrize("lost", ["tokens", "tokens/dev", "prepared.json", "corpus"])
def test_what_is_missing_is_made_again(texts, tmp_path, lost):
    out = tmp_path / "out"
    first = prepare_text(spec_of(texts), out)
    expected = first.shards["dev"].span(0, len(first.shards["dev"])).tolist()
    shutil.rmtree(out / lost) if (out / lost).is_dir() else (out / lost).write_text("{")
    again = prepare_text(spec_of(texts), out)
    assert again.shards["dev"].span(0, len(expected)).tolist() == expected


def test_a_tokenizer_that_there_is(texts, tmp_path):
    own = train_tokenizer(["the fox"], TokenizerSettings(vocab_size=300))
    own.save_pretrained(tmp_path / "own")
    found = prepare_text(spec_of(texts, tokenizer=str(tmp_path / "own")), tmp_path / "out")
    assert found.tokenizer.get_vocab() == own.get_vocab()
    with pytest.raises(ConfigError, match="nowhere"):
        prepare_text(spec_of(texts, tokenizer=str(tmp_path / "nowhere")), tmp_path / "out2")


def test_a_tokenizer_put_in_place_of_the_one_that_made_the_tokens(texts, tmp_path):
    spec, out = spec_of(texts), tmp_path / "out"
    prepare_text(spec, out)
    shutil.rmtree(out / "tokenizer")
    train_tokenizer(["the fox"], TokenizerSettings(vocab_size=300)).save_pretrained(
        out / "tokenizer"
    )
    with pytest.raises(DataError, match=r"made with tokenizer .* not with .*out/tokenizer"):
        prepare_text(spec, out)


def test_a_vocabulary_larger_than_the_type_of_the_tokens(texts, tmp_path):
    spec, out = spec_of(texts), tmp_path / "out"
    prepare_text(spec, out)
    path = out / "tokens" / "train" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 70_000}))
    with pytest.raises(DataError, match="70,000 tokens does not fit shards of uint16"):
        prepare_text(spec, out)


def test_a_full_disk_in_the_middle_of_the_tokens(texts, tmp_path):
    spec, out = spec_of(texts), tmp_path / "out"
    prepare_text(spec, out)
    before = times(out / "tokens")
    other = spec_of(texts, tokenizer={"vocab_size": 300})

    def full(self, *_):
        self._file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        patch.object(ShardWriter, "write", full),
        pytest.raises(ConfigError, match="no room on the disk"),
    ):
        prepare_text(other, out)
    assert times(out / "tokens") == before
    assert not list(out.glob("tokens/.*"))
    assert len(prepare_text(other, out).tokenizer) == 300


def test_a_full_disk_at_the_tokenizer(texts, tmp_path):
    full = Exception("No space left on device (os error 28)")  # as its library says it
    target = "acclimate.pretraining.prepare_corpus.write_tokenizer"
    with (
        patch(target, side_effect=full),
        pytest.raises(ConfigError, match="tokenizer: no room on the disk"),
    ):
        prepare_text(spec_of(texts), tmp_path / "out")
    assert not (tmp_path / "out" / "tokenizer").exists()


@pytest.mark.parametrize(
    ("label", "changed"),
    [
        ("data/shards/writer.py", {"tokens"}),
        ("data/tokenizers/byte_bpe.py", {"tokens", "tokenizer"}),
        ("data/corpus/filters/gopher.py", {"tokens", "tokenizer", "corpus"}),
        ("training/trainer.py", set()),
    ],
)
def test_what_other_code_made_is_made_again(label, changed, texts, tmp_path, monkeypatch):
    spec, out = spec_of(texts), tmp_path / "out"
    prepare_text(spec, out)
    before = times(out)
    change_code(monkeypatch, label)
    prepare_text(spec, out)
    after = times(out)
    anew = {p.relative_to(out).parts[0] for p in after if after[p] != before.get(p)}
    assert changed <= anew
    assert ("corpus" in anew) == ("corpus" in changed)
    prepare_text(spec, out)
    assert times(out) == after
