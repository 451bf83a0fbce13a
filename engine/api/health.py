"""Whether the engine lives and is ready, and its metrics. The first two are open to all: a supervisor has no token."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from engine.api.service import ApiRequest, Service, service_of
from engine.errors import StoreError

LAG_SECONDS_MAX = 5.0
"""Views further behind their log than this are not ready to be asked."""

_encode = msgspec.json.Encoder().encode


class Health(msgspec.Struct):
    """`checks` by name: "" where all is well, else what is wrong."""

    status: str
    checks: dict[str, str]


@get(
    "/healthz",
    action="",
    operation_id="getHealth",
    tags=["operation"],
    responses={200: ResponseSpec(Health, description="The writer lives", generate_examples=False)},
)
async def health(request: ApiRequest) -> Response[bytes]:
    """Whether the process does its work; 503 says: start it again."""
    return _answer({"writer": "" if service_of(request).writer.alive else "the writer has stopped"})


@get(
    "/readyz",
    action="",
    operation_id="getReadiness",
    tags=["operation"],
    responses={
        200: ResponseSpec(Health, description="Ready for events and questions", generate_examples=False)
    },
)
async def readiness(request: ApiRequest) -> Response[bytes]:
    """Whether it can take events and answer: the writer lives, its store can be written, the views have caught up."""
    return _answer(await asyncio.to_thread(checks, service_of(request)))


@get("/metrics", operation_id="getMetrics", tags=["operation"], media_type="text/plain")
async def metrics(request: ApiRequest) -> Response[bytes]:
    """Prometheus' text format."""
    text = await asyncio.to_thread(service_of(request).metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4")


def checks(service: Service) -> dict[str, str]:
    """What readiness looks at."""
    writer, engine = service.writer, service.engine
    oldest = engine.oldest_unwritten
    behind = max(0, engine.clock() - oldest) / 1e6 if oldest else 0.0
    try:
        service.store.setting("kind")
        readable = ""
    except StoreError as error:
        readable = error.detail
    return {
        "writer": "" if writer.alive else "the writer has stopped",
        "store": writer.trouble or readable,
        "views": f"{behind:.1f} s behind the log" if behind > LAG_SECONDS_MAX or not engine.level else "",
    }


def _answer(found: dict[str, str]) -> Response[bytes]:
    well = not any(found.values())
    return Response(
        _encode(Health("ok" if well else "failing", found)),
        status_code=200 if well else 503,
        media_type="application/json",
    )


HANDLERS = [health, readiness, metrics]
