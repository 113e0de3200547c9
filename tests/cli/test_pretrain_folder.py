"""`acclimate pretrain` on a folder: what it tells, goes on with, and refuses without a loss."""

import json
import math
import os
import re
import subprocess
import sys
from unittest.mock import patch

import pytest
import torch
import transformers
import yaml

from acclimate.cli.main import main
from acclimate.training import trainer as loop
from small_study import write_domain
from small_text import small_spec, write_texts


@pytest.fixture
def run(tmp_path, capsys):
    """Run the verb on a spec in a file; exit code, what was printed, what was said."""
    texts = write_texts(tmp_path / "texts")

    def of(*words, **fields):
        spec = tmp_path / "small.yaml"
        spec.write_text(yaml.safe_dump(small_spec(texts, **fields)))
        with pytest.raises(SystemExit) as left:
            main(["pretrain", str(spec), "--out", str(tmp_path / "out"), *map(str, words)])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return left.value.code or 0, told.out, told.err

    return of


def error_of(told):
    """The one sentence, as the last line."""
    *_, line = told.strip().splitlines()
    assert line.startswith("error: ")
    return line


def journal(folder):
    return [
        json.loads(line) for line in (folder / "out" / "journal.jsonl").read_text().splitlines()
    ]


def test_what_it_tells_as_it_goes(run, tmp_path):
    code, out, err = run()
    assert code == 0
    assert f"model: {tmp_path / 'out' / 'model'}" in out
    assert "num params: " in out
    assert "bits per byte: " in out
    for said in ("train: ", "parameters, 6 steps", "step 0: dev loss", "step 6: dev loss"):
        assert said in err
    assert err.count("\n  The ") == 3  # a sample at each look


def test_words_go_before_the_spec(run, tmp_path):
    code, out, _ = run("training.num_steps=2", "model.num_layers=2", "--json")
    assert code == 0
    assert json.loads(out)["num_tokens"] == 2 * 2 * 32
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    assert network.config.num_hidden_layers == 2


def test_unreadable_files_are_named_skipped_and_counted(run, tmp_path):
    for number in range(7):
        (tmp_path / "texts" / f"bad{number}.parquet").write_bytes(b"PAR1 is no parquet")
    code, _, err = run()
    assert code == 0
    assert err.count("skipped: ") == 5
    assert "bad0.parquet" in err
    listed = tmp_path / "out" / "corpus" / "dropped.jsonl"
    assert f"7 files could not be read; {listed} lists all" in err
    assert "bad6.parquet" in listed.read_text()


def test_strict_stops_at_the_first(run, tmp_path):
    (tmp_path / "texts" / "bad.parquet").write_bytes(b"PAR1 is no parquet")
    code, _, err = run("--strict")
    assert code == 2
    assert "bad.parquet" in error_of(err)
    assert not (tmp_path / "out" / "tokens").exists()


@pytest.mark.parametrize(
    ("content", "quality", "said"),
    [
        ("", "none", "the corpus is empty"),
        ('{"text": "a b"}\n' * 3, "auto", "all 3 documents were"),
    ],
)
def test_nothing_to_learn_from(run, tmp_path, content, quality, said):
    (tmp_path / "texts" / "days.jsonl").write_text(content)
    code, _, err = run(corpus={"quality": quality})
    assert code == 2
    assert said in error_of(err)


def test_dropped_documents_are_counted(run, tmp_path):
    path = tmp_path / "texts" / "days.jsonl"
    first, *_ = path.read_text().splitlines()
    with path.open("a") as file:
        file.write(f'\n{{"text": ""}}\n{first}\n')
    code, _, err = run()
    assert code == 0
    assert "2 documents dropped (" in err


def test_what_does_not_fit_is_said_before_it_is_made(run):
    big = {"size": "7b", "num_layers": None, "embed_dim": None}
    with patch("acclimate.pretraining.pretrain.use_fast_linears") as made:
        code, _, err = run("micro_batch_size=2", model=big)
    assert code == 2
    assert not made.called
    # Four bytes each for a weight, its gradient and AdamW's two moments, and 7e9 within 7 %.
    needed = float(re.search(r"needs about ([\d.]+) GiB", error_of(err))[1])
    assert needed == pytest.approx(16 * 7e9 / 2**30, rel=0.08)
    assert "parameters on 2 rows a pass" in err
    assert "smaller micro_batch_size" in err


def test_rows_count_in_what_is_needed(run):
    code, _, err = run("batch_size=1000000", "micro_batch_size=1000000")
    assert code == 2
    assert "on 1000000 rows a pass needs about" in error_of(err)


def test_other_settings_are_refused_before_the_text_is_touched(run, tmp_path):
    assert run()[0] == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    code, _, err = run("batch_size=3", tokenizer={"vocab_size": 300})
    assert code == 2
    told = error_of(err)
    assert "tokenizer.vocab_size=400 there, 300 here; batch_size=2 there, 3 here" in told
    assert "give another --out" in told
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert after == before


