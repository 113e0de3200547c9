"""Whether the server lives, whether it takes requests, and what it has counted."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from acclimate.server.api_errors import ApiError
from acclimate.server.request_service import RequestService
from acclimate.server.responses import REFUSALS


def health_router(service: RequestService) -> APIRouter:
    """`/health`, `/ready` and `/metrics`."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Answer while the process can."""
        return {"status": "ok"}

    @router.get("/ready", responses={503: REFUSALS[503]})
    async def ready() -> dict[str, str]:
        """Whether requests are taken; not while the server is shutting down."""
        if service.is_draining:
            raise ApiError(503, "the server is shutting down")
        if not service.workers.num_ready:
            raise ApiError(503, "the systems are being loaded; ask again soon")
        return {"status": "ready"}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """In Prometheus' text format."""
        return Response(service.metrics.exposed(), media_type=CONTENT_TYPE_LATEST)

    return router
