"""Rows that still read their prompts before they write with the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch

from acclimate.decoding.call import Call, Seat
from acclimate.decoding.rows import Rows


@dataclass
class Entering:
    """Rows that still read their prompts."""

    seats: list[Seat]
    rows: list[Rows] = field(default_factory=list)
    """Of each reader."""
    logits: list[torch.Tensor | None] = field(default_factory=list)
    """Of each reader that has read all."""

    def begin(self) -> None:
        """Make the rows, with nothing read yet."""
        made = []
        for call, own in groupby(self.seats, key=lambda seat: seat[0]):
            places = [place for _, place in own]
            made.append([reader.rows(places) for reader in call.readers])
        for first, *others in zip(*made, strict=True):
            if others:
                first.join(*others)
            self.rows.append(first)
        self.logits = [None] * len(self.rows)


def goes_with(call: Call, found: Sequence[Seat]) -> bool:
    """Whether a call's rows can be read beside those."""
    return not found or call is found[-1][0] or (call.can_mix and found[-1][0].can_mix)
