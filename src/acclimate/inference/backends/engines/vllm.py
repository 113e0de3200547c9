"""VLLM: half precision on a GPU, continuous batches."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from acclimate.core.errors import ConfigError
from acclimate.inference.backends.interface import (
    Backend,
    EnginePrecision,
    LoadedEngine,
    OnToken,
    or_ignore,
)


class Vllm(Backend):
    """For machines with a GPU and an installation of its own: it needs another PyTorch than ours.

    Tokens are emitted when an answer is over, not as they are written.
    """

    precisions: ClassVar[Mapping[EnginePrecision, str]] = {
        name: name for name in ("bfloat16", "float16", "float32")
    }

    def convert(self, network: Any, tokenizer: Any, folder: Path) -> None:
        """In transformers' format, which it reads as it is."""
        _library()
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    def open(self, folder: Path, ends: frozenset[int], window: int) -> LoadedEngine:
        """On the GPU."""
        library = _library()
        engine = library.LLM(model=str(folder), dtype=self.kept_as, max_model_len=window)
        return _Loaded(library, engine, ends)


def _library() -> Any:
    try:
        return import_module("vllm")
    except ImportError as error:
        raise ConfigError(
            "vllm is not installed here; it needs a GPU and a PyTorch of its own, so install "
            "acclimate into vLLM's environment, or take ctranslate2, onnxruntime or openvino"
        ) from error


class _Loaded(LoadedEngine):
    def __init__(self, library: Any, engine: Any, ends: frozenset[int]) -> None:
        self.library, self.engine, self.ends = library, engine, ends

    def write(
        self, contexts: Sequence[list[int]], budgets: Sequence[int], on_token: OnToken | None = None
    ) -> list[list[int]]:
        params = [
            self.library.SamplingParams(
                temperature=0.0, max_tokens=budget, stop_token_ids=sorted(self.ends)
            )
            for budget in budgets
        ]
        prompts = [{"prompt_token_ids": ids} for ids in contexts]
        written = self.engine.generate(prompts, params, use_tqdm=False)
        return [
            _emit(index, list(output.outputs[0].token_ids), or_ignore(on_token))
            for index, output in enumerate(written)
        ]


def _emit(index: int, ids: list[int], on_token: OnToken) -> list[int]:
    """The tokens until the callback has enough."""
    for number, token in enumerate(ids):
        if on_token(index, token):
            return ids[: number + 1]
    return ids
