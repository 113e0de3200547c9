"""Character-level Shakespeare: loss and seconds against a plain PyTorch script."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
import yaml
from torch import nn
from torch.nn import functional

REFERENCE_LOSS = 1.82
"""Validation loss that the lesson's own implementation reports at the end, about."""
SPEC = Path(__file__).parents[1] / "examples/shakespeare_char.yaml"
TEXT = Path(os.environ.get("SHAKESPEARE", "input.txt"))
LAYERS, HEADS, WIDTH, CONTEXT, ROWS, STEPS, RATE = 4, 4, 64, 32, 16, 5000, 1e-3
LOOK_EVERY, LOOK_TOKENS = 500, 65_536
NUM_ROUNDS = 3


def main() -> int:
    """Run both at once, on a core each, in rounds; 1 where ours is not as good, or not as quick."""
    if sys.argv[1:] == ["plain"]:
        return plain()
    if not TEXT.is_file():
        print(f"{TEXT} is not there: SHAKESPEARE=path/to/tinyshakespeare/input.txt; not measured")
        return 0
    rounds = [together() for _ in range(NUM_ROUNDS)]
    peer, ours = ([found[who] for found in rounds] for who in ("plain", "ours"))
    ratio = median(p["seconds"] / o["seconds"] for p, o in zip(peer, ours, strict=True))
    print(f"{STEPS} steps of {ROWS} x {CONTEXT} characters, one thread each, looks included; "
          f"{NUM_ROUNDS} rounds, both at once")  # fmt: skip
    print(f"plain PyTorch script: loss {peer[0]['loss']:.3f} in {seconds(peer)} s")
    print(f"acclimate pretrain:   loss {ours[0]['loss']:.3f} in {seconds(ours)} s")
    print(f"plain / ours, seconds, median of the rounds: {ratio:.2f}; asked loss "
          f"{REFERENCE_LOSS} or less")  # fmt: skip
    return 0 if ours[0]["loss"] <= REFERENCE_LOSS and ratio > 1 else 1


def together() -> dict[str, dict[str, float]]:
    """Both at the same time, so that whatever else the machine does slows both."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SHAKESPEARE": str(TEXT.resolve())}
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    acclimate = Path(sys.executable).with_name("acclimate")
    with tempfile.TemporaryDirectory() as folder:
        mine = [str(acclimate), "pretrain", str(SPEC), f"text=[{TEXT.resolve()}]"]
        mine += ["--out", f"{folder}/run", "--json"]
        commands = {"plain": [sys.executable, __file__, "plain"], "ours": mine}
        running = {
            who: subprocess.Popen(command, env=environment, **told)
            for who, command in commands.items()
        }
        said = {who: process.communicate() for who, process in running.items()}
    for who, process in running.items():
        if process.returncode:
            raise SystemExit(f"{who}: {said[who][1][-2000:]}")
    found = json.loads(said["ours"][0])
    return {
        "plain": json.loads(said["plain"][0].splitlines()[-1]),
        "ours": {"loss": found["dev_loss"], "seconds": found["seconds"]},
    }


def seconds(found: list[dict[str, float]]) -> str:
    """Of every round."""
    return ", ".join(f"{one['seconds']:.0f}" for one in found)


def plain() -> int:
    """The same model in a script of its own: data, network, loop, looks."""
    torch.manual_seed(0)
    text = TEXT.read_text(encoding="utf-8")
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(c) for c in text])
    cut = int(0.9 * len(ids))
    train, dev = ids[:cut], ids[cut:]
    start = time.perf_counter()
    network = Llama(len(letters))
    decay = float(yaml.safe_load(SPEC.read_text())["training"]["weight_decay"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=decay)
    loss = 0.0
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        places = torch.randint(len(train) - CONTEXT - 1, (ROWS,))
        rows = torch.stack([train[p : p + CONTEXT + 1] for p in places])
        logits = network(rows[:, :-1])
        functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % LOOK_EVERY == 0:
            loss = mean_loss(network, dev)
    print(json.dumps({"loss": loss, "seconds": time.perf_counter() - start}))
    return 0


@torch.no_grad()
def mean_loss(network: nn.Module, dev: torch.Tensor) -> float:
    """Over as many rows as the other contender looks at."""
    count = LOOK_TOKENS // CONTEXT
    starts = [n * (len(dev) - CONTEXT - 1) // count for n in range(count)]
    total = 0.0
    for i in range(0, count, 128):
        rows = torch.stack([dev[s : s + CONTEXT + 1] for s in starts[i : i + 128]])
        logits = network(rows[:, :-1])
        total += float(functional.cross_entropy(
            logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="sum"))  # fmt: skip
    return total / (count * CONTEXT)


class Llama(nn.Module):
    """Norms by root mean square, rotated positions, gated feed-forward, tied embedding."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)
        nn.init.normal_(self.table.weight, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the next character."""
        hidden = self.table(ids)
        for block in self.blocks:
            hidden = block(hidden)
        return functional.linear(self.norm(hidden), self.table.weight)


class Block(nn.Module):
    """Attention and feed-forward, each after a norm."""

    def __init__(self) -> None:
        super().__init__()
        inner = 160
        self.before, self.after = nn.RMSNorm(WIDTH, eps=1e-6), nn.RMSNorm(WIDTH, eps=1e-6)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(WIDTH, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, WIDTH, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The stream, with what both layers add."""
        seen = self.before(x)
        rows, length, _ = x.shape
        q, k, v = (
            layer(seen).view(rows, length, HEADS, -1).transpose(1, 2)
            for layer in (self.q, self.k, self.v)
        )
        out = functional.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True)
        x = x + self.o(out.transpose(1, 2).reshape(rows, length, WIDTH))
        seen = self.after(x)
        return x + self.down(functional.silu(self.gate(seen)) * self.up(seen))


def rotated(x: torch.Tensor) -> torch.Tensor:
    """Turn each pair of a head's halves by its position."""
    length, half = x.shape[-2], x.shape[-1] // 2
    angles = torch.arange(length)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    a, b = x.chunk(2, dim=-1)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)


if __name__ == "__main__":
    sys.exit(main())
