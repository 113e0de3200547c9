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
from acclimate.inference.engine.request import Call, Seat, only
from acclimate.inference.engine.sequence_batch import Rows
from acclimate.inference.engine.turn_lock import ONE_PASS
from acclimate.inference.engine.verify_drafts import drafts_of, write_ahead
from acclimate.inference.sampling.sampler import draw

# MERGED decoding/entering.py: Rows that still read their prompts before they write with the others.


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


CHUNK_TOKENS = 256
"""Of prompts, read in one turn while answers are being written: their next token waits for it."""
ENTER_TOKENS = 64
"""Of prompts that wait: so many are worth a pass of their own."""
ROWS_PER_TURN = 8
"""Running rows for each turn that fewer may have to wait for: a pass over a short prompt costs a
large network nearly what a token for all of them does."""
MAX_ROWS = 64
"""At most so many answers are written side by side."""
MAX_TOLD = 320
"""Times a second that those who listen are told of new tokens, all together: threads that wake for
every token of 64 answers would take the interpreter from the one that computes. Where few are
written, each is told of."""
MAX_PLACES = 65_536
"""Tokens that all rows together may come to hold, which bounds the memory of keys and values."""


class Loop:
    """Rows of the same readers in flight."""

    def __init__(self, max_places: int = MAX_PLACES) -> None:
        """Begin with none.

        Args:
            max_places: Tokens that all rows together may hold.
        """
        self.max_places = max_places
        self.waiting: deque[Seat] = deque()
        self.entering: Entering | None = None
        self.running: list[Seat] = []
        self._rows: list[Rows] = []
        self._num_turns = 0
        """Since prompts were last let in."""
        """Of each reader; they have read all of an answer but its last symbol."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked."""
        return not (self.waiting or self.entering or self.running)

    def add(self, call: Call) -> None:
        """Let a call's prompts wait for their turn, the longest first."""
        order = sorted(range(len(call.lengths)), key=lambda place: -call.lengths[place])
        self.waiting.extend((call, place) for place in order)

    @torch.inference_mode()
    def turn(self) -> None:
        """Let every running answer have its next tokens, and prompts be read on."""
        with ONE_PASS:
            if self.running:
                self._write()
            self._enter()
            if not self.running:
                self._rows = []  # whose network would live as long as the loop

    def fail(self, error: BaseException) -> None:
        """Tell everybody whose rows are in flight; those that wait are not concerned."""
        seats = [*self.running, *(self.entering.seats if self.entering else [])]
        self.running, self.entering, self._rows = [], None, []
        for call in {id(call): call for call, _ in seats}.values():
            call.fail(error)

    def _enter(self) -> None:
        """Let those that enter read on; who has read all writes with the others."""
        if self.entering is None and self._is_worth_it() and (seats := self._next()):
            self.entering = Entering(seats)  # before anything can fail that they must be told of
            self.entering.begin()
        entering = self.entering
        if entering is None:
            return
        num_tokens = CHUNK_TOKENS // len(entering.seats) + 1 if self.running else MAX_BATCH_TOKENS
        for reader, rows in enumerate(entering.rows):
            if entering.logits[reader] is None:
                entering.logits[reader] = rows.read(num_tokens)
        logits = [own for own in entering.logits if own is not None]
        # Rows that cannot mix wait until the others are done.
        if len(logits) == len(entering.rows) and self._can_mix_with(entering):
            self._join(entering, logits)

    def _can_mix_with(self, entering: Entering) -> bool:
        return not self.running or (self.running[0][0].can_mix and entering.seats[0][0].can_mix)

    def _join(self, entering: Entering, logits: list[torch.Tensor]) -> None:
        _draw(entering.seats, logits)
        seats = _remaining(entering.seats, entering.rows)
        if not self.running:
            self._rows = entering.rows
        elif seats:
            for own, new in zip(self._rows, entering.rows, strict=True):
                own.join(new)
        self.running, self.entering = self.running + seats, None

    def _is_worth_it(self) -> bool:
        """Whether those that wait are enough for a pass, or have waited long enough."""
        self._num_turns += 1
        is_due = self._num_turns > len(self.running) // ROWS_PER_TURN
        if not is_due:
            own = (
                call.lengths[at] - call.sampling.max_new_tokens for call, at in self.waiting.copy()
            )
            is_due = sum(own) >= ENTER_TOKENS
        if is_due and self.waiting:
            self._num_turns = 0
        return is_due

    def _next(self) -> list[Seat]:
        """Those that wait the longest, as many as there is room for; alone, one always has."""
        held = sum(call.lengths[place] for call, place in self.running)
        found: list[Seat] = []
        widest = 0
        while self.waiting and len(self.running) + len(found) < MAX_ROWS:
            call, place = self.waiting[0]
            widest = max(widest, call.lengths[place])
            wanted = (len(found) + 1) * widest
            is_first = not (self.running or found)
            if not is_first and (held + wanted > self.max_places or not goes_with(call, found)):
                break
            if found and wanted > MAX_BATCH_TOKENS:
                break
            self.waiting.popleft()
            if not call.is_cancelled:
                found.append((call, place))
        return found

    def _write(self) -> None:
        """Read every answer's last symbol, with guesses at what follows, and write on."""
        drafts = drafts_of(self.running, self._rows)
        if drafts:
            write_ahead(self.running, self._rows[0], drafts)
        else:
            symbols = torch.tensor([call.drawings[at].written[-1] for call, at in self.running])
            _draw(self.running, [rows.step(symbols) for rows in self._rows])
        self.running = _remaining(self.running, self._rows)


def _remaining(seats: list[Seat], rows: Sequence[Rows]) -> list[Seat]:
    """Those whose answers go on, after all are told of their new symbols; the others leave."""
    pause = len(seats) / MAX_TOLD
    over = {row for row, (call, place) in enumerate(seats) if call.tell(place, pause)}
    if not over:
        return seats
    keep = _closed_up(len(seats), over)
    for own in rows:
        own.select(keep)
    return [seats[row] for row in keep]


def _closed_up(num_rows: int, over: set[int]) -> list[int]:
    """Rows that go on, the last ones in place of those that are over, so that few are moved."""
    num_left = num_rows - len(over)
    last = [row for row in range(num_left, num_rows) if row not in over]
    return [last.pop() if row in over else row for row in range(num_left)]


def _draw(seats: Sequence[Seat], logits: Sequence[torch.Tensor]) -> None:
    """Write each answer's next symbol, of logits (B, V) of each reader."""
    draw(_joined(seats, logits), [call.drawings[place] for call, place in seats])


def _joined(seats: Sequence[Seat], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (B, V) that are drawn from: each call joins its readers' own way."""
    if all(call.join is only for call, _ in seats):
        return logits[0]
    found, first = [], 0
    for call, group in groupby(seats, key=lambda seat: seat[0]):
        places = [place for _, place in group]
        rows = slice(first, first := first + len(places))
        found.append(call.join([own[rows] for own in logits], places))
    return torch.cat(found)
