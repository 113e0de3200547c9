"""Answers recorded elsewhere, by item, so that any system can be compared."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.core.errors import DataError
from acclimate.core.model import (
    NOT_ANSWERED_LOGPROB,
    Completion,
    LogLikelihood,
    Model,
    Pair,
    Sampling,
)
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import Cost, spend
from acclimate.core.source import ModelSource
from acclimate.models.local.recorded.answers_table import (
    RecordedAnswer,
    RecordedAnswers,
    read_answers,
)

_SAVED = "answers.jsonl"


class Recorded(ModelSource):
    """A table of answers as a model, whatever system gave them.

    CSV, TSV, JSONL, JSON or Parquet with the columns `item` and `answer`, and if known `system`,
    `logprob` (nats), `prompt_tokens`, `new_tokens` (or `num_tokens`), `seconds`, `usd` (or
    `cost`). Items with choices may instead have one row a choice, with `choice` and `logprob`.
    """

    path: Path
    """The table."""
    system: str = ""
    """Whose rows, where the table holds several systems; empty: it holds one."""

    def load(self) -> "RecordedModel":
        """Read the table.

        Raises:
            DataError: It is malformed, or holds several systems and none was named.
        """
        return RecordedModel(read_answers(self.path, self.system), str(self.path))

    def fingerprint(self) -> str:
        """SHA-256 of the file, and the system where one is named."""
        try:
            sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
        return f"{sha256}:{self.system}" if self.system else sha256


@dataclass(frozen=True)
class RecordedModel(Model):
    """Gives each item's recorded answer, and spends what it took."""

    kind: ClassVar[str] = "recorded"

    answers: Mapping[str, RecordedAnswers]
    """By item id."""
    where: str
    """The table's name, for messages."""

    @property
    def capabilities(self) -> frozenset[str]:
        """`logprobs`, if the table has them."""
        rows = (row for answers in self.answers.values() for row in answers.rows)
        has_logprobs = any(row.logprob is not None for row in rows)
        return frozenset({"logprobs"}) if has_logprobs else frozenset()

    @property
    def answerable_items(self) -> frozenset[str]:
        """Those of the table."""
        return frozenset(self.answers)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The recorded answers, in order; where only choices were weighed, the likeliest.

        Raises:
            DataError: An item has no answer.
        """
        recorded = [self._of(prompt) for prompt in prompts]
        _spend(row for answers in recorded for row in answers.given or answers.weighed)
        return [_completion(answers) for answers in recorded]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Recorded log-probabilities; blanks around a continuation do not matter.

        Where only the answer is known, it has 0 nats (or its own `logprob`) and every other
        continuation `NOT_ANSWERED_LOGPROB`. Tokens that were not recorded count as one.

        Raises:
            DataError: An item has no answer, or its choices were weighed but not this one.
        """
        recorded = [self._of(prompt) for prompt, _ in pairs]
        # A row answers all of its item's pairs: what it took is spent once.
        distinct = {id(answers): answers for answers in recorded}.values()
        _spend(row for answers in distinct for row in answers.weighed or answers.given)
        return [self._weigh(a, text) for a, (_, text) in zip(recorded, pairs, strict=True)]

    def recorded_seconds(self, prompts: Sequence[Prompt]) -> list[float]:
        """The seconds of each item's answer, or none where any is missing."""
        all_seconds = [self._of(prompt).best.seconds for prompt in prompts]
        known = [seconds for seconds in all_seconds if seconds is not None]
        return known if len(known) == len(all_seconds) else []

    def write(self, folder: Path) -> dict[str, Any]:
        """Write every row."""
        rows = (row for answers in self.answers.values() for row in answers.rows)
        lines = [json.dumps(row.columns(), ensure_ascii=False) + "\n" for row in rows]
        (folder / _SAVED).write_text("".join(lines), encoding="utf-8")
        return {}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Read every row."""
        return cls(read_answers(folder / _SAVED, ""), str(folder))

    def _of(self, prompt: Prompt) -> RecordedAnswers:
        if prompt.item_id not in self.answers:
            raise DataError(
                f"{self.where}: has no answer for item '{prompt.item_id}' "
                f"(it has {len(self.answers)} items); add a row for it"
            )
        return self.answers[prompt.item_id]

    def _weigh(self, answers: RecordedAnswers, continuation: str) -> LogLikelihood:
        text = continuation.strip()
        row = answers.by_text.get(text)
        if row is None and answers.weighed:
            raise DataError(
                f"{self.where}: item '{answers.rows[0].item}' has no row for the choice "
                f"'{text[:40]}', only {', '.join(map(repr, answers.by_text))}"
            )
        given = NOT_ANSWERED_LOGPROB if row is None else row.logprob or 0.0
        num_tokens = row.new_tokens if row else 0
        return LogLikelihood(given, max(1, num_tokens), len(continuation.encode()))


def _completion(answers: RecordedAnswers) -> Completion:
    row = answers.best
    return Completion(
        text=row.text,
        num_prompt_tokens=row.prompt_tokens,
        num_new_tokens=row.new_tokens,
        usd=row.usd,
        seconds=row.seconds,
        logprob=row.logprob,
    )


def _spend(rows: Iterable[RecordedAnswer]) -> None:
    answers = list(rows)
    spend(
        Cost(
            prompt_tokens=sum(row.prompt_tokens for row in answers),
            new_tokens=sum(row.new_tokens for row in answers),
            paid_usd=sum(row.usd or 0.0 for row in answers),
        )
    )