def test_interrupted_it_goes_on_from_there(run, tmp_path):
    steps = []
    advance = loop._Training.advance

    def interrupted(training):
        if len(steps) == 4:
            raise KeyboardInterrupt
        steps.append(training.step)
        advance(training)

    with patch.object(loop._Training, "advance", interrupted):
        code, _, err = run()
        assert code == 130
        assert "the same command goes on from here" in err
        steps.clear()
        assert run()[0] == 0
    assert steps == [3, 4, 5]
    assert [line["step"] for line in journal(tmp_path) if "loss" in line] == [1, 2, 3, 4, 5, 6]


def test_a_loss_that_goes_wrong_names_the_batch_and_keeps_the_checkpoint(run, tmp_path):
    gradients = loop._Training._gradients

    def wrong(training):
        return math.nan if training.step == 4 else gradients(training)

    with patch.object(loop._Training, "_gradients", wrong):
        code, _, err = run()
    assert code == 1
    told = error_of(err)
    assert "the loss is nan at step 4 (rows at tokens " in told
    assert told.endswith("the last checkpoint is intact")
    assert not (tmp_path / "out" / "model").exists()
    assert run()[0] == 0  # from step 3, and sound


def test_a_rate_is_found_and_nothing_is_trained(run, tmp_path):
    code, out, _ = run("--find-lr", "--json")
    assert code == 0
    found = json.loads(out)
    assert len(found["learning_rates"]) == len(found["losses"]) > 50
    code, out, _ = run("--find-lr")
    assert out.strip() == f"suggested: {found['suggested']:.4g}"
    assert not (tmp_path / "out" / "checkpoints").exists()
    assert not (tmp_path / "out" / "model").exists()


def test_a_rate_is_found_beside_a_training_but_not_on_other_text(run, tmp_path):
    assert run()[0] == 0
    assert run("--find-lr", "training.learning_rate=0.5", "batch_size=4")[0] == 0
    code, _, err = run("--find-lr", tokenizer={"vocab_size": 300})
    assert code == 2
    assert "tokenizer.vocab_size=400 there, 300 here" in error_of(err)


def test_a_probe_is_in_the_journal(run, tmp_path):
    domain = write_domain(tmp_path / "birds")
    code, _, err = run("--probe", domain, model={"max_seq_len": 128}, training={"num_steps": 2})
    assert code == 0
    found = [line["in_context_accuracy"] for line in journal(tmp_path) if "dev_loss" in line]
    assert all(0 <= accuracy <= 1 for accuracy in found)
    assert "in context accuracy" in err


def test_a_probe_without_passages_is_refused(run, tmp_path):
    domain = write_domain(tmp_path / "birds", has_documents=False)
    code, _, err = run("--probe", domain)
    assert code == 2
    assert "has no dev item with choices and a passage" in error_of(err)


def test_too_little_dev_text_is_said(run):
    code, out, err = run(corpus={"dev_share": 0.0, "test_share": 0.0})
    assert code == 0
    assert "no dev text as long as a row" in err
    assert "dev loss" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trackers=[tensorbord]"], "trackers.0='tensorbord'"),
        (["model.family=bert"], "tokenizer.kind=byte_bpe: bert learns with a mask token"),
        (["model={family: qwen3, has_copying_circuit: true}"], "only llama can, not qwen3"),
        (["model.has_copying_circuit=true"], "has_copying_circuit: the model needs two layers"),
        (["model.num_heads=3"], "heads must divide the width into even parts"),
        (["tokenizer.vocab_size=9"], "vocab_size=9, must be at least"),
    ],
)
def test_one_sentence_and_nothing_trained(run, tmp_path, words, said):
    fields = {"tokenizer": {"kind": "byte_bpe"}}
    code, out, err = run(*words, **fields)
    assert (code, out) == (2, "")
    assert said in error_of(err)
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.slow
def test_under_torchrun_it_trains_once_and_tells_once(run, tmp_path):
    assert run(training={"parallel": "fsdp"})[0] == 0
    alone = (tmp_path / "out").rename(tmp_path / "alone")
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "acclimate.cli.main", "pretrain", str(tmp_path / "small.yaml"), "--json"),
        *("--out", str(tmp_path / "out")),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)  # of one process alone
    expected = json.loads((alone / "pretrained.json").read_text())
    assert result == pytest.approx({**expected, "seconds": result["seconds"]}, rel=1e-4)
    assert done.stderr.count("step 6: dev loss") == 1
    kind = transformers.AutoModelForCausalLM
    one, both = (kind.from_pretrained(out / "model") for out in (alone, tmp_path / "out"))
    assert both.config.architectures == ["LlamaForCausalLM"]
    ids = torch.tensor([[5, 6, 7]])
    assert torch.allclose(one(input_ids=ids).logits, both(input_ids=ids).logits, atol=1e-3)
