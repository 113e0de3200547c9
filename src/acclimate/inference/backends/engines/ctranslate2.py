"""CTranslate2: 8-bit integers on a CPU, static batches."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ctranslate2
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.inference.backends.interface import (
    Backend,
    EnginePrecision,
    LoadedEngine,
    OnToken,
    saved_network,
)
from acclimate.inference.engine.batching import MAX_BATCH_TOKENS

_FOLDER = "network"


class CTranslate2(Backend):
    """The simplest, and the fastest for several prompts at once."""

    package: ClassVar[str] = "ctranslate2"
    precisions: ClassVar[Mapping[EnginePrecision, str]] = {"int8": "int8", "float32": "float32"}

    def convert(self, network: Any, tokenizer: Any, folder: Path) -> None:
        """With the library's own converter."""
        if getattr(network.config, "attn_logit_softcapping", None):
            kind = network.config.model_type
            raise NotApplicableError(f"ctranslate2 has no soft-capped attention, and {kind} has")
        with saved_network(network, tokenizer) as source:
            converter = ctranslate2.converters.TransformersConverter(source)
            converter.convert(str(folder / _FOLDER), quantization=self.kept_as)
        _name_all_marks(folder / _FOLDER)

    def open(self, folder: Path, ends: frozenset[int], window: int) -> LoadedEngine:
        """On as many threads as torch has."""
        generator = ctranslate2.Generator(
            str(folder / _FOLDER), compute_type=self.kept_as, intra_threads=torch.get_num_threads()
        )
        return _Loaded(generator, _vocabulary(folder / _FOLDER), ends)


def _vocabulary(folder: Path) -> list[str]:
    tokens: list[str] = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    return tokens


def _name_all_marks(folder: Path) -> None:
    """A tokenizer without a start is written as null, which the library cannot read back."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    any_token = _vocabulary(folder)[0]
    named = {name: any_token if value is None else value for name, value in config.items()}
    path.write_text(json.dumps(named), encoding="utf-8")


class _Loaded(LoadedEngine):
    def __init__(self, generator: Any, tokens: list[str], ends: frozenset[int]) -> None:
        self.generator, self.tokens, self.ends = generator, tokens, ends

    def write(
        self, contexts: Sequence[list[int]], budgets: Sequence[int], on_token: OnToken | None = None
    ) -> list[list[int]]:
        answers: list[list[int]] = [[] for _ in contexts]
        for group in near_in_length(list(map(len, contexts)), budgets):
            prompts = [[self.tokens[i] for i in contexts[index]] for index in group]
            written = self.generator.generate_batch(
                prompts,
                include_prompt_in_result=False,
                max_length=max(budgets[index] for index in group),
                end_token=sorted(self.ends),
                return_end_token=True,
                callback=on_token and _by_place(group, budgets, on_token),
            )
            for index, result in zip(group, written, strict=True):
                answers[index] = result.sequences_ids[0][: budgets[index]]
        return answers


def _by_place(group: Sequence[int], budgets: Sequence[int], on_token: OnToken) -> Any:
    counts = dict.fromkeys(group, 0)

    def callback(step: Any) -> bool:
        index = group[step.batch_id]
        counts[index] += 1
        return counts[index] > budgets[index] or on_token(index, step.token_id)

    return callback


def near_in_length(lengths: Sequence[int], budgets: Sequence[int]) -> Iterator[list[int]]:
    """Indices in groups that pay: what is longer than the shortest is read a token at a time.

    A group of prompts costs as many steps as the longest answer and the difference in length
    together, so that one more must be nearer than an answer is long.
    """
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        is_far = group and lengths[index] - lengths[group[0]] > max(budgets)
        size = (len(group) + 1) * (lengths[index] + max(budgets))
        if group and (is_far or size > MAX_BATCH_TOKENS):
            yield group
            group = []
        group.append(index)
    if group:
        yield group
