"""What `check` prints, and that errors rise to the one place that prints them."""

import json
import shutil

import pytest

from acclimate.cli import check, init
from acclimate.core.errors import ConfigError, DataError
from acclimate.core.rewriter import Unwrapped
from acclimate.models.local.huggingface import HuggingFace
from acclimate.tasks.files.folder import Folder
from acclimate.training.finetune import answer_examples


@pytest.fixture
def folder(tmp_path, capsys):
    init.run(tmp_path / "domain")
    capsys.readouterr()
    return tmp_path / "domain"


def test_table_and_notes(folder, capsys):
    check.run(folder)
    out = capsys.readouterr().out
    assert "bicycle library: no errors" in out
    assert "best_reply" in out
    assert "3 documents" in out
    assert "dev: 2 of the 14 items of train, cut by group with seed 0" in out
    assert f"Next: acclimate study {folder}" in out


def test_json(folder, capsys):
    check.run(folder, as_json=True)
    found = json.loads(capsys.readouterr().out)
    rule = found["tasks"][0]
    assert (rule["task"], rule["test"], rule["metrics"]) == ("rule", 6, "exact_match")
    assert rule["train"] + rule["dev"] == 10
    assert found["documents"] == 3


def test_lengths_for_a_base(folder, capsys, model_folder):
    yaml = folder / "domain.yaml"
    yaml.write_text(yaml.read_text().replace("max_new_tokens: 16", "max_new_tokens: 1"))
    check.run(folder, base=str(model_folder("llama")))
    assert "take more than max_new_tokens=1 tokens" in capsys.readouterr().out


def test_a_base_that_does_not_fit_is_told_before_it_is_loaded(folder, tmp_path):
    header = {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    text = json.dumps(header).encode()
    (tmp_path / "huge").mkdir()
    with (tmp_path / "huge" / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 2**42)  # sparse: it takes no room
    with pytest.raises(ConfigError, match=r"1,099,511,627,776 parameters\) needs about 4096"):
        check.run(folder, base=str(tmp_path / "huge"))


def test_an_error_rises_with_exit_code_two(folder):
    with (folder / "test.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(DataError, match=r"test\.jsonl, line 9.*: malformed JSON") as raised:
        check.run(folder)
    assert raised.value.exit_code == 2


TALK = {
    "task": "rule",
    "messages": [
        {"role": "user", "content": "How long?"},
        {"role": "assistant", "content": "14 days"},
        {"role": "user", "content": "And late?"},
        {"role": "assistant", "content": "2 euros a day"},
    ],
}


@pytest.fixture
def talking(folder, model_folder, tmp_path):
    """A folder with a dialogue in train, and the folder of a base that chats."""
    rows = (folder / "train.jsonl").read_text().splitlines()
    (folder / "dev.jsonl").write_text("\n".join(rows[:2]) + "\n")
    (folder / "train.jsonl").write_text("\n".join([*rows[2:], json.dumps(TALK)]) + "\n")
    base = tmp_path / "base"
    shutil.copytree(model_folder("llama"), base)
    template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    (base / "chat_template.jinja").write_text(template)
    return folder, str(base)


def test_the_mask_is_seen_without_colour(talking, capsys):
    folder, base = talking
    check.run(folder, base=base, show_mask=True)
    out = capsys.readouterr().out
    assert "[assistant]⟦Tuesday and Saturday<|end|>⟧" not in out  # the second item
    assert (
        "[user]For how many days is a cargo bicycle lent?<|end|>[assistant]⟦3 days<|end|>⟧" in out
    )
    assert (
        "[user]How long?<|end|>[assistant]⟦14 days<|end|>⟧[user]And late?<|end|>[assistant]"
        "⟦2 euros a day<|end|>⟧"
    ) in out


def test_the_mask_as_json_is_what_training_learns(talking, capsys):
    folder, base = talking
    check.run(folder, base=base, show_mask=True, as_json=True)
    told = json.loads(capsys.readouterr().out)["masks"]
    reading = Folder(path=folder).load()
    model = HuggingFace(path=base).load()
    trained = list(answer_examples(Unwrapped(model), reading.train_data(), "train"))
    first = told[0]
    assert (first["task"], first["num_tokens"]) == ("rule", len(trained[0]))
    assert first["num_learned"] == sum(trained[0].is_learned)
    learned = [part["text"] for part in told[1]["parts"] if part["is_learned"]]
    assert learned == ["14 days<|end|>", "2 euros a day<|end|>"]
    assert told[1]["marked"].count("⟦") == 2
    assert [mask["task"] for mask in told] == ["rule", "rule", "best_reply"]


def test_the_mask_needs_a_base_with_weights(folder, tmp_path):
    with pytest.raises(ConfigError, match="name one with --base"):
        check.run(folder, show_mask=True)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (TALK["messages"][1:2], r"train\.jsonl, line 15: messages must end with the assistant's"),
        (
            [{"role": "system", "content": "s"}, TALK["messages"][1]],
            r"train\.jsonl, line 15: messages must have a turn of the user; got the roles "
            r"\['system', 'assistant'\]",
        ),
        (
            [TALK["messages"][0], {"role": "assistant", "content": ""}, *TALK["messages"][2:]],
            r"train\.jsonl, line 15: messages: the assistant's answer in turn 2 is empty",
        ),
    ],
)
def test_a_chat_that_cannot_be_learned_is_told_with_its_line(folder, messages, message):
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"messages": messages, "task": "rule"}) + "\n")
    with pytest.raises(DataError, match=message) as raised:
        check.run(folder)
    assert "\n" not in str(raised.value)
