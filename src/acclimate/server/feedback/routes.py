"""Feedback over HTTP: blind answers and votes, ratings, corrections, downloads."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from acclimate.server.api_errors import ApiError, ErrorReply
from acclimate.server.feedback import export
from acclimate.server.feedback.blind_comparison import ComparisonJob, check_question
from acclimate.server.feedback.schemas import (
    About,
    ComparisonRequest,
    Corrected,
    Rated,
    VoteRequest,
)
from acclimate.server.feedback.store import (
    Correction,
    FeedbackStore,
    Rating,
    ShownAnswer,
    StoredComparison,
    Vote,
)
from acclimate.server.request_service import RequestService
from acclimate.server.responses import REFUSALS

Ticket = Annotated[str, Path(max_length=64)]
TaskName = Annotated[str, Query(max_length=200, description="Task of the rows that name none.")]
JSONL: dict[int | str, dict[str, Any]] = {200: {"content": {"application/jsonl": {}}}}
VOTED: dict[int | str, dict[str, Any]] = {
    409: {"description": "There is a vote already.", "model": ErrorReply}
}


def feedback_router(
    store: FeedbackStore, service: RequestService, *, tasks: Sequence[str] = ()
) -> APIRouter:
    """Routes under `/feedback`.

    Args:
        store: Keeps what is given.
        service: Whose systems answer. Of more than two, two are drawn for each
            question; one alone answers twice, at temperature 1.
        tasks: Of the domain, which reads what leaves here.
    """
    intake = _Intake(store, service, tuple(tasks))
    router = APIRouter(prefix="/feedback", tags=["feedback"], responses=REFUSALS)
    router.get("")(intake.counts)
    router.post("/comparisons")(intake.compare)
    router.post("/comparisons/{ticket}/vote", responses=VOTED)(intake.vote)
    router.post("/ratings", status_code=201)(intake.rate)
    router.post("/corrections", status_code=201)(intake.correct)
    router.get("/preferences.jsonl", response_class=Response, responses=JSONL)(intake.preferences)
    router.get("/train.jsonl", response_class=Response, responses=JSONL)(intake.train)
    return router


@dataclass
class _Intake:
    """Takes feedback in; each method is a route."""

    store: FeedbackStore
    service: RequestService
    tasks: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """How much was given, by kind."""
        return self.store.counts()

    async def compare(self, body: ComparisonRequest, request: Request) -> dict[str, Any]:
        """Two answers in random order; the ticket tells nothing of the systems."""
        self.service.check_model()
        shown = await self.service.run(request, ComparisonJob(body.messages, body.task))
        # Kept only now: of what nobody waited for nothing can be said.
        await run_in_threadpool(self.store.add, shown)
        return {
            "ticket": shown.ticket,
            "answers": [answer.text for answer in shown.answers],
            "is_cut": [answer.is_cut for answer in shown.answers],
        }

    def vote(self, ticket: Ticket, given: VoteRequest) -> dict[str, Any]:
        """Keep a vote, and only then tell who gave which answer and what each rests on."""
        shown = self._found(ticket)
        if not self.store.add(Vote(ticket=ticket, choice=given.choice)):
            raise ApiError(409, "there is a vote on this comparison already; it stands")
        return {"systems": [answer.system for answer in shown.answers], "sources": shown.sources}

    def rate(self, given: Rated) -> dict[str, str]:
        """Keep whether an answer was good; of several ratings the last counts."""
        self.store.add(Rating(rating=given.rating, **self._about(given)))
        return {"kept": "rating"}

    def correct(self, given: Corrected) -> dict[str, str]:
        """Keep an answer as it should be; of several corrections the last counts."""
        if not given.corrected.strip():
            raise ApiError(422, "corrected is empty; write the answer as it should be")
        self.store.add(Correction(corrected=given.corrected, **self._about(given)))
        return {"kept": "correction"}

    def preferences(self, task: TaskName = "") -> Response:
        """Everything that says which of two answers is better, as a domain reads it."""
        rows = export.preferences(self.store, self._rest(task))
        return _download("preferences.jsonl", map(export.preference_row, rows))

    def train(self, task: TaskName = "") -> Response:
        """Corrected answers and those rated good, as a domain reads them."""
        rows = export.train_rows(self.store, self._rest(task))
        num_unnamed = sum("task" not in row for row in rows)
        if num_unnamed and self.tasks:
            ways = " or ".join(f"?task={quote(name, safe='')}" for name in self.tasks)
            raise ApiError(
                422,
                f"train.jsonl: {num_unnamed} of {len(rows)} rows name no task, and the domain has "
                f"{len(self.tasks)}; say which one those are of: {ways}",
                param="task",
            )
        return _download("train.jsonl", rows)

    def _rest(self, task: str) -> str:
        """Task of the rows that name none: where the domain has one, they were asked as it."""
        return task or (self.tasks[0] if len(self.tasks) == 1 else "")

    def _found(self, ticket: str) -> StoredComparison:
        shown = self.store.comparison(ticket)
        if shown is None:
            raise ApiError(404, "there is no comparison of this ticket; ask for a new one")
        return shown

    def _about(self, given: About) -> dict[str, Any]:
        """The question and the answer that something is said of."""
        if given.ticket:
            shown = self._found(given.ticket)
            answer = shown.answers[given.side == "second"]
            return {"messages": shown.messages, "task": shown.task, "answer": answer}
        check_question(given.messages)
        answer = ShownAnswer(text=given.answer, system=given.system)
        return {"messages": given.messages, "task": given.task, "answer": answer}


def _download(name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type="application/jsonl", headers=headers)
