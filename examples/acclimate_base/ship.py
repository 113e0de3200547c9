"""Put a trained base where the package ships it, in bfloat16, with its card.

    python examples/acclimate_base/ship.py runs/acclimate_base WIKITEXT2_FOLDER CORPORA_FOLDER

WIKITEXT2_FOLDER holds valid.txt and test.txt; CORPORA_FOLDER a NAME.SOURCE.txt for each source.
"""

import json
import math
import platform
import sys
from importlib import metadata
from pathlib import Path

import torch
from make_text import SHARES

from acclimate.core.errors import DataError
from acclimate.evaluation.in_context_probe import in_context_accuracy
from acclimate.inference.load import load_network
from acclimate.inference.local_model import LocalModel
from acclimate.tasks.package.python_docs import PythonDocs

PLACE = Path(__file__).parents[2] / "src/acclimate/models/local/acclimate_base"
COMMANDS = (
    "python examples/acclimate_base/make_text.py CORPORA runs/acclimate_base_text",
    "acclimate pretrain examples/acclimate_base/spec.yaml --out runs/acclimate_base "
    "--probe python_docs",
)
PACKAGES = Path("runs/acclimate_base_text.packages.json")
"""Which packages' docstrings are in the text; written with it."""
MAX_BYTES = 20_000_000


def main(run: Path, wikitext: Path, corpora: Path) -> None:
    """Convert, measure, write the card."""
    network, tokenizer = load_network(run / "model")
    model = LocalModel(network, tokenizer)
    result = json.loads((run / "pretrained.json").read_text())
    journal = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    card = {
        "name": "acclimate-base",
        **{k: result[k] for k in ("num_params", "num_tokens", "seconds")},
        "context_tokens": model.window,
        "vocab_size": len(tokenizer),
        "bits_per_byte_held_out": result["bits_per_byte"],
        "bits_per_byte_wikitext2_valid": bits_per_byte(network, tokenizer, wikitext / "valid.txt"),
        "bits_per_byte_wikitext2_test": bits_per_byte(network, tokenizer, wikitext / "test.txt"),
        "choice_accuracy_with_the_right_passage": in_context_accuracy(model, PythonDocs().load()),
        "steps": max(entry["step"] for entry in journal),
        "hardware": f"{platform.machine()}, one thread, no GPU",
        "torch": metadata.version("torch"),
        "transformers": metadata.version("transformers"),
        "commands": COMMANDS,
        "text": {name: source(corpora / f"{name}.SOURCE.txt", SHARES[name]) for name in SHARES},
        "packages": json.loads(PACKAGES.read_text()),
        "licence": "Apache-2.0 (weights); the licences of the text are with each source",
    }
    PLACE.mkdir(exist_ok=True)
    network.to(torch.bfloat16).save_pretrained(PLACE)
    tokenizer.save_pretrained(PLACE)
    (PLACE / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in PLACE.iterdir())
    if size > MAX_BYTES:
        raise DataError(f"{PLACE}: {size:,} bytes; the wheel has room for {MAX_BYTES:,}")
    print(json.dumps({k: v for k, v in card.items() if k not in {"text", "packages"}}, indent=2))


@torch.inference_mode()
def bits_per_byte(network: torch.nn.Module, tokenizer: object, path: Path) -> float:
    """Of a text in windows as long as the context, none overlapping: each begins blind."""
    text = path.read_text(encoding="utf-8")
    ids = torch.tensor(tokenizer(text, verbose=False)["input_ids"])
    width = network.config.max_position_embeddings
    nats = 0.0
    for start in range(0, len(ids) - 1, width):
        row = ids[start : start + width + 1]
        logits = network(input_ids=row[None, :-1]).logits[0]
        nats += float(torch.nn.functional.cross_entropy(logits, row[1:], reduction="sum"))
    return nats / math.log(2) / len(text.encode())


def source(path: Path, megabytes: int) -> dict[str, object]:
    """What a source's own file says of it, and how much of it was taken."""
    lines = dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
    said = {k: lines[k] for k in ("repo", "commit", "licence") if k in lines}
    return {**said, "megabytes_at_most": megabytes}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
