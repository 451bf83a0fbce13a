"""The health of channels and nodes, over HTTP: the same structs the command line prints."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, PathParameter, QueryParameter

from engine.api.service import ApiRequest, Wait, answer, service_of
from engine.views.health import GoldenDay, HealthPage, Why, golden, health, why

DAYS_MAX = 400

Name = Annotated[str, PathParameter(description="The channel's or node's own name")]


@get(
    "/v1/health",
    operation_id="getHealthOfFlow",
    tags=["health"],
    responses={200: ResponseSpec(HealthPage, description="As of now", generate_examples=False)},
)
async def show_health(request: ApiRequest, wait: Wait = "") -> Response[bytes]:
    """Channels, nodes, the health index and what is wrong now."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(health))


@get(
    "/v1/health/golden",
    operation_id="getGoldenFigure",
    tags=["health"],
    responses={200: ResponseSpec(list[GoldenDay], description="Latest day first", generate_examples=False)},
)
async def show_golden(
    request: ApiRequest,
    channel: FromQuery[str] = "",
    days: Annotated[int, QueryParameter(ge=1, le=DAYS_MAX, description="So many days of each channel")] = 7,
) -> Response[bytes]:
    """From placed to ready to ship, by channel and day, with the day's health."""
    return answer(await service_of(request).look(lambda reading: golden(reading, channel, days)))


@get(
    "/v1/health/channels/{name:str}",
    operation_id="whyChannel",
    tags=["health"],
    responses={200: ResponseSpec(Why, description="Every formula with its figures", generate_examples=False)},
)
async def why_channel(request: ApiRequest, name: Name) -> Response[bytes]:
    """Why a channel's health is what it is."""
    return answer(await service_of(request).look(lambda reading: why(reading, f"channel/{unquote(name)}")))


@get(
    "/v1/health/nodes/{name:str}",
    operation_id="whyNode",
    tags=["health"],
    responses={200: ResponseSpec(Why, description="Every formula with its figures", generate_examples=False)},
)
async def why_node(request: ApiRequest, name: Name) -> Response[bytes]:
    """Why a node's score is what it is, and what its breaker does."""
    return answer(await service_of(request).look(lambda reading: why(reading, f"node/{unquote(name)}")))


HANDLERS = [show_health, show_golden, why_channel, why_node]
