"""The one decoding loop: rows join, each writes a token at every turn, rows leave.

Rows come and go between two tokens, so that nobody waits for the longest answer of a batch (Yu et
al. 2022, "Orca", https://www.usenix.org/conference/osdi22/presentation/yu), and a long prompt is
read in pieces between the tokens of others (Agrawal et al. 2023, "Sarathi",
https://arxiv.org/abs/2308.16369).

Letters: B rows, K readers, V vocabulary.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch

from acclimate.inference.engine.batching import MAX_BATCH_TOKENS
from acclimate.inference.engine.request import Request, SequenceRef, first_source
from acclimate.inference.engine.sequence_batch import SequenceBatch
from acclimate.inference.engine.turn_lock import ONE_PASS
from acclimate.inference.engine.verify_drafts import drafts_of, write_ahead
from acclimate.inference.sampling.sampler import sample

# MERGED decoding/entering.py: Rows that still read their prompts before they write with the others.


@dataclass
class PrefillBatch:
    """Rows that still read their prompts."""

    seats: list[SequenceRef]
    rows: list[SequenceBatch] = field(default_factory=list)
    """Of each reader."""
    logits: list[torch.Tensor | None] = field(default_factory=list)
    """Of each reader that has read all."""

    def begin(self) -> None:
        """Make the rows, with nothing read yet."""
        made = []
        for call, own in groupby(self.seats, key=lambda seat: seat[0]):
            places = [place for _, place in own]
            made.append([source.new_batch(places) for source in call.sources])
        for first, *others in zip(*made, strict=True):
            if others:
                first.extend(*others)
            self.rows.append(first)
        self.logits = [None] * len(self.rows)


def can_batch_with(call: Request, found: Sequence[SequenceRef]) -> bool:
    """Whether a call's rows can be read beside those."""
    return not found or call is found[-1][0] or (call.can_batch and found[-1][0].can_batch)


CHUNK_TOKENS = 256
"""Of prompts, read in one turn while answers are being written: their next token waits for it."""
MIN_PREFILL_TOKENS = 64
"""Of prompts that wait: so many are worth a pass of their own."""
ROWS_PER_TURN = 8
"""Running rows for each turn that fewer may have to wait for: a pass over a short prompt costs a
large network nearly what a token for all of them does."""
MAX_ROWS = 64
"""At most so many answers are written side by side."""
MAX_EVENTS_PER_SECOND = 320
"""Times a second that those who listen are told of new tokens, all together: threads that wake for
every token of 64 answers would take the interpreter from the one that computes. Where few are
written, each is told of."""
MAX_KV_TOKENS = 65_536
"""Tokens that all rows together may come to hold, which bounds the memory of keys and values."""


