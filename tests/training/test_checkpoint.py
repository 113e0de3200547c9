"""A checkpoint is whole or absent, and puts back all that it was given."""

import errno
import shutil
from unittest.mock import patch

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from acclimate.core.errors import BackendError, ConfigError
from acclimate.training import checkpoint
from acclimate.training.arguments import TrainingArguments
from acclimate.training.checkpoint import NUM_KEPT, Checkpoints
from acclimate.training.losses import next_token_loss
from acclimate.training.optim import make_optimizers
from small_training import small_network, small_source


def steps(network, found, count=3):
    """Some steps over the same batches."""
    for step in range(count):
        (batch, *_) = small_source().passes(step, 0, 1)
        next_token_loss(network, batch).backward()
        for optimizer in found:
            optimizer.step()
            optimizer.zero_grad()


def adapted():
    network = get_peft_model(small_network(), LoraConfig(target_modules="all-linear", r=2))
    return network.get_base_model()


def t5():
    shape = {
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 16,
        "num_layers": 1,
        "num_heads": 2,
        "dropout_rate": 0,
    }
    torch.manual_seed(0)
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=64, decoder_start_token_id=1, **shape)
    )


NETWORKS = {
    "tied": small_network,
    "untied": lambda: small_network(is_tied=False),
    "with frozen parts": adapted,
    "t5": t5,
}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_copy_goes_on_as_the_original_would(tmp_path, name, optimizer):
    network, other = NETWORKS[name](), NETWORKS[name]()
    plan = TrainingArguments(learning_rate=1e-2, optimizer=optimizer)
    found, fresh = make_optimizers(network, plan), make_optimizers(other, plan)
    steps(network, found)
    saved = Checkpoints(tmp_path / "saved")
    saved.save(3, network, found, {"told": [1.5]}, {"w": torch.ones(2)})
    steps(other, fresh, count=1)  # what is there gives way
    back = saved.load(other, fresh)
    assert back.rest == {"step": 3, "told": [1.5]}
    assert back.best["w"].tolist() == [1, 1]
    for one in (network, other):
        steps(one, found if one is network else fresh)
    pairs = zip(network.named_parameters(), other.parameters(), strict=True)
    assert [n for (n, p), q in pairs if not torch.equal(p, q)] == []


def test_the_files_are_what_others_read(tmp_path):
    network = small_network()
    found = make_optimizers(network, TrainingArguments())
    steps(network, found)
    Checkpoints(tmp_path).save(3, network, found, {}, {})
    weights = load_file(tmp_path / "step-000000003" / "model.safetensors")
    assert weights.keys() == dict(network.named_parameters()).keys()
    plain = small_network(seed=9)
    plain.load_state_dict(weights, strict=False)
    for name, weight in network.state_dict().items():
        assert torch.equal(plain.state_dict()[name], weight), name


def test_only_the_last_few_are_kept(tmp_path):
    network = small_network()
    for step in range(1, 5):
        Checkpoints(tmp_path).save(step, network, [], {}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000003", "step-000000004"]
    assert NUM_KEPT == 2


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.safetensors", "best.safetensors", "state.json"]
)
@pytest.mark.parametrize("is_cut_short", [True, False])
def test_after_a_damaged_one_comes_the_one_before(tmp_path, name, is_cut_short):
    network = small_network()
    found = make_optimizers(network, TrainingArguments())
    steps(network, found)
    for step in (1, 2):
        Checkpoints(tmp_path).save(step, network, found, {}, {"w": torch.ones(step)})
    path = tmp_path / "step-000000002" / name
    if is_cut_short:
        path.write_bytes(path.read_bytes()[:-2])
    else:
        path.unlink()
    back = Checkpoints(tmp_path).load(network, found)
    assert back.rest["step"] == 1
    assert len(back.best["w"]) == 1
    shutil.rmtree(tmp_path / "step-000000001")
    assert Checkpoints(tmp_path).load(network, found) is None


def test_there_is_none_at_first(tmp_path):
    assert Checkpoints(tmp_path / "none").load(small_network(), []) is None
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left (os error 28)"),
    ],
)
@pytest.mark.parametrize("name", ["model.safetensors", "best.safetensors"])
def test_a_full_disk_in_the_middle_leaves_the_one_before(tmp_path, error, name):
    def full(tensors, path, about):
        if path.name == name:
            path.write_bytes(b"half")
            raise error
        save_file(tensors, path, about)

    network, saved = small_network(), Checkpoints(tmp_path)
    saved.save(1, network, [], {}, {})
    with (
        patch.object(checkpoint, "save_file", full),
        pytest.raises(ConfigError, match="no room on the disk") as told,
    ):
        saved.save(2, network, [], {}, {})
    assert str(tmp_path) in str(told.value)
    assert "another --out" in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
    assert saved.load(network, []).rest == {"step": 1}


def test_a_disk_that_fails_otherwise_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match=r"file/in: cannot be written \(.*Not a directory"):
        Checkpoints(tmp_path / "file" / "in").save(1, small_network(), [], {}, {})


def test_what_a_killed_writer_left_is_swept(tmp_path):
    (tmp_path / ".writing-1").mkdir(parents=True)
    Checkpoints(tmp_path).save(1, small_network(), [], {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
