"""Training from scratch against transformers.Trainer and a plain loop of PyTorch."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np

NEEDED = 1.2
"""Times the tokens a second of `transformers.Trainer`, at every size."""
SIZES = {
    "1.3M": {"num_layers": 4, "embed_dim": 128, "num_heads": 4, "vocab_size": 4096},
    "8M": {"num_layers": 6, "embed_dim": 256, "num_heads": 8, "vocab_size": 8192},
}
GPU_SIZES = {
    "120M": {"num_layers": 12, "embed_dim": 768, "num_heads": 12, "vocab_size": 32000},
    "350M": {"num_layers": 24, "embed_dim": 1024, "num_heads": 16, "vocab_size": 32000},
}
ROWS, ROW_TOKENS, NUM_STEPS, NUM_ROUNDS = 8, 256, 8, 3
WARM_STEPS = 3
"""Not counted: the first steps allocate."""


def main() -> int:
    """Print the table; 1 where the claim does not hold."""
    if len(sys.argv) == 3:
        return contend(sys.argv[1], json.loads(sys.argv[2]))
    print(conditions())
    print(f"{'':<6} {'':<10} tokens/s   peak MiB   final loss   ours / this")
    holds = all(compare(name, size) >= NEEDED for name, size in SIZES.items())
    print(on_gpu())
    print(f"at least {NEEDED} times Trainer: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def conditions() -> str:
    """What was measured on what."""
    return (
        f"{ROWS} rows of {ROW_TOKENS} tokens a step, {NUM_STEPS} steps after {WARM_STEPS}, median "
        f"of {NUM_ROUNDS} rounds in turn, AdamW, float32, {threads()} thread(s) each; "
        f"{platform.processor() or platform.machine()}, torch {version('torch')}, transformers "
        f"{version('transformers')}"
    )


def threads() -> int:
    """Threads of every contender."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def compare(name: str, size: dict[str, int]) -> float:
    """Rounds of every contender in turn; our tokens a second over Trainer's."""
    rounds = [{who: measured(who, size) for who in CONTENDERS} for _ in range(NUM_ROUNDS)]
    rates = {who: median(r[who]["tokens_per_second"] for r in rounds) for who in CONTENDERS}
    for who in CONTENDERS:
        peak = max(r[who]["peak_mib"] for r in rounds)
        ratio = median(
            r["acclimate"]["tokens_per_second"] / r[who]["tokens_per_second"] for r in rounds
        )
        loss = rounds[0][who]["loss"]
        print(
            f"{name:<6} {who:<10} {rates[who]:>8,.0f}   {peak:>8,.0f}   {loss:>10.4f}   {ratio:.2f}"
        )
    return median(
        r["acclimate"]["tokens_per_second"] / r["trainer"]["tokens_per_second"] for r in rounds
    )