class Scheduler:
    """Rows of the same readers in flight."""

    def __init__(self, max_places: int = MAX_KV_TOKENS) -> None:
        """Begin with none.

        Args:
            max_places: Tokens that all rows together may hold.
        """
        self.max_places = max_places
        self.waiting: deque[SequenceRef] = deque()
        self.prefill: PrefillBatch | None = None
        self.running: list[SequenceRef] = []
        self._rows: list[SequenceBatch] = []
        self._num_turns = 0
        """Since prompts were last let in."""
        """Of each reader; they have read all of an answer but its last symbol."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked."""
        return not (self.waiting or self.prefill or self.running)

    def add(self, call: Request) -> None:
        """Let a call's prompts wait for their turn, the longest first."""
        order = sorted(range(len(call.kv_slots_each)), key=lambda place: -call.kv_slots_each[place])
        self.waiting.extend((call, place) for place in order)

    @torch.inference_mode()
    def step(self) -> None:
        """Let every running answer have its next tokens, and prompts be read on."""
        with ONE_PASS:
            if self.running:
                self._decode()
            self._prefill()
            if not self.running:
                self._rows = []  # whose network would live as long as the loop

    def fail(self, error: BaseException) -> None:
        """Tell everybody whose rows are in flight; those that wait are not concerned."""
        seats = [*self.running, *(self.prefill.seats if self.prefill else [])]
        self.running, self.prefill, self._rows = [], None, []
        for call in {id(call): call for call, _ in seats}.values():
            call.fail(error)

    def _prefill(self) -> None:
        """Let those that enter read on; who has read all writes with the others."""
        if self.prefill is None and self._is_worth_it() and (seats := self._admit()):
            self.prefill = PrefillBatch(seats)  # before anything can fail that they must be told of
            self.prefill.begin()
        entering = self.prefill
        if entering is None:
            return
        num_tokens = CHUNK_TOKENS // len(entering.seats) + 1 if self.running else MAX_BATCH_TOKENS
        for reader, rows in enumerate(entering.rows):
            if entering.logits[reader] is None:
                entering.logits[reader] = rows.prefill(num_tokens)
        logits = [own for own in entering.logits if own is not None]
        # Rows that cannot mix wait until the others are done.
        if len(logits) == len(entering.rows) and self._can_mix_with(entering):
            self._join(entering, logits)

    def _can_mix_with(self, entering: PrefillBatch) -> bool:
        return not self.running or (self.running[0][0].can_batch and entering.seats[0][0].can_batch)

    def _join(self, entering: PrefillBatch, logits: list[torch.Tensor]) -> None:
        _draw(entering.seats, logits)
        seats = _remaining(entering.seats, entering.rows)
        if not self.running:
            self._rows = entering.rows
        elif seats:
            for own, new in zip(self._rows, entering.rows, strict=True):
                own.extend(new)
        self.running, self.prefill = self.running + seats, None

    def _is_worth_it(self) -> bool:
        """Whether those that wait are enough for a pass, or have waited long enough."""
        self._num_turns += 1
        is_due = self._num_turns > len(self.running) // ROWS_PER_TURN
        if not is_due:
            own = (
                call.kv_slots_each[at] - call.sampling.max_new_tokens
                for call, at in self.waiting.copy()
            )
            is_due = sum(own) >= MIN_PREFILL_TOKENS
        if is_due and self.waiting:
            self._num_turns = 0
        return is_due

    def _admit(self) -> list[SequenceRef]:
        """Those that wait the longest, as many as there is room for; alone, one always has."""
        held = sum(call.kv_slots_each[place] for call, place in self.running)
        found: list[SequenceRef] = []
        widest = 0
        while self.waiting and len(self.running) + len(found) < MAX_ROWS:
            call, place = self.waiting[0]
            widest = max(widest, call.kv_slots_each[place])
            wanted = (len(found) + 1) * widest
            is_first = not (self.running or found)
            if not is_first and (
                held + wanted > self.max_places or not can_batch_with(call, found)
            ):
                break
            if found and wanted > MAX_BATCH_TOKENS:
                break
            self.waiting.popleft()
            if not call.is_cancelled:
                found.append((call, place))
        return found

    def _decode(self) -> None:
        """Read every answer's last symbol, with guesses at what follows, and write on."""
        drafts = drafts_of(self.running, self._rows)
        if drafts:
            write_ahead(self.running, self._rows[0], drafts)
        else:
            symbols = torch.tensor(
                [call.sampling_states[at].written[-1] for call, at in self.running]
            )
            _draw(self.running, [rows.decode(symbols) for rows in self._rows])
        self.running = _remaining(self.running, self._rows)


def _remaining(seats: list[SequenceRef], rows: Sequence[SequenceBatch]) -> list[SequenceRef]:
    """Those whose answers go on, after all are told of their new symbols; the others leave."""
    pause = len(seats) / MAX_EVENTS_PER_SECOND
    over = {row for row, (call, place) in enumerate(seats) if call.emit(place, pause)}
    if not over:
        return seats
    keep = _closed_up(len(seats), over)
    for own in rows:
        own.keep(keep)
    return [seats[row] for row in keep]


def _closed_up(num_rows: int, over: set[int]) -> list[int]:
    """Rows that go on, the last ones in place of those that are over, so that few are moved."""
    num_left = num_rows - len(over)
    last = [row for row in range(num_left, num_rows) if row not in over]
    return [last.pop() if row in over else row for row in range(num_left)]


def _draw(seats: Sequence[SequenceRef], logits: Sequence[torch.Tensor]) -> None:
    """Write each answer's next symbol, of logits (B, V) of each reader."""
    sample(_joined(seats, logits), [call.sampling_states[place] for call, place in seats])


def _joined(seats: Sequence[SequenceRef], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (B, V) that are drawn from: each call joins its readers' own way."""
    if all(call.combine_logits is first_source for call, _ in seats):
        return logits[0]
    found, first = [], 0
    for call, group in groupby(seats, key=lambda seat: seat[0]):
        places = [place for _, place in group]
        rows = slice(first, first := first + len(places))
        found.append(call.combine_logits([own[rows] for own in logits], places))
    return torch.cat(found)
