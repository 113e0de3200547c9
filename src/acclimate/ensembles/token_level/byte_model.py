"""Answers of networks of any vocabularies, combined at every byte."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from acclimate.core.model import (
    NOT_ANSWERED_LOGPROB,
    Completion,
    LogLikelihood,
    Model,
    Pair,
    Sampling,
)
from acclimate.core.prompt import Prompt
from acclimate.ensembles.members import as_children
from acclimate.ensembles.token_level.byte_alignment import END, ByteAlignment
from acclimate.ensembles.token_level.byte_reader import (
    ByteBatch,
    ByteSource,
    ByteText,
    HypothesisLimits,
    to_spell,
)
from acclimate.ensembles.token_level.member_prompts import (
    EncodedPrompt,
    completions_of,
    effective_weights,
    encode_for_members,
    passages_of,
)
from acclimate.ensembles.token_level.mixtures import Mixture
from acclimate.inference.generate import decode_jointly
from acclimate.inference.stop_strings import StopCondition


@dataclass(frozen=True, eq=False)
class ByteModel(Model):
    """Answers with the members' next-byte distributions joined at every byte.

    Each is taken from where the answer begins, behind the blank that some write before it.
    """

    kind: ClassVar[str] = "byte"

    members: tuple[Model, ...]
    mixture: Mixture
    weights: tuple[float, ...]
    precision: HypothesisLimits
    bytes_per_token: int

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Byte by byte, at most `bytes_per_token` for each token asked for."""
        num_bytes = sampling.max_new_tokens * self.bytes_per_token

        def encode(core: Any, prompt: Prompt, _: tuple[str, ...]) -> EncodedPrompt:
            return to_spell(core, prompt, (), num_bytes)

        member_prompts = encode_for_members(self.members, [(p, ()) for p in prompts], encode)
        shares = effective_weights(self._weights(len(prompts)), member_prompts)

        def join(logits: Sequence[torch.Tensor], rows: Sequence[int]) -> torch.Tensor:
            return self._joined(logits, shares[list(rows)])

        ending = StopCondition(ByteText(), sampling, frozenset({END}))
        written = decode_jointly(
            [ByteSource(member, self.precision) for member in member_prompts],
            sampling.model_copy(update={"max_new_tokens": num_bytes}),
            is_stop=ending.is_met,
            join=join,
        )
        texts = [ending.text(symbols) for symbols in written]
        lengths = [-(-len(symbols) // self.bytes_per_token) for symbols in written]
        return completions_of(member_prompts, texts, lengths)

    @torch.inference_mode()
    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Of each continuation, the sum over its bytes of the joined distribution's logarithm."""
        pairs_of: dict[Prompt, list[int]] = {}
        for index, (prompt, _) in enumerate(pairs):
            pairs_of.setdefault(prompt, []).append(index)
        questions = [(p, tuple(pairs[i][1] for i in indices)) for p, indices in pairs_of.items()]
        member_prompts = encode_for_members(self.members, questions, to_spell)
        shares = effective_weights(self._weights(len(pairs_of)), member_prompts)
        sources = [ByteSource(member, self.precision) for member in member_prompts]
        weighed: dict[int, LogLikelihood] = {}
        for row, indices in enumerate(pairs_of.values()):
            alignments = [source.alignment(row) for source in sources]
            for index in indices:
                text = pairs[index][1].encode()
                logprob = self._weighed(alignments, text, shares[row : row + 1])
                shown = passages_of(member_prompts, row)
                weighed[index] = LogLikelihood(logprob, len(text), len(text), shown)
        for source in sources:
            source.spend(0)
        return [weighed[index] for index in range(len(pairs))]

    def _weighed(
        self, alignments: Sequence[ByteAlignment], text: bytes, shares: torch.Tensor
    ) -> float:
        batches = [ByteBatch([batch]) for batch in alignments]
        logits = [batch.logprobs() for batch in batches]
        total = 0.0
        for position, byte in enumerate(text):
            total += float(self._joined(logits, shares)[0, byte])
            if position + 1 < len(text):
                logits = [batch.decode(torch.tensor([byte])) for batch in batches]
        # What no member can write; finite, so that sums and means stay numbers.
        return total if math.isfinite(total) else NOT_ANSWERED_LOGPROB

    def _joined(self, logits: Sequence[torch.Tensor], shares: torch.Tensor) -> torch.Tensor:
        """The mixture of those members that can write what was written."""
        can_write = torch.stack(
            [~member_logits.isneginf().all(-1) for member_logits in logits], dim=1
        )  # (B, K)
        member_logits = shares * can_write
        return self.mixture.logprobs(
            logits, torch.where(member_logits.sum(-1, True) > 0, member_logits, shares)
        )

    def _weights(self, num_prompts: int) -> torch.Tensor:
        return torch.tensor([self.weights] * num_prompts).reshape(num_prompts, len(self.members))

    @property
    def children(self) -> Mapping[str, Model]:
        """The members."""
        return as_children(self.members)

    def write(self, folder: Path) -> dict[str, Any]:
        """Numbers alone: the members save themselves."""
        return {
            "mixture": self.mixture.model_dump(),
            "weights": list(self.weights),
            "precision": self.precision.model_dump(),
            "bytes_per_token": self.bytes_per_token,
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        return cls(
            tuple(children.values()),
            Mixture(**fields["mixture"]),
            tuple(fields["weights"]),
            HypothesisLimits(**fields["precision"]),
            fields["bytes_per_token"],
        )
