"""A KV cache of ragged rows, in memory that is allocated ahead.

Row b's tokens fill slots 0 to `lengths[b]` of every layer, whatever the others hold: rows join,
leave, grow and roll back without any of them being read again.

Letters: B rows, T new tokens, S slots of the longest row, H key heads, E head width; B' and S' are
allocated, at least B and S.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from transformers import Cache

STEP_TOKENS, ROOM_TOKENS = 32, 128
"""Slots are allocated in multiples of the one, with at least the other to spare."""
STEP_ROWS = 8
"""Rows that are allocated at least, where there is more than one."""
GROWTH = 1.5
"""Factor by which slots or rows grow at least, so that growing costs little in all."""

KeyValuePair = tuple[torch.Tensor, torch.Tensor]
"""Keys and values of one layer."""
Segment = tuple[KeyValuePair, ...]
"""Those of some tokens of one row, by layer, each (H, T, E)."""


class WriteSpan:
    """The slots that a pass writes: of each row, those behind its tokens."""

    def __init__(self, lengths: list[int], span: tuple[int, int]) -> None:
        """Begin behind rows of these lengths.

        Args:
            lengths: Tokens that each row holds.
            span: Slots behind them that are filled already, and new tokens, T.
        """
        self.lengths, self.span = lengths, span
        pending, num_new = span
        self.first, longest = min(lengths) + pending, max(lengths) + pending
        self.is_even, self.end = self.first == longest, longest + num_new
        self.index: dict[tuple[int, ...], torch.Tensor] = {}

    def put(self, held: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """Write tokens (B, H, T, E) into memory (B', H, S', E), which is returned."""
        if self.is_even:
            held[: new.shape[0], :, self.first : self.end] = new
        else:
            lines = held.view(-1, held.shape[3])
            lines.index_copy_(0, self._lines(held), new.reshape(-1, new.shape[3]))
        return held

    def _lines(self, held: torch.Tensor) -> torch.Tensor:
        """Which lines (B'HS', E) of a layer's memory the tokens are, (BHT,)."""
        key = held.shape[1], held.shape[2]
        if key not in self.index:
            pending, num_new = self.span
            starts = torch.tensor(self.lengths, device=held.device) + pending
            head_lines = torch.arange(len(starts) * key[0], device=held.device) * key[1]
            first = head_lines.view(-1, key[0]) + starts[:, None]  # (B, H)
            steps = torch.arange(num_new, device=held.device)
            self.index[key] = (first[..., None] + steps).flatten()
        return self.index[key]


