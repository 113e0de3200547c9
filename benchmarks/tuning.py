"""LoRA and full tuning against TRL's SFTTrainer with PEFT, on the CPU."""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np

NEEDED = 2.0
"""Times the tokens a second of `SFTTrainer`, for both kinds of tuning."""
SAME_LOSS = 0.02
"""Final dev losses may differ by this share: the two shuffle their examples differently."""
SIZE = {"num_layers": 8, "embed_dim": 512, "num_heads": 8, "vocab_size": 8192}
KINDS = {"lora": 2e-3, "full": 3e-4}
"""What is tuned, and the learning rate."""
RANK, BATCH, NUM_STEPS, NUM_ROUNDS, WARM_STEPS = 16, 16, 8, 3, 2
MAX_TOKENS = 512


def main() -> int:
    """Print the table; 1 where a claim does not hold."""
    if len(sys.argv) == 3:
        return contend(sys.argv[1], sys.argv[2])
    print(conditions())
    print(f"{'':<6} {'':<10} tokens/s   peak MiB   dev loss   ours / this")
    found = [compare(kind) for kind in KINDS]
    print(quantised())
    print(side_by_side())
    holds = all(found)
    print(f"at least {NEEDED} times SFTTrainer at the same dev loss: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def conditions() -> str:
    """What was measured on what."""
    return (
        f"a Llama of {SIZE['num_layers']} layers, width {SIZE['embed_dim']}; {BATCH} examples a "
        f"step, prompts of 20 to 200 words, answers of 3 to 30; {NUM_STEPS} steps after "
        f"{WARM_STEPS}, median of {NUM_ROUNDS} rounds in turn, AdamW, float32, {threads()} "
        f"thread(s); {platform.processor() or platform.machine()}, torch {version('torch')}, "
        f"transformers {version('transformers')}, trl {version('trl')}, peft {version('peft')}"
    )


def threads() -> int:
    """Threads of every contender."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def compare(kind: str) -> bool:
    """Rounds of both contenders in turn; whether ours is fast enough and learns as much."""
    rounds = [{who: measured(who, kind) for who in CONTENDERS} for _ in range(NUM_ROUNDS)]
    for who in CONTENDERS:
        rate = median(r[who]["tokens_per_second"] for r in rounds)
        peak = max(r[who]["peak_mib"] for r in rounds)
        loss = rounds[0][who]["loss"]
        print(f"{kind:<6} {who:<10} {rate:>8,.0f}   {peak:>8,.0f}   {loss:>8.4f}   "
              f"{ratio(rounds, who):.2f}")  # fmt: skip
    losses = [rounds[0][who]["loss"] for who in CONTENDERS]
    return ratio(rounds, "trl") >= NEEDED and max(losses) / min(losses) < 1 + SAME_LOSS


def ratio(rounds: list[dict[str, dict[str, float]]], who: str) -> float:
    """Our tokens a second over a contender's, median over rounds."""
    return median(r["acclimate"]["tokens_per_second"] / r[who]["tokens_per_second"] for r in rounds)


def measured(who: str, kind: str) -> dict[str, float]:
    """One contender in a process of its own, so that its memory is its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads()), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, __file__, who, kind]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{who} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def contend(who: str, kind: str) -> int:
    """Tune, and print what it took as the last line."""
    clock, train = Clock(), examples(BATCH * (WARM_STEPS + NUM_STEPS), seed=0)
    network = CONTENDERS[who](kind, train, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # Every example is met once: each step has its share of the tokens.
    share = NUM_STEPS / (WARM_STEPS + NUM_STEPS)
    num_tokens = share * sum(len(p) + len(a) for p, a in train)
    rate = num_tokens / clock.seconds
    print(json.dumps({"tokens_per_second": rate, "peak_mib": peak, "loss": dev_loss(network)}))
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


def examples(count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Prompts and answers of 1.3 tokens a word; a skewed distribution, as text has."""
    rng = np.random.default_rng(seed)

    def draw(low: int, high: int) -> list[int]:
        num_tokens = round(1.3 * int(rng.integers(low, high + 1)))
        return np.minimum(rng.zipf(1.3, num_tokens) + 1, SIZE["vocab_size"] - 1).tolist()

    return [(draw(20, 200), draw(3, 30)) for _ in range(count)]


class Vocabulary:
    """All that making a network needs of a tokenizer."""

    eos_token_id, pad_token_id = 0, 1

    def __len__(self) -> int:
        return SIZE["vocab_size"]


def new_base() -> Any:
    """The same weights for every contender."""
    from acclimate.nn.architectures.build import ModelSettings, new_network

    shape = {k: v for k, v in SIZE.items() if k != "vocab_size"}
    settings = ModelSettings(**shape, max_seq_len=MAX_TOKENS)
    return new_network(settings, Vocabulary(), seed=0)


def dev_loss(network: Any) -> float:
    """Nats a token of an answer, the same way for every contender."""
    from acclimate.training.batch_source import ExampleSource
    from acclimate.training.packing import TokenizedExample
    from acclimate.training.validation import mean_loss

    dev = [TokenizedExample(prompt, answer) for prompt, answer in examples(64, seed=1)]
    return mean_loss(network, ExampleSource(dev, dev, BATCH, 0, is_seq2seq=False))


def quantised() -> str:
    """What the base takes in memory under LoRA and under QLoRA, and what rounding costs in loss."""
    from acclimate.nn.quantization.nf4 import num_weight_bytes, quantize

    base = new_base()
    plain, loss = num_weight_bytes(base.requires_grad_(False)), dev_loss(base)
    four_bits = quantize(base)
    return (
        f"base under LoRA {plain / 1e6:.1f} MB, "
        f"under QLoRA {num_weight_bytes(four_bits) / 1e6:.1f} MB; "
        f"dev loss before any step {loss:.4f} and {dev_loss(four_bits):.4f}"
    )


def side_by_side() -> str:
    """Adapters of eight tasks on one base: a request of each, together and one after another."""
    import torch

    from acclimate.core.model import Sampling
    from acclimate.inference.generate import decode
    from acclimate.nn.adapters.bottleneck import BottleneckForm
    from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter
    from acclimate.nn.fast_linear import use_fast_linears

    torch.set_num_threads(threads())
    base = use_fast_linears(new_base().eval().requires_grad_(False))
    tasks = tuple("abcdefgh")
    network = BottleneckAdapter.new(base, BottleneckForm(is_parallel=True, tasks=tasks)).network
    asked = [
        (prompt, number % len(tasks)) for number, (prompt, _) in enumerate(examples(len(tasks), 2))
    ]

    def answered(rows: list[tuple[list[int], int]]) -> None:
        prompts, routes = zip(*rows, strict=True)
        sampling = Sampling(max_new_tokens=32)
        decode(network, prompts, sampling, is_stop=lambda _ids: False, routes=routes)

    apart = [[row for row in asked if row[1] == task] for task in range(len(tasks))]
    seconds: dict[str, list[float]] = {"together": [], "apart": []}
    for _ in range(NUM_ROUNDS):
        for way, batches in (("together", [asked]), ("apart", apart)):
            start = time.perf_counter()
            for rows in batches:
                answered(rows)
            seconds[way].append(time.perf_counter() - start)
    gain = median(a / b for a, b in zip(seconds["apart"], seconds["together"], strict=True))
    return (
        f"{len(asked)} requests to adapters of as many tasks, 32 new tokens: in one batch "
        f"{median(seconds['together']):.2f} s, one after another {median(seconds['apart']):.2f} s, "
        f"{gain:.2f} times"
    )


def lora_config() -> Any:
    """The adapter that every contender trains."""
    from peft import LoraConfig

    return LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def acclimate(kind: str, train_on: list[tuple[list[int], list[int]]], clock: Clock) -> Any:
    """The loop of this package."""
    from acclimate.nn.adapters.peft import PeftAdapter
    from acclimate.nn.fast_linear import use_fast_linears
    from acclimate.training.arguments import TrainingArguments
    from acclimate.training.batch_source import ExampleSource
    from acclimate.training.packing import TokenizedExample
    from acclimate.training.run import Run
    from acclimate.training.trainer import train

    network = use_fast_linears(new_base()).requires_grad_(kind == "full")
    if kind == "lora":
        network = PeftAdapter.new(network, lora_config()).network
    source = ExampleSource.of(
        network, [TokenizedExample(p, a) for p, a in train_on], [], batch_size=BATCH, seed=0
    )
    plan = TrainingArguments(
        num_steps=WARM_STEPS + NUM_STEPS, learning_rate=KINDS[kind], schedule="constant",
        warmup_share=0, weight_decay=0.01,
    )  # fmt: skip
    train(network, Run(source, plan, 0, on_loss=lambda _loss: clock.tick()))
    return network


def trl(kind: str, train_on: list[tuple[list[int], list[int]]], clock: Clock) -> Any:
    """SFTTrainer: loss on answers only, rows padded to the longest; logging and saving off."""
    import transformers
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Ticks(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    rows = [
        {"input_ids": p + a, "completion_mask": [0] * len(p) + [1] * len(a)} for p, a in train_on
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder, max_steps=WARM_STEPS + NUM_STEPS, use_cpu=True, bf16=False,
            report_to=[], per_device_train_batch_size=BATCH, learning_rate=KINDS[kind],
            lr_scheduler_type="constant", weight_decay=0.01, adam_beta2=0.95, max_grad_norm=1.0,
            logging_strategy="no", save_strategy="no", disable_tqdm=True, max_length=None,
            dataloader_pin_memory=False, optim="adamw_torch_fused", gradient_checkpointing=False,
            completion_only_loss=True,
        )  # fmt: skip
        done = SFTTrainer(
            new_base(), arguments, train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer(), peft_config=lora_config() if kind == "lora" else None,
            callbacks=[Ticks()],
        )  # fmt: skip
        done.train()
    network = done.model
    return network.get_base_model() if kind == "lora" else network


def tokenizer() -> Any:
    """SFTTrainer wants one; the rows are token ids already."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"w{i}": i for i in range(SIZE["vocab_size"])}
    plain = Tokenizer(models.WordLevel(words, unk_token="w0"))
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="w0", pad_token="w1")


CONTENDERS = {"acclimate": acclimate, "trl": trl}


if __name__ == "__main__":
    sys.exit(main())