def measured(who: str, size: dict[str, int]) -> dict[str, float]:
    """One contender in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, who, json.dumps(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads()), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{who} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def contend(who: str, size: dict[str, int]) -> int:
    """Train, and print what it took as the last line."""
    clock = Clock()
    loss = CONTENDERS[who](size, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = NUM_STEPS * ROWS * ROW_TOKENS / clock.seconds
    print(json.dumps({"tokens_per_second": rate, "peak_mib": peak, "loss": loss}))
    return 0


class Clock:
    """Runs from the end of the warm steps to the end of the last."""

    def __init__(self) -> None:
        self.count, self.start, self.seconds = 0, 0.0, 0.0

    def tick(self) -> None:
        """A step is over."""
        self.count += 1
        if self.count == WARM_STEPS:
            self.start = time.perf_counter()
        if self.count == WARM_STEPS + NUM_STEPS:
            self.seconds = time.perf_counter() - self.start


class Vocabulary:
    """All that making a network needs of a tokenizer."""

    eos_token_id, pad_token_id = 0, 1

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def network_of(size: dict[str, int]) -> Any:
    """The same weights for every contender."""
    from acclimate.nn.architectures.build import ModelSettings, new_network

    shape = {k: v for k, v in size.items() if k != "vocab_size"}
    settings = ModelSettings(**shape, max_seq_len=ROW_TOKENS)
    return new_network(settings, Vocabulary(size["vocab_size"]), seed=0).train()


def tokens_of(size: dict[str, int]) -> np.ndarray:
    """The same rows for every contender; a skewed distribution, as text has."""
    rng = np.random.default_rng(0)
    count = (WARM_STEPS + NUM_STEPS) * ROWS * ROW_TOKENS + 1
    return np.minimum(rng.zipf(1.3, count) + 1, size["vocab_size"] - 1)


def acclimate(size: dict[str, int], clock: Clock) -> float:
    """The loop of this package."""
    from acclimate.nn.fast_linear import use_fast_linears
    from acclimate.pretraining.objectives import causal
    from acclimate.pretraining.token_windows import TokenArray, WindowSource
    from acclimate.training.arguments import TrainingArguments
    from acclimate.training.run import Run
    from acclimate.training.trainer import train

    network = use_fast_linears(network_of(size))
    tokens = TokenArray(tokens_of(size))
    source = WindowSource(tokens, None, causal, ROW_TOKENS + 1, batch_size=ROWS, seed=0)
    plan = TrainingArguments(
        num_steps=WARM_STEPS + NUM_STEPS, learning_rate=1e-3, schedule="constant", warmup_share=0
    )
    log = train(network, Run(source, plan, 0, on_loss=lambda _loss: clock.tick()))
    return log.train_losses[-1]


def plain(size: dict[str, int], clock: Clock) -> float:
    """A loop as one writes it in ten lines."""
    import torch

    network, ids = network_of(size), tokens_of(size)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    loss = torch.zeros(())
    for step in range(WARM_STEPS + NUM_STEPS):
        rows = torch.tensor(ids[step * ROWS * ROW_TOKENS :][: ROWS * ROW_TOKENS + 1])
        inputs, labels = rows[:-1].view(ROWS, -1), rows[1:].view(ROWS, -1)
        logits = network(input_ids=inputs, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        clock.tick()
    return float(loss.detach())


def trainer(size: dict[str, int], clock: Clock) -> float:
    """transformers.Trainer, its logging and saving off."""
    import torch
    import transformers

    class Ticks(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    ids = tokens_of(size)[:-1].reshape(-1, ROW_TOKENS)
    rows = [{"input_ids": torch.tensor(row), "labels": torch.tensor(row)} for row in ids]
    arguments = transformers.TrainingArguments(
        output_dir="/tmp/none", max_steps=WARM_STEPS + NUM_STEPS, use_cpu=True, report_to=[],
        per_device_train_batch_size=ROWS, learning_rate=1e-3, lr_scheduler_type="constant",
        weight_decay=0.1, adam_beta2=0.95, max_grad_norm=1.0, logging_strategy="no",
        save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        optim="adamw_torch_fused",
    )  # fmt: skip
    done = transformers.Trainer(
        network_of(size), arguments, train_dataset=rows, callbacks=[Ticks()]
    ).train()
    return float(done.training_loss)


def on_gpu() -> str:
    """Tokens a second and the share of the peak (bf16, 1,024 tokens a row), where there is one."""
    import torch

    if not torch.cuda.is_available():
        return "GPU, 120M and 350M at 1,024 tokens: not measured (none here)"
    return "\n".join(gpu_line(name, size) for name, size in GPU_SIZES.items())


def gpu_line(name: str, size: dict[str, int]) -> str:
    """Our loop on the GPU; the peak is a Hopper's 989 TFLOP/s in bf16 (NVIDIA's data sheet)."""
    import torch

    from acclimate.nn.architectures.build import ModelSettings, new_network
    from acclimate.pretraining.objectives import causal
    from acclimate.pretraining.token_windows import TokenArray, WindowSource
    from acclimate.training.arguments import TrainingArguments
    from acclimate.training.run import Run
    from acclimate.training.trainer import train

    rows, length, steps = 32, 1024, 30
    shape = {k: v for k, v in size.items() if k != "vocab_size"}
    settings = ModelSettings(**shape, max_seq_len=length)
    network = new_network(settings, Vocabulary(size["vocab_size"]), seed=0).cuda()
    ids = np.random.default_rng(0).integers(2, size["vocab_size"], steps * rows * length + 1)
    source = WindowSource(
        TokenArray(ids), None, causal, length + 1, batch_size=rows, seed=0, micro_batch_size=rows
    )
    plan = TrainingArguments(
        num_steps=steps, precision="bf16", use_compile=True, schedule="constant"
    )
    times: list[float] = []
    train(network, Run(source, plan, 0, on_loss=lambda _loss: times.append(time.perf_counter())))
    rate = rows * length * (steps - 11) / (times[-1] - times[10])
    shape_flops = 6 * network.num_parameters() + 6 * size["num_layers"] * length * size["embed_dim"]
    peak = torch.cuda.max_memory_allocated() / 2**30
    return (
        f"{name}: {rate:,.0f} tokens/s, {rate * shape_flops / 989e12:.0%} of peak, {peak:.1f} GiB"
    )


CONTENDERS = {"acclimate": acclimate, "plain": plain, "trainer": trainer}


if __name__ == "__main__":
    sys.exit(main())
