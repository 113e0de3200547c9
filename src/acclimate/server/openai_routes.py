"""OpenAI's API: chats, completions, embeddings, and the models there are."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from acclimate.server.chat_reply import ChatReply
from acclimate.server.completion_reply import CompletionReply
from acclimate.server.desk import Desk
from acclimate.server.embeddings import embedded, embeddings_reply
from acclimate.server.jobs import chat_job, completion_job
from acclimate.server.replies import REFUSALS
from acclimate.server.schemas import ChatRequest, CompletionRequest, EmbeddingRequest

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
        job = chat_job(desk.model(asked.model), asked, desk.limits)
        return await desk.answer(request, asked, job, ChatReply)

    @router.post("/completions", responses=STREAMED)
    async def complete(asked: CompletionRequest, request: Request, task: Task = "") -> Response:
        """Go on with a text."""
        asked = asked.of_task(task)
        job = completion_job(desk.model(asked.model), asked, desk.limits)
        return await desk.answer(request, asked, job, CompletionReply)

    @router.post("/embeddings")
    async def embed(asked: EmbeddingRequest, request: Request) -> dict[str, Any]:
        """Place texts so that near ones mean alike."""
        model = desk.model(asked.model)
        found = await desk.once(request, lambda: embedded(model, asked, desk.limits))
        return embeddings_reply(asked, found)

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """What is served, by name."""
        return {"object": "list", "data": [_model(name) for name in desk.systems]}

    @router.get("/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        desk.model(name)
        return _model(name)

    def _model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": desk.created, "owned_by": "acclimate"}

    return router
