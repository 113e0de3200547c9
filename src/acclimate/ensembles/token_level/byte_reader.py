"""A network of tokens as a source of distributions over bytes.

Letters: B rows, V vocabulary, S = 257 symbols: bytes and the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from acclimate.core.prompt import Prompt
from acclimate.core.record import Record
from acclimate.core.types import Floats
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.data.tokenizers.token_bytes import token_bytes
from acclimate.ensembles.token_level.byte_alignment import (
    NUM_SYMBOLS,
    ByteAlignment,
    ByteVocabulary,
)
from acclimate.ensembles.token_level.member_prompts import EncodedPrompt, MemberPrompts
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.local_model import LocalModel

_PROBE = "x"


class HypothesisLimits(Record):
    """How many ways to spell the bytes so far are followed."""

    max_hypotheses: int
    """At most, at every byte."""
    min_share: float
    """Of the probability of all of them; what has less is dropped."""


class ByteText:
    """Bytes and the end as a tokenizer, as far as `StopCondition` needs one."""

    def decode(self, symbols: Sequence[int], **_options: bool) -> str:
        """The text, without a character that was cut off."""
        return bytes(s for s in symbols if s < NUM_SYMBOLS - 1).decode(errors="ignore")


def to_spell(
    core: LocalModel, prompt: Prompt, texts: tuple[str, ...], room: int = 0
) -> EncodedPrompt:
    """A prompt laid out to be answered, and the tokens of a letter after it.

    They tell what the model writes before an answer: a blank, where its prompts end without one.
    """
    longest = max((len(text) for text in texts), default=0)
    room = max(core.prompt_tokenizer.reserve(room), min(longest, core.window // 2))
    return core.prompt_tokenizer.encode_choices(prompt, [_PROBE], num_after=room)


@dataclass(frozen=True)
class ByteSource:
    """A member as the scheduler reads it, byte by byte."""

    member_prompts: MemberPrompts
    precision: HypothesisLimits
    spent: list[int] = field(default_factory=list)
    """Tokens that it read in each step, until they are counted."""

    @property
    def can_batch(self) -> bool:
        """Yes: every row is read by itself."""
        return True

    @property
    def num_prefill_tokens(self) -> list[int]:
        """Tokens of each context beside the shared."""
        return self._source.num_prefill_tokens

    @property
    def max_new_tokens_each(self) -> list[float]:
        """Bytes after each prompt, if each were a token."""
        return self._source.max_new_tokens_each

    def new_batch(self, group: Sequence[int]) -> "ByteBatch":
        """Some of the prompts."""
        return ByteBatch([self.alignment(i) for i in group])

    def spend(self, num_new: int) -> None:
        """Count what was read: contexts, and a token of every hypothesis."""
        self._source.spend(sum(self.spent))
        self.spent.clear()

    def alignment(self, index: int) -> ByteAlignment:
        """Alignment at the start of an answer, behind the blank that the model writes before it."""
        encoded = self.member_prompts.encoded[index]
        probe = encoded[2][0] if isinstance(encoded, tuple) else []
        start = _PromptModel(self._source, index, self.spent)
        spelled = ByteAlignment(self._vocabulary, start, **self.precision.model_dump()).begun()
        lead = b"".join(self._spelled[i] for i in probe).partition(_PROBE.encode())[0]
        for byte in lead:
            spelled = spelled.after(byte)
        return spelled

    @cached_property
    def _source(self) -> NetworkSource:
        return self.member_prompts.source

    @cached_property
    def _spelled(self) -> list[bytes]:
        return token_bytes(self.member_prompts.core.tokenizer)

    @cached_property
    def _vocabulary(self) -> ByteVocabulary:
        core = self.member_prompts.core
        return ByteVocabulary(self._spelled, stop_ids(core.network, core.tokenizer))


class ByteBatch:
    """A batch of answers, each of which follows hypotheses of its own."""

    def __init__(self, alignments: Sequence[ByteAlignment]) -> None:
        self.alignments = list(alignments)

    def prefill(self, num_tokens: int) -> torch.Tensor:
        """Log-probabilities (B, S) of the first symbol; contexts are read when they are begun."""
        return self.logprobs()

    def logprobs(self) -> torch.Tensor:
        """Log-probabilities (B, S) of the next symbol."""
        rows = np.stack([alignment.logprobs() for alignment in self.alignments])
        return torch.from_numpy(rows).float()

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Take one byte (B,) a row; log-probabilities (B, S) of the next symbol."""
        rows = zip(self.alignments, symbols.tolist(), strict=True)
        self.alignments = [alignment.after(byte) for alignment, byte in rows]
        return self.logprobs()

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows."""
        self.alignments = [self.alignments[i] for i in keep]

    def extend(self, *others: "ByteBatch") -> None:
        """Go on with others' rows behind these."""
        self.alignments += [alignment for other in others for alignment in other.alignments]


@dataclass(frozen=True)
class _PromptModel:
    """The network after one prompt, as a `TokenModel`: a state is a batch of one row."""

    source: NetworkSource
    index: int
    spent: list[int]

    def start(self) -> tuple[Any, Floats]:
        """After the context."""
        rows: Any = self.source.new_batch([self.index])
        return rows, _numbers(rows.prefill(len(self.source.contexts[self.index])))

    def read(self, state: Any, token: int) -> tuple[Any, Floats]:
        """After one more token; the state before it stays."""
        rows = state.copy()
        self.spent.append(1)
        return rows, _numbers(rows.decode(torch.tensor([token])))


def _numbers(logits: torch.Tensor) -> Floats:
    return np.asarray(logits[0].double().cpu().numpy())
