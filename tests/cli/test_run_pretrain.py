"""`acclimate pretrain` from text to a folder that transformers loads, and its refusals."""

import json

import pytest
import torch
import transformers

from acclimate.cli.main import main

TEXT = "\n\n".join(
    f"On day {n} the {a} met the {b}, and it was said that this is how they have always lived."
    for n in range(40)
    for a, b in (("fox", "hen"), ("owl", "cat"), ("dog", "bee"))
)
SMALL = ["model.num_layers=1", "model.embed_dim=32", "model.max_seq_len=32",
         "training.num_steps=6", "batch_size=2"]  # fmt: skip
FAMILIES = {
    "llama": ("AutoModelForCausalLM", "tokenizer={kind: byte_bpe, vocab_size: 400}"),
    "bert": ("AutoModelForMaskedLM", "tokenizer={kind: wordpiece, vocab_size: 200}"),
    "t5": (
        "AutoModelForSeq2SeqLM",
        "tokenizer={kind: byte_bpe, vocab_size: 400, num_sentinels: 20}",
    ),
}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def run(*words):
    with pytest.raises(SystemExit) as left:
        main(["pretrain", *words])
    return left.value.code


@pytest.mark.parametrize("family", FAMILIES)
def test_from_text_to_a_model_that_loads(family, text, tmp_path, capsys):
    kind, tokenizer = FAMILIES[family]
    out = str(tmp_path / "out")
    words = [text, *SMALL, tokenizer, f"model.family={family}", "--out", out, "--json"]
    assert run(*words) == 0
    result = json.loads(capsys.readouterr().out)
    network = getattr(transformers, kind).from_pretrained(f"{out}/model")
    assert network.num_parameters() == result["num_params"]
    lines = (tmp_path / "out/journal.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    assert [s["step"] for s in steps if "loss" in s] == [1, 2, 3, 4, 5, 6]
    ids = torch.tensor([[5, 6, 7]])
    given = {"decoder_input_ids": ids} if family == "t5" else {}
    assert torch.isfinite(network(input_ids=ids, **given).logits).all()
    # The same command again finds it done.
    before = (tmp_path / "out/journal.jsonl").read_text()
    assert run(*words) == 0
    assert (tmp_path / "out/journal.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.num_steps=3"], "give one spec"),
        (["nowhere.txt", "--out", "o"], "nowhere.txt"),
        (["{text}", "model.siz=1m"], "did you mean size"),
        (["{text}", "row_tokens=99", "model.max_seq_len=32"], "longer than the model's context"),
        (["{text}", "model.size=huge"], "size='huge'"),
        (
            ["{text}", *SMALL, "model.max_seq_len=4096", "tokenizer.vocab_size=400"],
            "fewer than one",
        ),
    ],
)
def test_one_sentence_and_nothing_trained(words, said, text, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*[word.replace("{text}", text) for word in words]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("error: ")
    assert said in told
    assert not list(tmp_path.rglob("model.safetensors"))
