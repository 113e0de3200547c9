"""From prepared text to a saved model: measured, loaded by transformers, gone on with."""

import errno
import json
import math
from unittest.mock import patch

import pytest
import torch
import transformers
from safetensors import SafetensorError

from acclimate.core.errors import ConfigError, DataError
from acclimate.core.storage.atomic import saved_whole
from acclimate.pretraining.prepare_corpus import prepare_text
from acclimate.pretraining.pretrain import Pretraining
from acclimate.pretraining.spec import PretrainSpec
from acclimate.training import checkpoint
from acclimate.training.validation import mean_loss
from small_text import small_spec, write_texts


@pytest.fixture
def pretraining(tmp_path):
    """A training in a folder, of a spec with some fields changed."""
    texts = write_texts(tmp_path / "texts")

    def of(out="out", **fields):
        spec = PretrainSpec.model_validate(small_spec(texts, **fields))
        return Pretraining(spec, prepare_text(spec, tmp_path / out), tmp_path / out)

    return of


FAMILIES = {
    "llama": (transformers.AutoModelForCausalLM, {}),
    "qwen3": (transformers.AutoModelForCausalLM, {"model": {"is_tied": False}}),
    "bert": (transformers.AutoModelForMaskedLM, {}),
    "modernbert": (transformers.AutoModelForMaskedLM, {}),
    "t5": (transformers.AutoModelForSeq2SeqLM, {"tokenizer": {"num_sentinels": 20}}),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_saved_model_is_the_trained_one(pretraining, tmp_path, family):
    kind, fields = FAMILIES[family]
    training = pretraining(**{**fields, "model": {"family": family, **fields.get("model", {})}})
    result = training.run()
    loaded = kind.from_pretrained(tmp_path / "out" / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out" / "model")
    ids = tokenizer(["On day 3 the fox met the cat."], return_tensors="pt")["input_ids"]
    given = {"input_ids": ids, **({"decoder_input_ids": ids} if family == "t5" else {})}
    with torch.no_grad():
        assert torch.equal(loaded(**given).logits, training.network(**given).logits)
    assert type(loaded).__name__ == loaded.config.architectures[0]
    assert loaded.num_parameters() == result.num_params == training.num_params
    assert not any(weight.requires_grad for weight in training.network.parameters())


def test_what_is_measured(pretraining, tmp_path):
    training = pretraining()
    result = training.run()
    shards, network = training.text.shards, training.network
    assert result.dev_loss == mean_loss(network, training.source("dev"))
    assert result.test_loss == mean_loss(network, training.source("test"))
    assert result.num_tokens == 6 * 2 * 32
    assert result.perplexity == pytest.approx(math.exp(result.test_loss))
    density = len(shards["test"]) / shards["test"].num_bytes
    assert result.bits_per_byte == pytest.approx(result.test_loss / math.log(2) * density)
    told = [
        json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    ]
    looks = [line for line in told if "dev_loss" in line]
    assert [line["step"] for line in looks] == [0, 3, 6]
    density = len(shards["dev"]) / shards["dev"].num_bytes
    for line in looks:
        assert line["dev_perplexity"] == pytest.approx(math.exp(line["dev_loss"]))
        bits = line["dev_loss"] / math.log(2) * density
        assert line["dev_bits_per_byte"] == pytest.approx(bits)
    assert result.dev_loss == pytest.approx(min(line["dev_loss"] for line in looks), rel=1e-5)
    assert result.train_loss == pytest.approx(
        sum(line["loss"] for line in told if "loss" in line) / 6
    )
    assert json.loads((tmp_path / "out" / "pretrained.json").read_text()) == result.model_dump()


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_what_predicts_a_part_alone_has_no_bits_per_byte(pretraining, tmp_path, family):
    training = pretraining(model={"family": family}, training={"num_steps": 1})
    result = training.run()
    assert (result.perplexity, result.bits_per_byte) == (None, None)
    assert result.dev_loss > 0
    assert "perplexity" not in (tmp_path / "out" / "journal.jsonl").read_text()


def test_the_same_again_is_done(pretraining, tmp_path):
    first = pretraining().run()
    journal = (tmp_path / "out" / "journal.jsonl").read_bytes()
    weights = (tmp_path / "out" / "model" / "model.safetensors").read_bytes()
    with patch("acclimate.training.trainer._Training.advance", side_effect=AssertionError):
        second = pretraining().run()
    assert second == first
    assert (tmp_path / "out" / "journal.jsonl").read_bytes() == journal
    assert (tmp_path / "out" / "model" / "model.safetensors").read_bytes() == weights


def test_one_that_was_stopped_goes_on_to_the_same_end(pretraining, tmp_path):
    expected = pretraining("whole").run()
    full = SafetensorError("I/O error: No space left on device (os error 28)")
    saved = []

    def save(tensors, path, about):
        if len(saved) > 3:  # in the second checkpoint
            raise full
        saved.append(path)
        checkpoint_save(tensors, path, about)

    checkpoint_save = checkpoint.save_file
    with (
        patch.object(checkpoint, "save_file", save),
        pytest.raises(ConfigError, match="checkpoints: no room on the disk"),
    ):
        pretraining("cut").run()
    kept = [p.name for p in (tmp_path / "cut" / "checkpoints").iterdir()]
    assert sorted(kept) == ["key", "step-000000003"]
    found = pretraining("cut").run()
    assert found.model_dump(exclude={"seconds"}) == expected.model_dump(exclude={"seconds"})
    one, other = (
        (tmp_path / out / "model" / "model.safetensors").read_bytes() for out in ("whole", "cut")
    )
    assert one == other


def test_a_full_disk_at_the_model_keeps_the_checkpoint(pretraining, tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        patch("transformers.PreTrainedModel.save_pretrained", side_effect=full),
        pytest.raises(ConfigError, match="model: no room on the disk"),
    ):
        pretraining().run()
    assert not (tmp_path / "out" / "model").exists()
    assert (tmp_path / "out" / "checkpoints" / "step-000000006").is_dir()
    pretraining().run()
    assert (tmp_path / "out" / "model" / "config.json").is_file()


def test_checkpoints_of_another_training_are_refused(pretraining, tmp_path):
    pretraining().run()
    before = (tmp_path / "out" / "checkpoints" / "key").read_text()
    with pytest.raises(ConfigError, match="holds checkpoints of another training"):
        pretraining(batch_size=3).run()
    write_texts(tmp_path / "texts")  # the same text, written at another time
    with pytest.raises(ConfigError, match="other text or settings"):
        pretraining().run()
    assert (tmp_path / "out" / "checkpoints" / "key").read_text() == before


def test_a_folder_of_someone_elses_is_left_alone(pretraining, tmp_path):
    training = pretraining()
    (tmp_path / "out" / "model").mkdir()
    (tmp_path / "out" / "model" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"model: holds something else"):
        training.run()


def test_the_outline_is_the_network_without_its_weights(pretraining):
    training = pretraining(
        model={"num_layers": 2, "embed_dim": 64, "num_heads": 2, "has_copying_circuit": True}
    )
    outline = training.outline
    assert {weight.device.type for weight in outline.parameters()} == {"meta"}
    assert training.num_params == training.network.num_parameters()
    assert outline.config.to_dict() == training.network.config.to_dict()
    assert training.num_params_here == training.num_params


def test_rows_longer_than_the_text(pretraining):
    training = pretraining(model={"max_seq_len": 4096})
    with pytest.raises(DataError, match="fewer than one row of 4,097"):
        training.run()


def test_a_tokenizer_that_lacks_what_the_family_needs(pretraining, tmp_path):
    with saved_whole(tmp_path / "own", "tokenizer.json") as aside:
        pretraining("first").text.tokenizer.save_pretrained(aside)
    training = pretraining(model={"family": "bert"}, tokenizer=str(tmp_path / "own"))
    with pytest.raises(ConfigError, match="needs a tokenizer with a mask token"):
        training.run()


def test_a_range_test_writes_nothing(pretraining, tmp_path):
    training = pretraining(trackers=["trackio"])  # installed or not: it is not begun
    before = sorted((tmp_path / "out").rglob("*"))
    assert training.range_test().suggested > 0
    assert sorted((tmp_path / "out").rglob("*")) == before
