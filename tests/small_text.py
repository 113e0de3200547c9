"""A small text to train on from scratch, and settings that make it seconds of work."""

import json
from pathlib import Path

ANIMALS = ("fox", "hen", "owl", "cat", "dog", "bee", "elk", "ant")


def write_texts(folder: Path) -> Path:
    """Sixty short documents in a JSONL file, in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"text": f"On day {n} the {a} met the {b}. They said so in year {n * n}, and went home."}
        for n, (a, b) in enumerate(zip(ANIMALS * 8, ANIMALS[3:] * 13, strict=False), start=1)
    ]
    (folder / "days.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def small_spec(folder: Path, **fields) -> dict:
    """As a YAML file would say it: a network of one layer, six steps."""
    told = {
        "text": [str(folder)],
        "corpus": {"quality": "none", "dev_share": 0.1, "test_share": 0.1},
        "tokenizer": {"vocab_size": 400},
        "model": {"num_layers": 1, "embed_dim": 32, "max_seq_len": 32},
        "training": {"num_steps": 6, "eval_every_steps": 3, "learning_rate": 0.01},
        "batch_size": 2,
    }
    merged = {k: {**told.get(k, {}), **v} if isinstance(v, dict) else v for k, v in fields.items()}
    return {**told, **merged}
