"""Faster engines against generate: tokens a second, and how good answers are."""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from decoding_setting import plain

NEEDED = {1: 3.0, 16: 2.5}
"""Prompts at once → times `generate`'s tokens a second, of the fastest engine at least."""
CONTENDERS = (
    ("ctranslate2", "float32"),
    ("ctranslate2", "int8"),
    ("onnxruntime", "float32"),
    ("onnxruntime", "int8"),
    ("onnxruntime", "int4"),
    ("openvino", "float16"),
    ("openvino", "int8"),
    *((("vllm", "bfloat16"),) if torch.cuda.is_available() else ()),
)
NUM_ROUNDS = int(os.environ.get("ROUNDS", "5"))
PROMPT_TOKENS, NEW_TOKENS = 32, int(os.environ.get("NEW_TOKENS", "64"))
MODELS = os.environ.get("MODELS", "embedded random").split()
"""Fewer of any of these make it short; OMP_NUM_THREADS sets every contender's threads."""
LARGE = {"num_layers": 12, "embed_dim": 1024, "num_heads": 16, "max_seq_len": 1024}
SOURCES = ("json", "argparse", "collections", "itertools", "string", "textwrap", "logging")
Write = Callable[[list[list[int]]], list[list[int]]]


def main() -> int:
    """Print the tables; 1 where the claim does not hold."""
    os.environ["ACCLIMATE_HOME"] = tempfile.mkdtemp()
    from acclimate.models.local.embedded import Embedded

    base: Any = Embedded().load()
    models = {"embedded": lambda: base, "random": lambda: large(base)}
    results = [measure(name, models[name]()) for name in MODELS]
    holds = all(results)
    print(f"fastest engine at least {NEEDED}: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def large(base: Any) -> Any:
    """A network of about 150 M random weights, with the embedded base's tokenizer."""
    from acclimate.inference.local_model import LocalModel
    from acclimate.nn.architectures.build import ModelSettings, new_network
    from acclimate.nn.fast_linear import use_fast_linears

    network = new_network(ModelSettings(**LARGE), base.tokenizer, seed=0).to(base.network.device)
    return LocalModel(use_fast_linears(network).eval().requires_grad_(False), base.tokenizer)


def measure(name: str, model: Any) -> bool:
    """All engines on one model; whether the fastest is fast enough."""
    num_params = model.network.num_parameters()
    small = num_params < 10_000_000
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1" if small else os.cpu_count())))
    gigabytes = bandwidth(model.network.device)
    print(conditions(name, num_params, gigabytes))
    contexts = real_text(model.tokenizer, max(NEEDED))
    writers = {("generate", "float32"): (generate(model), 4 * num_params), **engines(model)}
    speeds, answers = {}, {}
    for batch in NEEDED:
        found = in_turn({key: write for key, (write, _) in writers.items()}, contexts[:batch])
        speeds[batch], answers = found
    best = table(model, contexts, writers, speeds, answers, gigabytes)
    return all(best[batch] >= needed for batch, needed in NEEDED.items())


def conditions(name: str, num_params: int, gigabytes: float) -> str:
    """What was measured on what."""
    installed = []
    for package in ("ctranslate2", "onnxruntime-genai", "openvino-genai", "transformers", "torch"):
        with suppress(ModuleNotFoundError):
            installed.append(f"{package} {version(package)}")
    return (
        f"\n{name}, {num_params / 1e6:.1f} M parameters; {PROMPT_TOKENS} tokens read, {NEW_TOKENS} "
        f"written, median of {NUM_ROUNDS} rounds in turn, {torch.get_num_threads()} thread(s), "
        f"{gigabytes:.0f} GB/s read; {platform.machine()}; {', '.join(installed)}"
    )


def bandwidth(device: torch.device) -> float:
    """Gigabytes a second that a sum over an array beyond every cache reads where weights lie."""
    array = torch.ones(2**27, device=device)
    taken = []
    for _ in range(4):
        start = time.perf_counter()
        array.sum().item()
        taken.append(time.perf_counter() - start)
    return float(array.numel() * 4 / min(taken) / 1e9)


def real_text(tokenizer: Any, count: int) -> list[list[int]]:
    """Prompts of as many tokens each, from the documentation of the standard library."""
    text = "\n\n".join(str(import_module(name).__doc__) for name in SOURCES)
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    repeated = ids * (1 + count * PROMPT_TOKENS // len(ids))
    return [repeated[i * PROMPT_TOKENS :][:PROMPT_TOKENS] for i in range(count)]


def generate(model: Any) -> Write:
    """Transformers' own loop."""
    network = plain(model.network)

    def write(contexts: list[list[int]]) -> list[list[int]]:
        ids = torch.tensor(contexts, device=network.device)
        with torch.inference_mode():
            written = network.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                eos_token_id=unused(model),
                pad_token_id=unused(model),
            )
        return [until(row, unused(model)) for row in written[:, PROMPT_TOKENS:].tolist()]

    return write


def unused(model: Any) -> int:
    """A token that no answer has: all are written to the same length."""
    return int(model.tokenizer.pad_token_id)


def until(ids: list[int], end: int) -> list[int]:
    """The tokens as far as the first end, with it."""
    return ids[: ids.index(end) + 1] if end in ids else ids


def engines(model: Any) -> dict[tuple[str, str], tuple[Write, int]]:
    """Those that are installed and can run the model, with the bytes of their weights."""
    from acclimate.core.errors import AcclimateError
    from acclimate.inference.backends.conversion_cache import converted
    from acclimate.inference.backends.interface import BACKENDS

    found = {}
    for name, precision in CONTENDERS:
        try:
            backend = BACKENDS.build({"name": name, "precision": precision})
            folder = converted(model, backend)
            opened = backend.open(folder, frozenset({unused(model)}), model.window)
        except AcclimateError as error:
            print(f"  {name} {precision}: {error}")
            continue
        found[name, precision] = (writing(opened), weight_bytes(folder))
    return found


def writing(opened: Any) -> Write:
    """An engine as a function."""
    return lambda contexts: opened.write(contexts, [NEW_TOKENS] * len(contexts))


def weight_bytes(folder: Path) -> int:
    """Of the largest file: the weights."""
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def in_turn(writers: dict[Any, Write], contexts: list[list[int]]) -> tuple[Any, Any]:
    """Rounds of all in turn: median tokens a second, and what each wrote."""
    answers = {key: write(contexts) for key, write in writers.items()}
    rates: dict[Any, list[float]] = {key: [] for key in writers}
    for _ in range(NUM_ROUNDS):
        for key, write in writers.items():
            start = time.perf_counter()
            written = write(contexts)
            rates[key].append(sum(map(len, written)) / (time.perf_counter() - start))
    return {key: median(own) for key, own in rates.items()}, answers


def table(
    model: Any, contexts: Any, writers: Any, speeds: Any, answers: Any, gigabytes: float
) -> dict[int, float]:
    """Print a row a contender; the best ratio of each batch size."""
    peer = "generate", "float32"
    print(
        f"{'':<22}tokens/s, 1      16   ratio, 1     16   of the bandwidth   tokens equal   "
        "logprob in fp32"
    )
    for key, (_, num_bytes) in writers.items():
        rates = [speeds[batch][key] for batch in NEEDED]
        ratios = [speeds[batch][key] / speeds[batch][peer] for batch in NEEDED]
        share = rates[0] * num_bytes / (gigabytes * 1e9)
        told = f"{rates[0]:>10.0f}{rates[1]:>8.0f}{ratios[0]:>11.1f}{ratios[1]:>7.1f}"
        like = alike(answers[peer], answers[key])
        liked = likelihood(model, contexts, answers[key])
        print(f"{' '.join(key):<22}{told}{share:>19.0%}{like:>15.0%}{liked:>18.3f}")
    others = [key for key in writers if key != peer]
    return {
        batch: max((own[key] / own[peer] for key in others), default=0.0)
        for batch, own in speeds.items()
    }


def alike(ours: list[list[int]], theirs: list[list[int]]) -> float:
    """Share of the tokens that come before the first that differs."""
    return sum(map(common, ours, theirs)) / sum(map(len, ours))


def common(one: list[int], other: list[int]) -> int:
    """Length of the prefix that both have."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def likelihood(model: Any, contexts: Any, answers: Any) -> float:
    """Mean log-probability, nats a token, that the float32 network gives the answers."""
    total, count = 0.0, 0
    for logprobs in weighed(model.network, contexts, answers):
        total, count = total + float(logprobs.sum()), count + len(logprobs)
    return total / count


def weighed(network: Any, contexts: Any, answers: Any) -> Iterator[torch.Tensor]:
    """Of each answer, the log-probabilities of its tokens."""
    for context, answer in zip(contexts, answers, strict=True):
        with torch.inference_mode():
            rows = torch.tensor([context + answer], device=network.device)
            logits = network(rows).logits[0, len(context) - 1 : -1].cpu()
        yield logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None])


if __name__ == "__main__":
    sys.exit(main())
