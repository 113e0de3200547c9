"""The scheduler: prefill and decode of all requests, batched anew at every step.

Sequences join and leave the batch between two tokens, so that no request waits for the longest
answer of a batch (Yu et al. 2022, "Orca",
https://www.usenix.org/conference/osdi22/presentation/yu), and a long prompt is prefilled in chunks
between the tokens of others (Agrawal et al. 2023, "Sarathi", https://arxiv.org/abs/2308.16369).

Letters: B rows of a batch, one a sequence; K sources; V vocabulary.
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

CHUNK_TOKENS = 256
"""Prompt tokens prefilled in one step while answers are being decoded: their next token waits."""
MIN_PREFILL_TOKENS = 64
"""Waiting prompt tokens that are worth a pass of their own."""
SEQUENCES_PER_STEP = 8
"""Running sequences for each step that fewer prompt tokens may have to wait: a pass over a short
prompt costs a large network nearly what a token for all of them does."""
MAX_SEQUENCES = 64
"""Sequences that are decoded side by side at most."""
MAX_EVENTS_PER_SECOND = 320
"""Token events emitted a second, by all sequences together: threads that wake for every token of
64 answers would take the interpreter from the one that computes. Where few sequences run, every
token is emitted."""
MAX_KV_TOKENS = 65_536
"""KV slots of all running sequences together, which bounds the memory of keys and values."""


@dataclass
class PrefillBatch:
    """Sequences whose prompts are being read, before they join the running ones."""

    sequences: list[SequenceRef]
    batches: list[SequenceBatch] = field(default_factory=list)
    """Of each source."""
    logits: list[torch.Tensor | None] = field(default_factory=list)
    """Of each source: (B, V) of the first symbols once its prompts are read, None before."""

    def begin(self) -> None:
        """Make the batch of each source, with nothing read yet."""
        by_request = []
        for request, members in groupby(self.sequences, key=lambda sequence: sequence[0]):
            indices = [index for _, index in members]
            by_request.append([source.new_batch(indices) for source in request.sources])
        for first, *others in zip(*by_request, strict=True):
            if others:
                first.extend(*others)
            self.batches.append(first)
        self.logits = [None] * len(self.batches)


class Scheduler:
    """Decides at every step which sequences of its requests are prefilled and decoded."""

    def __init__(self, max_kv_tokens: int = MAX_KV_TOKENS) -> None:
        """Begin with no request.

        Args:
            max_kv_tokens: KV slots that all running sequences together may take.
        """
        self.max_kv_tokens = max_kv_tokens
        self.waiting: deque[SequenceRef] = deque()
        self.prefill: PrefillBatch | None = None
        self.running: list[SequenceRef] = []
        self._batches: list[SequenceBatch] = []
        """The running sequences in each source, which has read all but their last symbol."""
        self._num_steps = 0
        """Since prompts were last admitted."""

    @property
    def is_idle(self) -> bool:
        """Whether no sequence waits, is prefilled or runs."""
        return not (self.waiting or self.prefill or self.running)

    def add(self, request: Request) -> None:
        """Queue a request's sequences, those with the most KV slots first."""
        slots = request.kv_slots_each
        order = sorted(range(len(slots)), key=lambda index: -slots[index])
        self.waiting.extend((request, index) for index in order)

    @torch.inference_mode()
    def step(self) -> None:
        """Decode the next symbols of every running sequence, and prefill a chunk of prompts."""
        with ONE_PASS:
            if self.running:
                self._decode()
            self._prefill()
            if not self.running:
                self._batches = []  # whose network would live as long as the scheduler

    def fail(self, error: BaseException) -> None:
        """End the requests that are prefilled or run with an error; waiting ones go on."""
        sequences = [*self.running, *(self.prefill.sequences if self.prefill else [])]
        self.running, self.prefill, self._batches = [], None, []
        for request in {id(request): request for request, _ in sequences}.values():
            request.fail(error)

    def _prefill(self) -> None:
        """Read on in prompts; sequences whose prompts are read join the running ones."""
        if self.prefill is None and self._should_admit() and (sequences := self._admit()):
            self.prefill = PrefillBatch(sequences)  # before anything fails: `fail` must know them
            self.prefill.begin()
        prefill = self.prefill
        if prefill is None:
            return
        num_sequences = len(prefill.sequences)
        num_tokens = CHUNK_TOKENS // num_sequences + 1 if self.running else MAX_BATCH_TOKENS
        for number, batch in enumerate(prefill.batches):
            if prefill.logits[number] is None:
                prefill.logits[number] = batch.prefill(num_tokens)
        logits = [source_logits for source_logits in prefill.logits if source_logits is not None]
        # Sequences that cannot share a batch wait until the running ones are done.
        if len(logits) == len(prefill.batches) and self._can_join(prefill):
            self._join(prefill, logits)

    def _can_join(self, prefill: PrefillBatch) -> bool:
        if not self.running:
            return True
        return self.running[0][0].can_batch and prefill.sequences[0][0].can_batch

    def _join(self, prefill: PrefillBatch, logits: list[torch.Tensor]) -> None:
        """Draw the first symbols of prefilled sequences, which run from now on."""
        _sample(prefill.sequences, logits)
        sequences = _unfinished(prefill.sequences, prefill.batches)
        if not self.running:
            self._batches = prefill.batches
        elif sequences:
            for batch, joining in zip(self._batches, prefill.batches, strict=True):
                batch.extend(joining)
        self.running, self.prefill = self.running + sequences, None

    def _should_admit(self) -> bool:
        """Whether waiting prompts are enough for a pass, or have waited long enough."""
        self._num_steps += 1
        is_due = self._num_steps > len(self.running) // SEQUENCES_PER_STEP
        if not is_due:
            prompt_tokens = (
                request.kv_slots_each[index] - request.sampling.max_new_tokens
                for request, index in self.waiting.copy()
            )
            is_due = sum(prompt_tokens) >= MIN_PREFILL_TOKENS
        if is_due and self.waiting:
            self._num_steps = 0
        return is_due

    def _admit(self) -> list[SequenceRef]:
        """Take waiting sequences, the oldest first, as far as KV slots allow; alone, one always."""
        num_used = sum(request.kv_slots_each[index] for request, index in self.running)
        admitted: list[SequenceRef] = []
        widest = 0
        while self.waiting and len(self.running) + len(admitted) < MAX_SEQUENCES:
            request, index = self.waiting[0]
            widest = max(widest, request.kv_slots_each[index])
            num_wanted = (len(admitted) + 1) * widest
            is_first = not (self.running or admitted)
            has_slots = num_used + num_wanted <= self.max_kv_tokens
            if not is_first and not (has_slots and can_batch_with(request, admitted)):
                break
            if admitted and num_wanted > MAX_BATCH_TOKENS:
                break
            self.waiting.popleft()
            if not request.is_cancelled:
                admitted.append((request, index))
        return admitted

    def _decode(self) -> None:
        """Read each running sequence's last symbol, and drafts of what follows; write the next."""
        drafts = drafts_of(self.running, self._batches)
        if drafts:
            write_ahead(self.running, self._batches[0], drafts)
        else:
            symbols = torch.tensor(
                [request.sampling_states[index].written[-1] for request, index in self.running]
            )
            _sample(self.running, [batch.decode(symbols) for batch in self._batches])
        self.running = _unfinished(self.running, self._batches)


