"""ONNX Runtime GenAI: 4-bit integers on a CPU, one stream."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import onnxruntime_genai
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.backends.interface import (
    Backend,
    EnginePrecision,
    LoadedEngine,
    OnToken,
    or_ignore,
    saved_network,
)
from acclimate.inference.engine.batching import by_length

_FOLDER = "network"
_HEAD_STEP = 16
_PAD = -1
"""A number that no token has, so that no token of a prompt is taken for padding."""


class OnnxRuntime(Backend):
    """The smallest in memory."""

    package: ClassVar[str] = "onnxruntime-genai"
    precisions: ClassVar[Mapping[EnginePrecision, str]] = {
        "int4": "int4",
        "int8": "int8",
        "float32": "fp32",
    }

    def convert(self, network: Any, tokenizer: Any, folder: Path) -> None:
        """With the library's own builder."""
        _require_whole_heads(network.config)
        from onnxruntime_genai.models import builder

        options: dict[str, Any] = {"hf_remote": False, "hf_token": False}
        with saved_network(network, tokenizer) as source, TemporaryDirectory() as cache:
            details = builder.get_hf_details("", source, cache, options)
            target = str(folder / _FOLDER)
            builder.create_model(
                *("", source, target, self.kept_as, "cpu", cache), hf_details=details, **options
            )

        _write_ends(folder / _FOLDER / "genai_config.json", stop_ids(network, tokenizer))

    def open(self, folder: Path, ends: frozenset[int], window: int) -> LoadedEngine:
        """On as many threads as torch has; more of them wait for one another."""
        onnxruntime_genai.disable_telemetry_events()
        config = onnxruntime_genai.Config(str(folder / _FOLDER))
        threads = {"session_options": {"intra_op_num_threads": torch.get_num_threads()}}
        config.overlay(json.dumps({"model": {"decoder": threads}}))
        return _Loaded(onnxruntime_genai.Model(config), ends, window)


def _write_ends(path: Path, ends: frozenset[int]) -> None:
    """Write which tokens end an answer, all of them, and that none is padding."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["model"].update(eos_token_id=sorted(ends), pad_token_id=_PAD)
    path.write_text(json.dumps(config), encoding="utf-8")


def _require_whole_heads(config: Any) -> None:
    """Refuse head widths that its attention on a CPU refuses only at the first prompt."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if head_dim % _HEAD_STEP:
        raise NotApplicableError(
            f"onnxruntime needs heads whose width is a multiple of {_HEAD_STEP}, and this "
            f"network's is {head_dim}"
        )


class _Loaded(LoadedEngine):
    def __init__(self, model: Any, ends: frozenset[int], window: int) -> None:
        self.model, self.ends, self.window = model, ends, window

    def write(
        self, contexts: Sequence[list[int]], budgets: Sequence[int], on_token: OnToken | None = None
    ) -> list[list[int]]:
        answers: list[list[int]] = [[] for _ in contexts]
        for group in by_length([len(c) + b for c, b in zip(contexts, budgets, strict=True)]):
            room = max(len(contexts[i]) for i in group) + max(budgets[i] for i in group)
            for batch in [group] if room <= self.window else [[index] for index in group]:
                left = {index: budgets[index] for index in batch}
                self._write(
                    {index: contexts[index] for index in batch}, left, answers, or_ignore(on_token)
                )
        return answers

    def _write(
        self,
        contexts: Mapping[int, list[int]],
        left: dict[int, int],
        answers: list[list[int]],
        on_token: OnToken,
    ) -> None:
        """Write tokens until no prompt has any left to write."""
        generator, indices = self._reading(contexts, max(left.values())), list(contexts)
        while any(left.values()):
            generator.generate_next_token()
            for index, token in zip(indices, generator.get_next_tokens().tolist(), strict=True):
                if not left[index]:
                    continue
                left[index] -= 1
                if token != _PAD:  # which it writes after the end of an answer
                    answers[index].append(token)
                if token == _PAD or token in self.ends or on_token(index, token):
                    left[index] = 0

    def _reading(self, contexts: Mapping[int, list[int]], budget: int) -> Any:
        longest = max(map(len, contexts.values()))
        params = onnxruntime_genai.GeneratorParams(self.model)
        params.set_search_options(batch_size=len(contexts), max_length=longest + budget)
        generator = onnxruntime_genai.Generator(self.model, params)
        padded = [ids + [_PAD] * (longest - len(ids)) for ids in contexts.values()]
        generator.append_tokens(np.array(padded, np.int32))
        return generator
