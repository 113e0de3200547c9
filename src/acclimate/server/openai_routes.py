"""OpenAI's API: chats, completions, embeddings, and the models there are."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from acclimate.server.jobs import ChatJob, CompletionJob
from acclimate.server.openai.embeddings import EmbeddingJob, embeddings_reply
from acclimate.server.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest
from acclimate.server.request_service import RequestService
from acclimate.server.responses import REFUSALS

STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All answers at once, or pieces of them as server-sent events.",
        "content": {"application/json": {}, "text/event-stream": {}},
    }
}


TaskQuery = Annotated[
    str, Query(description="As the body's field, for clients that send no fields of their own.")
]


def openai_router(service: RequestService) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=REFUSALS)

    @router.post("/chat/completions", responses=STREAMED)
    async def chat(body: ChatRequest, request: Request, task: TaskQuery = "") -> Response:
        """Answer the last message of a dialogue."""
        body = body.of_task(task)
        service.check_model(body.model)
        return await service.respond(request, ChatJob.of(body, service.limits))

    @router.post("/completions", responses=STREAMED)
    async def complete(body: CompletionRequest, request: Request, task: TaskQuery = "") -> Response:
        """Go on with a text."""
        body = body.of_task(task)
        service.check_model(body.model)
        return await service.respond(request, CompletionJob.of(body, service.limits))

    @router.post("/embeddings")
    async def embed(body: EmbeddingRequest, request: Request) -> dict[str, Any]:
        """Place texts so that near ones mean alike."""
        service.check_model(body.model)
        return embeddings_reply(body, await service.run(request, EmbeddingJob(body)))

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """What is served, by name."""
        return {"object": "list", "data": [_model(name) for name in service.workers.names]}

    @router.get("/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        service.check_model(name)
        return _model(name)

    def _model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": service.created, "owned_by": "acclimate"}

    return router
