"""One forward pass for members of one base, each row through its own adapter.

Letters: B prompts, K members of one base, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import torch

from acclimate.ensembles.token_level.member_prompts import MemberPrompts
from acclimate.inference.engine.causal_batch import CausalBatch
from acclimate.inference.engine.sequence_batch import NetworkSource, SequenceSource
from acclimate.inference.local_model import LocalModel
from acclimate.nn.adapters.multi_lora import Updates, multi_lora_network, updates_of
from acclimate.nn.adapters.peft import PeftAdapter

MAX_PROMPTS = 4
"""With more the pass is busy computing, and what it saves, the longest row's slots cost again."""
_MANY, _LARGE = 4, 20_000_000
"""Members, or parameters, from which one pass is the shorter: a small network's takes 0.8 of four
passes but 1.3 of two; at 30 M parameters 0.66 of two."""

SplitLogits = Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]
"""From the sources' logits to each member's (B, V)."""


@dataclass(frozen=True)
class _Sibling:
    """A member, the base that it shares, and the updates that it adds."""

    member: MemberPrompts
    base: LocalModel
    updates: Updates


def share_passes(
    member_prompts: Sequence[MemberPrompts],
) -> tuple[list[SequenceSource], SplitLogits]:
    """Sources of all members, siblings in one, and the function that splits their logits.

    Siblings are members of one network, and those of adapters of one base; of several that read
    the same, one is run. Prompts are read by each member's own network, as they may be of other
    lengths; tokens are written in one pass, where that is the shorter.
    """
    groups: dict[tuple[int, bool], list[_Sibling]] = {}
    keys: list[tuple[tuple[int, bool], int]] = []
    siblings = [_sibling_of(member) for member in member_prompts]
    for sibling in siblings:
        # Rows of an encoder-decoder have one length, so that no others can stand beside them.
        shared = sibling if sibling.base.is_seq2seq else sibling.base.network
        # The base as it is has a shorter pass than one that adapters stand in.
        key = id(shared), bool(sibling.updates)
        group = groups.setdefault(key, [])
        column = next((i for i, other in enumerate(group) if _is_same(other, sibling)), len(group))
        group += [sibling] if column == len(group) else []
        keys.append((key, column))
    sources: list[SequenceSource] = []
    group_start: dict[tuple[int, bool], tuple[int, bool]] = {}
    for key, group in groups.items():
        group_start[key] = len(sources), _is_shorter(group)
        sources += (
            [_shared_source(group)]
            if _is_shorter(group)
            else [sibling.member.source for sibling in group]
        )
    columns = [(*group_start[key], column) for key, column in keys]
    return sources, partial(_split, columns)


def _split(
    columns: Sequence[tuple[int, bool, int]], logits: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    return [
        logits[index][:, column] if is_joined else logits[index + column]
        for index, is_joined, column in columns
    ]


def _is_shorter(group: Sequence[_Sibling]) -> bool:
    """Whether one pass is shorter than one each."""
    is_many = len(group) >= _MANY
    is_large = len(group) > 1 and group[0].base.network.num_parameters() >= _LARGE
    return (is_many or is_large) and len(group[0].member.encoded) <= MAX_PROMPTS


def _sibling_of(member: MemberPrompts) -> _Sibling:
    core, base = member.core, member.core.adapter_of
    if isinstance(base, LocalModel) and isinstance(core.adapter, PeftAdapter):
        is_routed = any(route is not None for route in member.routes)
        updates = None if is_routed else updates_of(core.network, base.network)
        if updates is not None:
            return _Sibling(member, base, updates)
    return _Sibling(member, core, {})


def _is_same(one: _Sibling, other: _Sibling) -> bool:
    is_one = one.member.core.network is other.member.core.network
    return is_one and one.member.contexts == other.member.contexts


def _shared_source(group: Sequence[_Sibling]) -> "SharedPassSource":
    sources = [sibling.member.source for sibling in group]
    network = sources[0].network
    if group[0].updates:
        networks, updates = (
            [source.network for source in sources],
            [sibling.updates for sibling in group],
        )
        network = multi_lora_network(networks, updates, group[0].base.shared_copy)
    return SharedPassSource(network, sources)


@dataclass(frozen=True)
class SharedPassSource:
    """Several members' sources, which write in one pass; logits are (B, K, V)."""

    network: Any
    """Whose rows are in K equal parts, a member's each."""
    sources: Sequence[NetworkSource]

    @property
    def can_batch(self) -> bool:
        """As its sources."""
        return True

    @property
    def num_prefill_tokens(self) -> list[int]:
        """What all members read of each prompt, tokens."""
        return [
            sum(lengths)
            for lengths in zip(*(source.num_prefill_tokens for source in self.sources), strict=True)
        ]

    @property
    def max_new_tokens_each(self) -> list[float]:
        """What the member with the shortest window can write after each prompt."""
        return [
            min(limits)
            for limits in zip(*(source.max_new_tokens_each for source in self.sources), strict=True)
        ]

    def new_batch(self, group: Sequence[int]) -> "SharedPassBatch":
        """Some of the prompts."""
        batches: list[Any] = [source.new_batch(group) for source in self.sources]
        return SharedPassBatch(self.network, batches)

    def spend(self, num_new: int) -> None:
        """As much as if each were asked by itself."""
        for source in self.sources:
            source.spend(num_new)


class SharedPassBatch:
    """Rows of all members: each member's are read apart, then all stand in one batch."""

    def __init__(self, network: Any, batches: list[CausalBatch]) -> None:
        """Hold each member's rows of the same prompts."""
        self.network, self.batches = network, batches
        self.size = len(batches)
        self.logits_of: list[torch.Tensor | None] = [None] * self.size
        self.whole: CausalBatch | None = None

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Let every member read on; once all have read all, logits (B, K, V)."""
        for index, batch in enumerate(self.batches):
            if self.logits_of[index] is None:
                self.logits_of[index] = batch.prefill(num_tokens)
        logits = [member_logits for member_logits in self.logits_of if member_logits is not None]
        if len(logits) < self.size:
            return None
        first = self.batches[0]
        first.extend(*self.batches[1:])
        self.whole = CausalBatch(self.network, first.ids, first.cache, first.routes)
        return torch.stack(logits, 1)

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new token (B,) of each prompt; logits (B, K, V) of the next."""
        logits = self._all.decode(symbols.repeat(self.size))
        return logits.view(self.size, len(symbols), -1).transpose(0, 1)

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the prompts."""
        num = len(self._all.ids) // self.size
        self._all.keep([part * num + row for part in range(self.size) for row in keep])

    def extend(self, *others: "SharedPassBatch") -> None:
        """Go on with others' prompts behind these."""
        if self.whole is None:
            for batch, *new in zip(self.batches, *(other.batches for other in others), strict=True):
                batch.extend(*new)
            return
        joined = [self._all, *(other._all for other in others)]
        sizes = [len(rows.ids) // self.size for rows in joined]
        starts = [0, *accumulate(len(rows.ids) for rows in joined)]
        self._all.extend(*joined[1:])
        # Parts of all, in the order of the members again.
        self._all.keep(
            [
                start + part * num + row
                for part in range(self.size)
                for start, num in zip(starts, sizes, strict=False)
                for row in range(num)
            ]
        )

    @property
    def _all(self) -> CausalBatch:
        if self.whole is None:
            raise AssertionError("written before it was read")
        return self.whole
