"""A transformers network and its tokenizer as a Model."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch

from acclimate.core.errors import ConfigError
from acclimate.core.model import Completion, LogLikelihood, Model, NeuralModel, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.quiet import quietly
from acclimate.decoding.layout import Layout
from acclimate.decoding.loop import decode, prefill_logits
from acclimate.decoding.scoring import Request, score
from acclimate.nn.linear import use_fast_linears
from acclimate.nn.threads import use_threads_for

DEFAULT_WINDOW = 1024
"""Context of a network whose configuration does not say (T5)."""


@dataclass(frozen=True, eq=False)
class LocalModel(NeuralModel):
    """Answers with a network in this process.

    Where `adapter_of` is given, the network is that model's with a PEFT adapter put on a copy that
    shares its weights: only the adapter is saved.
    """

    network: Any
    tokenizer: Any
    adapter_of: NeuralModel | None = None
    adapter: Any = None
    """The PeftModel around `network`, which saves itself in PEFT's format."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer in batches of like length; equal leading tokens are read once."""
        room = self.layout.reserve(sampling.max_new_tokens)
        fitted = [self.layout.fitted(prompt, room) for prompt in prompts]
        contexts = [ids for _, ids in fitted]
        answers = decode(
            self.network, contexts, sampling, is_stop=lambda ids: self._is_stop(ids, sampling)
        )
        return [
            Completion(
                text=self._text(answer, sampling),
                num_prompt_tokens=len(context),
                num_new_tokens=len(answer),
                passages=shown.passages,
                prompt=self.layout.text(shown),
            )
            for (shown, context), answer in zip(fitted, answers, strict=True)
        ]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Weigh continuations; those of one prompt in one pass."""
        asked: dict[Prompt, list[int]] = {}
        for index, (prompt, _) in enumerate(pairs):
            asked.setdefault(prompt, []).append(index)
        weighed: list[LogLikelihood | None] = [None] * len(pairs)
        laid_out = [
            self.layout.encode_choices(prompt, [pairs[i][1] for i in own])
            for prompt, own in asked.items()
        ]
        scores = score(self.network, [Request(ids, answers) for _, ids, answers in laid_out])
        for own, (shown, _, answers), row in zip(asked.values(), laid_out, scores, strict=True):
            for index, ids, logprob in zip(own, answers, row, strict=True):
                num_bytes = len(pairs[index][1].encode())
                weighed[index] = LogLikelihood(logprob, len(ids), num_bytes, shown.passages)
        return [w for w in weighed if w is not None]

    def next_token_logprobs(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Log-probabilities of the next token, nats, (B, V)."""
        contexts = [self.encode(prompt)[0] for prompt in prompts]
        return prefill_logits(self.network, contexts).float().log_softmax(-1)

    def encode(self, prompt: Prompt, continuation: str = "") -> tuple[list[int], list[int]]:
        """Token ids of the prompt, cut to fit, and of the continuation."""
        return self.layout.encode(prompt, continuation)

    def with_network(self, network: Any) -> "LocalModel":
        """The same model around another network that owns its weights."""
        return replace(self, network=network, adapter_of=None, adapter=None)

    def shared_copy(self) -> Any:
        """A copy of the network's modules around the same weights, which stay as they are."""
        shared = [*self.network.parameters(), *self.network.buffers()]
        return copy.deepcopy(self.network, {id(tensor): tensor for tensor in shared})

    def owned_copy(self) -> Any:
        """A network with weights of its own, an adapter merged into them."""
        if self.adapter is None:
            return copy.deepcopy(self.network)
        return copy.deepcopy(self.adapter).merge_and_unload()

    @cached_property
    def layout(self) -> Layout:
        """How prompts become tokens."""
        return Layout(self.tokenizer, self.window, is_seq2seq=self.is_seq2seq)

    @property
    def is_seq2seq(self) -> bool:
        """Whether an encoder reads the prompt."""
        return bool(self.network.config.is_encoder_decoder)

    @property
    def window(self) -> int:
        """Context window, tokens."""
        config = self.network.config.get_text_config()
        told = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 0)
        return int(min(told or DEFAULT_WINDOW, self.tokenizer.model_max_length))

    @property
    def children(self) -> Mapping[str, Model]:
        """What the adapter was put on."""
        return {"adapter_of": self.adapter_of} if self.adapter_of is not None else {}

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the adapter in PEFT's format, or network and tokenizer in transformers'."""
        with quietly():
            if self.adapter is not None:
                self.adapter.save_pretrained(folder)
            else:
                self.network.save_pretrained(folder)
                self.tokenizer.save_pretrained(folder)
        return {}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Load what `write` saved."""
        base = children.get("adapter_of")
        with quietly():
            if isinstance(base, LocalModel):
                from peft import PeftModel

                adapter = PeftModel.from_pretrained(base.shared_copy(), folder).eval()
                return cls(adapter.get_base_model(), base.tokenizer, base, adapter)
            return cls(*load_network(folder))

    def _is_stop(self, ids: list[int], sampling: Sampling) -> bool:
        if ids[-1] == self.tokenizer.eos_token_id:
            return True
        return bool(sampling.stop) and self._cut(self._decode(ids), sampling) is not None

    def _text(self, ids: list[int], sampling: Sampling) -> str:
        text = self._decode(ids)
        cut = self._cut(text, sampling)
        return (text if cut is None else cut).strip()

    def _decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def _cut(self, text: str, sampling: Sampling) -> str | None:
        """The text before the first stop string, or None; stops before the first word are blank."""
        blank = len(text) - len(text.lstrip())
        found = [at for stop in sampling.stop if (at := text.find(stop, blank)) >= 0]
        return text[: min(found)] if found else None


def load_network(path: Path | str, **options: Any) -> tuple[Any, Any]:
    """Network (frozen, ready to answer) and tokenizer of a transformers folder or hub name.

    On a GPU where there is one, in bfloat16; on a CPU in float32, for CPUs without bfloat16
    units are about five times slower in it.

    Raises:
        ConfigError: Some weights are not in the files.
    """
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(path, **options)
    kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    load = getattr(transformers, kind).from_pretrained
    network, loaded = load(path, dtype=dtype, output_loading_info=True, **options)
    _require_whole(sorted(loaded["missing_keys"]))
    use_threads_for(network.num_parameters())
    use_fast_linears(network)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
    return network.to(device).eval().requires_grad_(False), tokenizer


def _require_whole(missing: list[str]) -> None:
    """Weights that no file holds are drawn at random, of which the library only warns."""
    if missing:
        more = ", …" if len(missing) > 2 else ""
        raise ConfigError(
            f"its files lack {len(missing)} weights ({', '.join(missing[:2])}{more}), which would "
            "be random; copy or save the whole model again"
        )
