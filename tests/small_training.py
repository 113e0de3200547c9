"""A small training that tests share: in this process, in one that is killed, under torchrun.

python -m torch.distributed.run … tests/small_training.py '[{"out": "folder", …}, …]'
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np

NUM_WORDS = 64


class Words:
    """All that making a network needs of a tokenizer."""

    eos_token_id, pad_token_id, cls_token_id, sep_token_id = 0, 1, 2, 3

    def __len__(self) -> int:
        return NUM_WORDS


def text(count: int, seed: int = 0) -> np.ndarray:
    """Tokens from 4 up, of which each tells half of the time what comes next."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, NUM_WORDS, count)
    for place in np.flatnonzero(rng.random(count - 1) < 0.5):
        ids[place + 1] = 4 + (ids[place] * 7) % (NUM_WORDS - 4)
    return ids


def small_network(**fields):
    """A network of two layers of width 32, the same for the same seed, on one thread."""
    from acclimate.nn.architectures.build import ModelSettings, new_network
    from acclimate.nn.threads import use_threads_for

    use_threads_for(0)
    seed = fields.pop("seed", 0)
    sizes = {"num_layers": 2, "embed_dim": 32, "num_heads": 2, "max_seq_len": 64}
    return new_network(ModelSettings(**{**sizes, **fields}), Words(), seed=seed)


def small_source(**fields):
    """Rows of 16 targets, four a step in passes of two, out of 4,000 tokens."""
    from acclimate.pretraining.objectives import causal
    from acclimate.pretraining.token_windows import TokenArray, WindowSource

    told = {"objective": causal, "row_tokens": 17, "batch_size": 4, "seed": 0}
    texts = {"train": TokenArray(text(4000)), "dev": TokenArray(text(200, seed=1))}
    return WindowSource(**{**texts, **told, "micro_batch_size": 2, **fields})


def small_run(**fields):
    """Thirty steps, a look every ten; what is not told here is `Plan`'s default."""
    from acclimate.training.arguments import TrainingArguments
    from acclimate.training.run import Run

    plan = {"num_steps": 30, "learning_rate": 1e-2, "eval_every_steps": 10}
    source = fields.pop("source", None) or small_source()
    return Run(source, TrainingArguments(**{**plan, **fields.pop("plan", {})}), seed=0, **fields)


class StopError(Exception):
    """The run was to stop here."""


def train_in(told: dict) -> None:
    """Train with checkpoints and a journal in `told["out"]`; die there at `told["die"]`.

    `told["die"]` is a number of steps: in the next one, when its loss is known; or `[step, file]`:
    when that file of that step's checkpoint is about to be written. With `told["stop"]` the run is
    left, in good order, in the step after so many.
    """
    from safetensors.torch import save_file

    from acclimate.training import checkpoint
    from acclimate.training.distributed import World
    from acclimate.training.run_log import RunLog
    from acclimate.training.trainer import train

    out, die, is_main = Path(told["out"]), told.get("die"), World.here().is_main
    losses: list[float] = []

    def on_loss(loss: float) -> None:
        if die is not None and die == steps_done(out):
            os.kill(os.getpid(), signal.SIGKILL)
        if len(losses) == told.get("stop"):
            raise StopError
        losses.append(loss)

    def save(tensors: dict, path: Path, about: dict) -> None:
        if die is not None and die == [steps_done(out), path.name]:
            os.kill(os.getpid(), signal.SIGKILL)
        save_file(tensors, path, about)

    run = small_run(
        plan=told.get("plan", {}),
        source=small_source(**told.get("source", {})),
        checkpoints=checkpoint.Checkpoints(out / "checkpoints"),
        run_log=RunLog(out) if is_main else None,
        on_loss=on_loss,
    )
    network = small_network(**told.get("model", {}))
    with patch.object(checkpoint, "save_file", save), suppress(StopError):
        train(network, run)
        weights = checkpoint.whole_weights(network)
        if is_main:
            save_file(weights, out / "final.safetensors")


def lines(out: Path) -> list[dict]:
    """The steps in a journal, and looks, as they came; without the times they took."""
    path = out / "journal.jsonl"
    told = path.read_text().splitlines() if path.exists() else []
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in told]


def steps_done(out: Path) -> int:
    """As the journal says."""
    return max((line["step"] for line in lines(out)), default=0)


if __name__ == "__main__":
    for told in json.loads(sys.argv[1]):
        train_in(told)