def can_batch_with(request: Request, admitted: Sequence[SequenceRef]) -> bool:
    """Whether a request's sequences can be prefilled in one batch with those admitted."""
    if not admitted or request is admitted[-1][0]:
        return True
    return request.can_batch and admitted[-1][0].can_batch


def _unfinished(
    sequences: list[SequenceRef], batches: Sequence[SequenceBatch]
) -> list[SequenceRef]:
    """Emit events for new symbols; the sequences that go on, alone in their batches from now on."""
    pause = len(sequences) / MAX_EVENTS_PER_SECOND
    over = {row for row, (request, index) in enumerate(sequences) if request.emit(index, pause)}
    if not over:
        return sequences
    rows = _rows_that_go_on(len(sequences), over)
    for batch in batches:
        batch.keep(rows)
    return [sequences[row] for row in rows]


def _rows_that_go_on(num_rows: int, over: set[int]) -> list[int]:
    """Rows to keep; the last ones take the rows of those that are over, so that few are moved."""
    num_left = num_rows - len(over)
    last = [row for row in range(num_left, num_rows) if row not in over]
    return [last.pop() if row in over else row for row in range(num_left)]


def _sample(sequences: Sequence[SequenceRef], logits: Sequence[torch.Tensor]) -> None:
    """Draw and write each sequence's next symbol, from logits (B, V) of each source."""
    states = [request.sampling_states[index] for request, index in sequences]
    sample(_combined(sequences, logits), states)


def _combined(sequences: Sequence[SequenceRef], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (B, V) to draw from; each request combines those of its sources as it does."""
    if all(request.combine_logits is first_source for request, _ in sequences):
        return logits[0]
    parts, first = [], 0
    for request, members in groupby(sequences, key=lambda sequence: sequence[0]):
        indices = [index for _, index in members]
        rows = slice(first, first := first + len(indices))
        parts.append(
            request.combine_logits([source_logits[rows] for source_logits in logits], indices)
        )
    return torch.cat(parts)
