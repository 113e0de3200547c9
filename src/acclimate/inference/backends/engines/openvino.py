"""OpenVINO GenAI: half precision or 8 bits on a CPU, continuous batches."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from acclimate.inference.backends.interface import (
    Backend,
    EnginePrecision,
    LoadedEngine,
    OnToken,
    or_ignore,
)
from acclimate.inference.engine.batching import MAX_BATCH_TOKENS
from acclimate.nn.formats.gguf import write_gguf


def _imported(name: str) -> Any:
    """A module of OpenVINO, which reports every import to its makers unless it cannot."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module(name)


openvino, openvino_genai = _imported("openvino"), _imported("openvino_genai")

_FILE = "network.gguf"
_BLOCK_TOKENS = 32
"""Keys and values of so many tokens lie together."""


class OpenVino(Backend):
    """The nearest to our own answers in half precision; it reads the GGUF file that we write."""

    package: ClassVar[str] = "openvino-genai"
    precisions: ClassVar[Mapping[EnginePrecision, str]] = {"int8": "Q8_0", "float16": "F16"}

    def convert(self, network: Any, tokenizer: Any, folder: Path) -> None:
        """One file."""
        kind: Any = self.kept_as
        write_gguf(network, tokenizer, folder / _FILE, kind)

    def open(self, folder: Path, ends: frozenset[int], window: int) -> LoadedEngine:
        """On as many threads as torch has, with room for several whole windows."""
        scheduling = openvino_genai.SchedulerConfig()
        scheduling.num_kv_blocks = max(2 * window, MAX_BATCH_TOKENS) // _BLOCK_TOKENS
        exact = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
        properties = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), **exact}
        pipeline = openvino_genai.ContinuousBatchingPipeline(
            str(folder / _FILE), scheduling, "CPU", properties
        )
        return _Loaded(pipeline, ends)


class _Loaded(LoadedEngine):
    def __init__(self, pipeline: Any, ends: frozenset[int]) -> None:
        self.pipeline, self.ends = pipeline, ends
        self.numbers = count()

    def write(
        self, contexts: Sequence[list[int]], budgets: Sequence[int], on_token: OnToken | None = None
    ) -> list[list[int]]:
        answers: list[list[int]] = [[] for _ in contexts]
        prompts = zip(contexts, budgets, strict=True)
        running = {index: self._begin(*prompt) for index, prompt in enumerate(prompts)}
        is_enough = or_ignore(on_token)
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()
            for index, request in list(running.items()):
                for token in _new_tokens(request):
                    answers[index].append(token)
                    if token in self.ends or is_enough(index, token):
                        request.stop()
                        del running[index]
                        break
        return answers

    def _begin(self, context: list[int], budget: int) -> Any:
        config = openvino_genai.GenerationConfig(
            max_new_tokens=budget, do_sample=False, stop_token_ids=set(self.ends)
        )
        ids = openvino.Tensor(np.array([context], np.int64))
        return self.pipeline.add_request(next(self.numbers), ids, config)


def _new_tokens(request: Any) -> list[int]:
    """The tokens that were written since the last call."""
    if not request.can_read():
        return []
    (output,) = request.read().values()
    return list(output.generated_ids)