class KVCache(Cache):
    """A transformers cache whose rows have lengths of their own."""

    is_compileable = False

    def __init__(self, num_rows: int) -> None:
        """Hold so many rows without a token."""
        super().__init__(layers=[])
        self.lengths = [0] * num_rows
        """Tokens of each row that later ones may see."""
        self.pairs: list[KeyValuePair] = []
        """Of each layer, (B', H, S', E), with room to spare."""
        self._pending: list[int] = []
        """Of each layer, slots behind `lengths` that the pass under way has filled."""
        self._last_span: WriteSpan | None = None

    @classmethod
    def of(cls, rows: Sequence[Sequence[Segment]]) -> Self:
        """A cache of rows that each hold some segments, one behind the other."""
        made = cls(len(rows))
        made.lengths = [sum(segment[0][0].shape[1] for segment in row) for row in rows]
        layers = next((segment for row in rows for segment in row), ())
        made._pending = [0] * len(layers)
        size, end = len(rows), max(made.lengths)
        for layer, pair in enumerate(layers):
            held = tuple(x.new_empty(size, x.shape[0], end, x.shape[2]) for x in pair)
            for which, memory in enumerate(held):
                for row, segments in enumerate(rows):
                    _fill(memory[row], [segment[layer][which] for segment in segments])
            made.pairs.append((held[0], held[1]))
        return made

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer_idx: int, *_: Any
    ) -> KeyValuePair:
        """Add T new tokens a row (B, H, T, E) to a layer; all its tokens (B, H, S, E)."""
        if layer_idx == len(self.pairs):
            self.pairs.append(self._like(keys, values))
            self._pending.append(0)
        span = self._span(self._pending[layer_idx], keys.shape[2])
        self._pending[layer_idx] += keys.shape[2]
        held_keys, held_values = self._with_room(layer_idx, span.end)
        num_rows = len(self.lengths)
        return (
            span.put(held_keys, keys)[:num_rows, :, : span.end],
            span.put(held_values, values)[:num_rows, :, : span.end],
        )

    def settle(self, num_unread: Sequence[int] = ()) -> None:
        """End a pass: rows grow by what it added, but for the last few tokens of each.

        Args:
            num_unread: Of each row, tokens at its end that are padding or rejected; empty: all
                tokens stay.
        """
        added = self._pending[0] if self._pending else 0
        unread = num_unread or [0] * len(self.lengths)
        self.lengths = [
            length + added - last for length, last in zip(self.lengths, unread, strict=True)
        ]
        self._pending = [0] * len(self.pairs)

    def drop(self, num_last: Sequence[int]) -> None:
        """Forget the last few tokens of each row."""
        self.lengths = [length - last for length, last in zip(self.lengths, num_last, strict=True)]

    def select(self, keep: Sequence[int]) -> None:
        """Go on with some of the rows, in that order; only those with another number are moved."""
        moved = [(to, row) for to, row in enumerate(keep) if to != row]
        end = max((self.lengths[row] for _, row in moved), default=0)
        if moved:
            to, rows = (torch.tensor(rows_of) for rows_of in zip(*moved, strict=True))
            for held in self.pairs:
                for memory in held:
                    # Read before anything is written: a row may move to where another comes from.
                    memory[to.to(memory.device), :, :end] = memory[rows.to(memory.device), :, :end]
        self.lengths = [self.lengths[row] for row in keep]

    def join(self, *others: "KVCache") -> None:
        """Add the rows of others behind these."""
        first = len(self.lengths)
        self.lengths = [*self.lengths, *(length for other in others for length in other.lengths)]
        for other in others:
            last, end = first + len(other.lengths), max(other.lengths, default=0)
            if not self.pairs:
                # Rows that hold nothing yet stand before those that do.
                self.pairs = [(keys[:0, :, :0], values[:0, :, :0]) for keys, values in other.pairs]
                self._pending = list(other._pending)
            for layer, pair in enumerate(other.pairs):
                held = self._with_room(layer, max(self.lengths))
                for memory, new in zip(held, pair, strict=True):
                    memory[first:last, :, :end] = new[: last - first, :, :end]
            first = last

    def segment(self, row: int, start: int, end: int) -> Segment:
        """A copy of what one row holds in slots `start` to `end`."""
        return tuple(
            (keys[row, :, start:end].clone(), values[row, :, start:end].clone())
            for keys, values in self.pairs
        )

    def fork(self) -> Self:
        """A copy of the cache, which goes on by itself."""
        return copy.deepcopy(self)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Slots that the longest row fills."""
        pending = self._pending[layer_idx] if layer_idx < len(self._pending) else 0
        return max(self.lengths, default=0) + pending

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Slots that a pass sees, from the first on."""
        return self.get_seq_length(layer_idx) + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """No end: there is none but the network's."""
        return -1

    def __len__(self) -> int:
        return len(self.pairs)

    def __bool__(self) -> bool:
        return True

    def _span(self, pending: int, num_new: int) -> WriteSpan:
        """The slots that a pass writes; the same for every layer."""
        last = self._last_span
        # Lengths are replaced, never changed in place.
        if last is None or last.lengths is not self.lengths or last.span != (pending, num_new):
            last = self._last_span = WriteSpan(self.lengths, (pending, num_new))
        return last

    def _like(self, keys: torch.Tensor, values: torch.Tensor) -> KeyValuePair:
        none = len(self.lengths), keys.shape[1], 0
        return keys.new_empty(*none, keys.shape[3]), values.new_empty(*none, values.shape[3])

    def _with_room(self, layer: int, end: int) -> KeyValuePair:
        """The layer's memory, enlarged where so many slots do not fit."""
        held, num_rows = self.pairs[layer], len(self.lengths)
        have_rows, _, have_slots, _ = held[0].shape
        if num_rows > have_rows or end > have_slots:
            room = end if end <= have_slots else end + ROOM_TOKENS
            num_slots = _rounded(_grown(have_slots, room))
            # One row mostly stays alone; where a second joins, more do.
            rows = _grown(have_rows, num_rows)
            rows = rows if rows == 1 else max(STEP_ROWS, rows)
            held = _enlarged(held[0], rows, num_slots), _enlarged(held[1], rows, num_slots)
            self.pairs[layer] = held
        return held


def _grown(have: int, need: int) -> int:
    return have if need <= have else max(need, int(GROWTH * have))


def _rounded(num_slots: int) -> int:
    return -(-num_slots // STEP_TOKENS) * STEP_TOKENS


def _fill(memory: torch.Tensor, parts: Sequence[torch.Tensor]) -> None:
    """Write parts (H, T, E) one behind the other into memory (H, S', E), and zeros behind them."""
    start = 0
    for part in parts:
        end = start + part.shape[1]
        memory[:, start:end] = part
        start = end
    memory[:, start:] = 0


def _enlarged(held: torch.Tensor, num_rows: int, num_slots: int) -> torch.Tensor:
    # Zeros, not whatever memory held: a mask multiplies what it hides by nought, NaN stays NaN.
    larger = held.new_zeros(num_rows, held.shape[1], num_slots, held.shape[3])
    larger[: held.shape[0], :, : held.shape[2]] = held
    return larger
