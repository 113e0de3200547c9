"""OpenAI's API: chats, completions, embeddings, and the models there are."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from acclimate.server.jobs import ChatJob, CompletionJob
from acclimate.server.openai.embeddings import EmbeddingJob, embeddings_reply
from acclimate.server.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest
from acclimate.server.request_service import Desk
from acclimate.server.responses import REFUSALS

STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All answers at once, or pieces of them as server-sent events.",
        "content": {"application/json": {}, "text/event-stream": {}},
    }
}


Task = Annotated[
    str, Query(description="As the body's field, for clients that send no fields of their own.")
]


def openai_router(desk: Desk) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=REFUSALS)

    @router.post("/chat/completions", responses=STREAMED)
    async def chat(asked: ChatRequest, request: Request, task: Task = "") -> Response:
        """Answer the last message of a dialogue."""
        asked = asked.of_task(task)
        desk.require(asked.model)
        return await desk.answer(request, ChatJob.of(asked, desk.limits))

    @router.post("/completions", responses=STREAMED)
    async def complete(asked: CompletionRequest, request: Request, task: Task = "") -> Response:
        """Go on with a text."""
        asked = asked.of_task(task)
        desk.require(asked.model)
        return await desk.answer(request, CompletionJob.of(asked, desk.limits))

    @router.post("/embeddings")
    async def embed(asked: EmbeddingRequest, request: Request) -> dict[str, Any]:
        """Place texts so that near ones mean alike."""
        desk.require(asked.model)
        return embeddings_reply(asked, await desk.once(request, EmbeddingJob(asked)))

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """What is served, by name."""
        return {"object": "list", "data": [_model(name) for name in desk.hands.names]}

    @router.get("/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        desk.require(name)
        return _model(name)

    def _model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": desk.created, "owned_by": "acclimate"}

    return router
