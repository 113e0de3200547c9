"""Scoring choices after shared examples against the `hf` backend of lm_eval."""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from operator import sub
from pathlib import Path
from statistics import median
from typing import Any

from acclimate.core.domain import Domain
from acclimate.core.model import Model, Pair
from acclimate.core.rewriter import unwrap

TASK = "what_does_it_do"
NEEDED = 3.0
"""Times faster than lm_eval with shared examples, on every model."""
TOLERANCE = 1e-4
"""Nats between the two log-likelihoods of a choice, at most."""
NUM_DOMAIN_ITEMS = 560  # of which 100 are test items
NUM_SHOTS, NUM_ROUNDS, VOCAB_SIZE, MAX_SEQ_LEN = 5, 3, 4096, 1024
BATCH_SIZES = (1, 4, 16, 64)
"""The peer runs at whichever it is fastest with; its `auto` takes the largest on a CPU."""


@dataclass(frozen=True)
class Size:
    """A network, and how many items it is asked."""

    embed_dim: int
    num_layers: int
    num_heads: int
    num_items: int


SIZES = (Size(128, 4, 4, 100), Size(512, 9, 8, 24))
"""1.3 and 30.5 million parameters; the larger is asked less, so that it takes two minutes."""


def main() -> int:
    """Print the table; 1 where a claim does not hold."""
    from acclimate.tasks.package.python_docs import PythonDocs

    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    domain = PythonDocs(num_items=NUM_DOMAIN_ITEMS).load()
    print(conditions(domain))
    print(f"{'':<22} items   acclimate     lm_eval    ratio  batch    apart")
    holds = True
    with tempfile.TemporaryDirectory() as place:
        for number, size in enumerate(SIZES):
            folder = make_model(Path(place) / str(number), size, domain)
            for num_shots, needed in ((NUM_SHOTS, NEEDED), (0, 0.0)):
                ratio, apart = compare(size, folder, num_shots, domain)
                holds = holds and ratio >= needed and apart <= TOLERANCE
    print(
        f"{'holds' if holds else 'FAILED'}: with shared examples at least {NEEDED:.0f} times as "
        f"fast as lm_eval, every choice within {TOLERANCE} nats"
    )
    return 0 if holds else 1


def conditions(domain: Domain) -> str:
    """What this was measured with."""
    import torch

    from acclimate.study.environment import hardware

    names = ("lm_eval", "torch", "transformers", "tokenizers")
    return (
        f"{hardware()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in names)}\nfloat32 Llama of random "
        f"weights, {domain.name}, task {TASK}; medians of {NUM_ROUNDS} alternating rounds, "
        "tokenization counted, loading not"
    )


def make_model(folder: Path, size: Size, domain: Domain) -> Path:
    """Save a randomly initialised Llama with a tokenizer trained on the domain's pages."""
    import torch
    import transformers

    make_tokenizer(domain).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=size.embed_dim,
        intermediate_size=round(size.embed_dim * 8 / 3 / 32) * 32,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_heads,
        max_position_embeddings=MAX_SEQ_LEN,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    transformers.utils.logging.disable_progress_bar()
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def make_tokenizer(domain: Domain) -> Any:
    """Train a byte-level BPE tokenizer on the domain's pages."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer, Tokenizer

    special = ["<|end|>", "<|pad|>"]
    bpe = ByteLevelBPETokenizer()
    pages = (document.text for document in domain.documents)
    bpe.train_from_iterator(pages, VOCAB_SIZE, special_tokens=special, show_progress=False)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(bpe.to_str()),
        eos_token=special[0],
        pad_token=special[1],
        model_max_length=MAX_SEQ_LEN,
    )


def compare(size: Size, folder: Path, num_shots: int, domain: Domain) -> tuple[float, float]:
    """Time both sides by turns on the same pairs; their ratio, and nats between scores at most."""
    from lm_eval.api.instance import Instance

    from acclimate.models.local.huggingface import HuggingFace

    model = HuggingFace(path=str(folder)).load()
    pairs = rendered(model, domain, num_shots, size.num_items)
    texts = [(model.prompt_tokenizer.text(prompt), " " + choice) for prompt, choice in pairs]
    asked = [Instance("loglikelihood", {}, text, index) for index, text in enumerate(texts)]
    peer, batch_size = best_peer(folder, asked)
    ours(model, pairs[: len(pairs) // 4])
    own, other = [], []
    for _ in range(NUM_ROUNDS):
        own.append(timed(lambda: ours(model, pairs)))
        other.append(timed(lambda: theirs(peer, asked)))
    apart = max(map(abs, map(sub, own[0][1], other[0][1])))
    num_params = sum(p.numel() for p in model.network.parameters())
    label = f"{num_params / 1e6:.1f} M, {num_shots} shots"
    seconds = [median(s for s, _ in side) for side in (own, other)]
    print(
        f"{label:<22}{size.num_items:>6}{seconds[0]:>10.2f} s{seconds[1]:>10.2f} s"
        f"{seconds[1] / seconds[0]:>7.1f} x{batch_size:>7}{apart:>9.0e}",
        flush=True,
    )
    return seconds[1] / seconds[0], apart


def rendered(model: Model, domain: Domain, num_shots: int, num_items: int) -> list[Pair]:
    """Every choice of the test items after the prompt that both sides read."""
    from acclimate.methods.prompting.few_shot import FewShot

    task = domain.task(TASK)
    items = task.items[:num_items]
    if num_shots:
        model = FewShot(num_shots=num_shots).fit(model, domain.train_data(), seed=0)
    prompts = unwrap(model).render([task.prompt(item) for item in items])
    asked = zip(prompts, items, strict=True)
    return [(prompt, choice) for prompt, item in asked for choice in item.choices]


def best_peer(folder: Path, asked: Sequence[Any]) -> tuple[Any, int]:
    """lm_eval's backend at the batch size that it is fastest with on a part of the requests."""
    import logging

    import torch
    from lm_eval.models.huggingface import HFLM

    logging.disable(logging.WARNING)
    part = asked[: len(asked) // 4]
    tried = []
    for size in BATCH_SIZES:
        peer = HFLM(pretrained=str(folder), device="cpu", dtype=torch.float32, batch_size=size)
        theirs(peer, part[:8])
        tried.append((timed(lambda p=peer: theirs(p, part))[0], size, peer))
    _, size, peer = min(tried, key=lambda t: t[0])
    return peer, size


def ours(model: Model, pairs: Sequence[Pair]) -> list[float]:
    """Log-likelihoods, nats."""
    return [weighed.logprob for weighed in model.loglikelihood(pairs)]


def theirs(peer: Any, asked: Sequence[Any]) -> list[float]:
    """Log-likelihoods, nats."""
    return [logprob for logprob, _ in peer.loglikelihood(list(asked), disable_tqdm=True)]


def timed(run: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """Seconds of one run by the clock, and its scores."""
    start = time.perf_counter()
    scores = run()
    return time.perf_counter() - start, scores


if __name__ == "__main__":
    sys.exit(main())
