"""Members of one base write in one pass, each row through its own adapter.

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
"""With more the pass is busy computing, and what it saves, the longest row's places cost again."""
_MANY, _LARGE = 4, 20_000_000
"""Members, or parameters, from which one pass is the shorter: a small network's takes 0.8 of four
passes but 1.3 of two; at 30 M parameters 0.66 of two."""

Apart = Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]
"""From the readers' logits to each seat's (B, V)."""


@dataclass(frozen=True)
class _Sibling:
    """A seat as what it shares and what it adds."""

    seat: MemberPrompts
    base: LocalModel
    updates: Updates


def share_passes(seats: Sequence[MemberPrompts]) -> tuple[list[SequenceSource], Apart]:
    """Readers of all seats, kin joined, and what takes their logits apart.

    Kin are seats of one network, and those of adapters of one base; who reads the same as another
    is read once. Prompts are read by each member's own network, as they may be of other lengths;
    tokens are written in one pass, where that is the shorter.
    """
    groups: dict[tuple[int, bool], list[_Sibling]] = {}
    spots: list[tuple[tuple[int, bool], int]] = []
    kin_of = [_kin(seat) for seat in seats]
    for kin in kin_of:
        # Rows of an encoder-decoder have one length, so that no others can stand beside them.
        shared = kin if kin.base.is_seq2seq else kin.base.network
        # The base as it is has a shorter pass than one that adapters stand in.
        key = id(shared), bool(kin.updates)
        own = groups.setdefault(key, [])
        column = next((i for i, other in enumerate(own) if _is_same(other, kin)), len(own))
        own += [kin] if column == len(own) else []
        spots.append((key, column))
    readers: list[SequenceSource] = []
    first: dict[tuple[int, bool], tuple[int, bool]] = {}
    for key, own in groups.items():
        first[key] = len(readers), _pays(own)
        readers += [_joined(own)] if _pays(own) else [kin.seat.reader for kin in own]
    places = [(*first[key], column) for key, column in spots]
    return readers, partial(_apart, places)


def _apart(
    places: Sequence[tuple[int, bool, int]], logits: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    return [
        logits[at][:, column] if is_joined else logits[at + column]
        for at, is_joined, column in places
    ]


def _pays(own: Sequence[_Sibling]) -> bool:
    """Whether one pass is shorter than one each."""
    is_many = len(own) >= _MANY
    is_large = len(own) > 1 and own[0].base.network.num_parameters() >= _LARGE
    return (is_many or is_large) and len(own[0].seat.encoded) <= MAX_PROMPTS


def _kin(seat: MemberPrompts) -> _Sibling:
    core, base = seat.core, seat.core.adapter_of
    if isinstance(base, LocalModel) and isinstance(core.adapter, PeftAdapter):
        is_routed = any(route is not None for route in seat.routes)
        found = None if is_routed else updates_of(core.network, base.network)
        if found is not None:
            return _Sibling(seat, base, found)
    return _Sibling(seat, core, {})


def _is_same(one: _Sibling, other: _Sibling) -> bool:
    is_one = one.seat.core.network is other.seat.core.network
    return is_one and one.seat.contexts == other.seat.contexts


def _joined(own: Sequence[_Sibling]) -> "SharedPassSource":
    readers = [kin.seat.reader for kin in own]
    network = readers[0].network
    if own[0].updates:
        networks, updates = [r.network for r in readers], [kin.updates for kin in own]
        network = multi_lora_network(networks, updates, own[0].base.shared_copy)
    return SharedPassSource(network, readers)


@dataclass(frozen=True)
class SharedPassSource:
    """Several members' readers, which write in one pass; logits are (B, K, V)."""

    network: Any
    """Whose rows are in K equal parts, a member's each."""
    readers: Sequence[NetworkSource]

    @property
    def can_batch(self) -> bool:
        """As its readers."""
        return True

    @property
    def num_prefill_tokens(self) -> list[int]:
        """What all of them read."""
        return [sum(own) for own in zip(*(r.num_prefill_tokens for r in self.readers), strict=True)]

    @property
    def max_new_tokens_each(self) -> list[float]:
        """What there is in the shortest window."""
        return [
            min(own) for own in zip(*(r.max_new_tokens_each for r in self.readers), strict=True)
        ]

    def new_batch(self, group: Sequence[int]) -> "SharedPassBatch":
        """Some of the prompts."""
        own: list[Any] = [reader.new_batch(group) for reader in self.readers]
        return SharedPassBatch(self.network, own)

    def spend(self, num_new: int) -> None:
        """As much as if each were asked by itself."""
        for reader in self.readers:
            reader.spend(num_new)


class SharedPassBatch:
    """Rows of all members: each member's are read apart, then all stand in one batch."""

    def __init__(self, network: Any, own: list[CausalBatch]) -> None:
        """Hold each member's rows of the same prompts."""
        self.network, self.own = network, own
        self.size = len(own)
        self.read_by: list[torch.Tensor | None] = [None] * self.size
        self.whole: CausalBatch | None = None

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Let every member read on; once all have read all, logits (B, K, V)."""
        for place, rows in enumerate(self.own):
            if self.read_by[place] is None:
                self.read_by[place] = rows.prefill(num_tokens)
        logits = [own for own in self.read_by if own is not None]
        if len(logits) < self.size:
            return None
        first = self.own[0]
        first.extend(*self.own[1:])
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
            for own, *new in zip(self.own, *(other.own for other in others), strict=True):
                own.extend(*new)
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
