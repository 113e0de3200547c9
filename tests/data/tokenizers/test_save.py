"""A saved tokenizer: read by transformers and by tokenizers, whole or absent."""

import json

import pytest
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoTokenizer

from acclimate.core.errors import ConfigError
from acclimate.data.tokenizers.save import load_tokenizer, save_tokenizer, write_tokenizer
from acclimate.data.tokenizers.train import LEARN

KINDS = sorted(LEARN)
TEXT = "The Café don't  open <|im_start|> at 9\n\n☃ <0x41> "
CHAT = [{"role": "user", "content": "Who reads?"}]


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_reads_the_same_tokenizer(trained, tmp_path, kind):
    tokenizer = trained(kind)
    save_tokenizer(tokenizer, tmp_path / "new" / "one")
    read = AutoTokenizer.from_pretrained(tmp_path / "new" / "one")
    assert read(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    assert read.get_vocab() == tokenizer.get_vocab()
    assert (read.eos_token_id, read.pad_token_id) == (0, 1)
    assert set(read.all_special_ids) == set(tokenizer.all_special_ids)
    assert read.model_max_length == 77
    said = tokenizer.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    assert said.startswith("<|im_start|>user")
    assert read.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True) == said
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["one"]


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizers_reads_its_file_alone(trained, tmp_path, kind):
    save_tokenizer(trained(kind), tmp_path / "one")
    read = Tokenizer.from_file(str(tmp_path / "one" / "tokenizer.json"))
    encoded = trained(kind)(TEXT)["input_ids"]
    assert read.encode(TEXT).ids == encoded
    assert read.decode(encoded, skip_special_tokens=False) == trained(kind).decode(encoded)


@pytest.mark.parametrize("kind", ["byte_bpe", "unigram"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "t5", "mistral", "qwen3", "bert"])
def test_a_model_beside_it_changes_nothing(trained, tmp_path, kind, family):
    """transformers has a tokenizer of its own for these, which would read the file otherwise."""
    AutoConfig.for_model(family).save_pretrained(tmp_path)
    write_tokenizer(trained(kind), tmp_path)
    read = load_tokenizer(str(tmp_path))
    assert read(TEXT)["input_ids"] == trained(kind)(TEXT)["input_ids"]
    assert read.decode(read(TEXT)["input_ids"]) == TEXT


def test_transformers_4_finds_names_that_it_knows(trained, tmp_path):
    """It has no class TokenizersBackend, and reads lists of tokens under another name."""
    save_tokenizer(trained("byte_bpe"), tmp_path / "one")
    config = json.loads((tmp_path / "one" / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert config["additional_special_tokens"] == ["<|im_start|>", "<|im_end|>"]
    assert "extra_special_tokens" not in config
    assert config["model_input_names"] == ["input_ids", "attention_mask"]


def test_what_is_there_is_not_touched(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tokenizer.json").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(ConfigError, match=f"{name}: is there and not empty; name a new folder"):
            save_tokenizer(trained("byte_bpe"), tmp_path / name)
    assert (tmp_path / "mine" / "tokenizer.json").read_text() == "mine"
    assert len(list(tmp_path.rglob("*"))) == 3


def test_an_empty_folder_is_filled(trained, tmp_path):
    (tmp_path / "one").mkdir()
    save_tokenizer(trained("byte_bpe"), tmp_path / "one")
    assert load_tokenizer(str(tmp_path / "one")).eos_token_id == 0


def test_a_failure_leaves_nothing(tmp_path):
    class Failing:
        def save_pretrained(self, folder):
            (folder / "tokenizer.json").write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        save_tokenizer(Failing(), tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_so(tmp_path):
    class Full:
        def save_pretrained(self, folder):
            raise Exception("No space left on device (os error 28)")  # as tokenizers says it

    with pytest.raises(ConfigError, match="one: no room on the disk"):
        save_tokenizer(Full(), tmp_path / "one")


def test_where_nothing_can_be_written(trained, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        save_tokenizer(trained("byte_bpe"), tmp_path / "file" / "below")


def test_what_is_no_tokenizer_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ConfigError, match=r"holds no tokenizer \(tokenizer.json, "):
        load_tokenizer(str(tmp_path))
    with pytest.raises(ConfigError, match="nowhere: there is no such folder"):
        load_tokenizer(str(tmp_path / "nowhere"))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be loaded") as error:
        load_tokenizer(str(tmp_path))
    assert "\n" not in str(error.value)
