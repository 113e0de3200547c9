"""Models in transformers' format: families, faults, counts, chat."""

import json
import shutil

import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt("what is it"), Prompt("and what is the passage", instruction="Say it.")]


@pytest.fixture
def own_folder(model_folder, tmp_path):
    """A copy of the Llama that a test may change."""
    shutil.copytree(model_folder("llama"), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral", "gemma2", "gpt2", "t5"])
def test_families_load_frozen_and_answer(model_folder, family):
    source = HuggingFace(path=str(model_folder(family)))
    model = source.load()
    assert not model.network.training
    assert not any(p.requires_grad for p in model.network.parameters())
    assert model.is_seq2seq == (family == "t5")
    assert model.window == 256
    answers = model.generate(PROMPTS, Sampling(max_new_tokens=3))
    assert [0 < a.num_new_tokens <= 3 for a in answers] == [True, True]
    weighed = model.loglikelihood([(p, "the answer") for p in PROMPTS])
    assert all(w.logprob < 0 and w.num_bytes == 10 for w in weighed)
    # Tied weights are one tensor, in the file as in the network.
    assert source.num_params() == model.network.num_parameters()


def test_counts_without_loading(tmp_path):
    """Three tensors of 6, 5 and 1 elements in two files, written by hand."""
    tensors = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    more = {
        "b": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]},
        "c": {"dtype": "F32", "shape": [], "data_offsets": [20, 24]},
        "__metadata__": {"format": "pt"},
    }
    for name, header in (("one", tensors), ("two", more)):
        text = json.dumps(header).encode()
        (tmp_path / f"{name}.safetensors").write_bytes(
            len(text).to_bytes(8, "little") + text + bytes(24)
        )
    assert HuggingFace(path=str(tmp_path)).num_params() == 12


@pytest.mark.parametrize("content", [b"", b"short", (90).to_bytes(8, "little") + b"{"])
def test_damaged_header_is_one_sentence(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.safetensors: not a safetensors file, or cut"):
        HuggingFace(path=str(tmp_path)).num_params()


def test_count_of_a_hub_model_is_not_known():
    assert HuggingFace(path="owner/model").num_params() is None


def test_missing_folder():
    with pytest.raises(ConfigError, match=r"base './nowhere': there is no such folder; give the"):
        HuggingFace(path="./nowhere").load()
    with pytest.raises(ConfigError, match="'nowhere': there is no such folder"):
        HuggingFace(path="nowhere").load()


def test_hub_model_that_is_not_here():
    with pytest.raises(ConfigError, match="base 'nobody/nothing' cannot be loaded: "):
        HuggingFace(path="nobody/nothing").load()


def test_no_config(own_folder):
    (own_folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"has no config\.json; save a model there first"):
        HuggingFace(path=str(own_folder)).load()


def test_no_tokenizer(own_folder):
    (own_folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"has no tokenizer .*; save the model's tokenizer into"):
        HuggingFace(path=str(own_folder)).load()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_damaged_file_is_one_sentence(own_folder, name):
    path = own_folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ConfigError, match="cannot be loaded: ") as raised:
        HuggingFace(path=str(own_folder)).load()
    assert "\n" not in str(raised.value)


def test_no_weights(own_folder):
    (own_folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="cannot be loaded: "):
        HuggingFace(path=str(own_folder)).load()


def test_weights_that_no_file_holds_are_not_made_up(own_folder):
    from safetensors.torch import load_file, save_file

    path = own_folder / "model.safetensors"
    kept = {name: t for name, t in load_file(path).items() if "mlp.up_proj" not in name}
    save_file(kept, path, metadata={"format": "pt"})
    fault = r"its files lack 2 weights \(model\.layers\.0\.mlp\.up_proj\.weight, .*random"
    with pytest.raises(ConfigError, match=fault):
        HuggingFace(path=str(own_folder)).load()


def test_a_tokenizer_of_nothing_is_told_in_words(own_folder):
    (own_folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"its config\.json or tokenizer has no 'added_tokens'"):
        HuggingFace(path=str(own_folder)).load()


def test_weights_that_may_not_be_read(own_folder):
    path = own_folder / "model.safetensors"
    path.unlink()
    path.mkdir()  # root may read every file, but no folder as one
    with pytest.raises(ConfigError, match=r"model\.safetensors: cannot be read \(Is a directory"):
        HuggingFace(path=str(own_folder)).num_params()


def test_chat_template_of_the_folder_is_used(own_folder):
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    (own_folder / "chat_template.jinja").write_text(template)
    model = HuggingFace(path=str(own_folder)).load()
    text = model.prompt_tokenizer.text(PROMPTS[1])
    assert text == "<system>Say it.<user>and what is the passage<assistant>"
    ids, _ = model.encode(PROMPTS[1])
    assert model.tokenizer.decode(ids) == text


def test_loaded_in_full_precision_on_a_cpu(tiny):
    if torch.cuda.is_available():
        pytest.skip("loads in bfloat16 on a GPU")
    assert tiny.network.dtype == torch.float32


def test_fingerprint_follows_every_file_and_name(own_folder):
    source = HuggingFace(path=str(own_folder))
    before = source.fingerprint()  # the new name below keeps the order of the files
    (own_folder / "config.json").rename(own_folder / "configs.json")
    assert source.fingerprint() != before
    hub = HuggingFace(path="owner/model")
    assert hub.fingerprint() != HuggingFace(path="owner/model", revision="v2").fingerprint()


def examples(request):
    """A folder, a copy of it elsewhere, and one with a changed weight."""
    first = request.getfixturevalue("model_folder")("llama")
    here = request.getfixturevalue("tmp_path")
    for name in ("copy", "changed"):
        shutil.copytree(first, here / name)
    weights = here / "changed" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    return [HuggingFace(path=str(p)) for p in (first, here / "copy", here / "changed")]
