"""What was to be told to whom, and what became of it; a person's asking for it again."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from engine.api.operate import Reason
from engine.api.orders import Limit
from engine.api.service import ApiRequest, answer, json_of, service_of
from engine.deliver import again
from engine.deliver.again import Again
from engine.deliver.listing import Endpoint, Notice, NoticePage, Tried, endpoints, log, notice, notices
from engine.errors import NotFound
from engine.views.queries import LIMIT
from schemas.envelope import micros

Instant = Annotated[datetime, Meta(tz=True)]


class RetryBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which notices, by their ids or the beginning of them; or with `failed` all that failed."""

    reason: Reason
    ids: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    failed: bool = False


class ReplayBody(msgspec.Struct, forbid_unknown_fields=True):
    """Of decisions from `since` to before `until` (now); with `failed` only what the endpoint did not take."""

    reason: Reason
    since: Instant
    until: Instant | None = None
    failed: bool = False


class EnableBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is told again."""

    reason: Reason


_retry_body = msgspec.json.Decoder(RetryBody).decode
_replay_body = msgspec.json.Decoder(ReplayBody).decode
_enable_body = msgspec.json.Decoder(EnableBody).decode


@get(
    "/v1/notices",
    operation_id="listNotices",
    tags=["delivery"],
    responses={200: ResponseSpec(list[Notice], description="Latest first", generate_examples=False)},
)
async def list_notices(
    request: ApiRequest,
    status: Annotated[
        str, QueryParameter(description="waiting, sent, failed or suppressed; empty for all")
    ] = "",
    via: FromQuery[str] = "",
    limit: Limit = LIMIT,
) -> Response[bytes]:
    """Who was to be told of what, and what became of it."""
    store = service_of(request).store
    return answer(await asyncio.to_thread(notices, store, status, via, limit))


@get(
    "/v1/notices/{id:str}",
    operation_id="getNotice",
    tags=["delivery"],
    responses={200: ResponseSpec(NoticePage, description="With every attempt", generate_examples=False)},
)
async def show_notice(request: ApiRequest, id: FromPath[str]) -> Response[bytes]:
    """One notice: its words, its idempotency key, and every attempt."""
    return answer(await asyncio.to_thread(notice, service_of(request).store, id))


@post(
    "/v1/notices/retry",
    status_code=200,
    action="operate",
    operation_id="retryNotices",
    body={"application/json": RetryBody},
    tags=["delivery"],
    responses={200: ResponseSpec(Again, description="They go out again", generate_examples=False)},
)
async def retry_notices(request: ApiRequest) -> Response[bytes]:
    """Send notices again that failed or were suppressed."""
    service = service_of(request)
    body = await json_of(request, _retry_body, service.in_force.intake.max_event_bytes)
    now, who = service.engine.clock(), request.user.authid

    def work() -> Again:
        ids = again.chosen(service.store, body.ids, body.failed)
        return again.retry(service.store, ids, now, who, body.reason)

    return answer(await asyncio.to_thread(work))


@get(
    "/v1/webhooks",
    operation_id="listWebhooks",
    tags=["delivery"],
    responses={200: ResponseSpec(list[Endpoint], description="By name", generate_examples=False)},
)
async def list_webhooks(request: ApiRequest) -> Response[bytes]:
    """The endpoints that are told of decisions, and how each stands."""
    service = service_of(request)
    return answer(
        await asyncio.to_thread(endpoints, service.store, service.in_force.text, service.engine.clock())
    )


@get(
    "/v1/webhooks/{endpoint:str}/log",
    operation_id="getWebhookLog",
    tags=["delivery"],
    responses={200: ResponseSpec(list[Tried], description="Latest first", generate_examples=False)},
)
async def webhook_log(
    request: ApiRequest, endpoint: FromPath[str], failed: FromQuery[bool] = False, limit: Limit = LIMIT
) -> Response[bytes]:
    """Every attempt to tell an endpoint something."""
    store = service_of(request).store
    return answer(await asyncio.to_thread(log, store, endpoint, failed, limit))


@post(
    "/v1/webhooks/{endpoint:str}/replay",
    status_code=200,
    action="operate",
    operation_id="replayWebhook",
    body={"application/json": ReplayBody},
    tags=["delivery"],
    responses={200: ResponseSpec(Again, description="They go out again", generate_examples=False)},
)
async def replay_webhook(request: ApiRequest, endpoint: FromPath[str]) -> Response[bytes]:
    """Send an endpoint again what it was sent, under the ids it had."""
    service = service_of(request)
    body = await json_of(request, _replay_body, service.in_force.intake.max_event_bytes)
    _declared(service.in_force.text.webhooks, endpoint)
    now = service.engine.clock()
    until = now if body.until is None else micros(body.until)
    return answer(
        await asyncio.to_thread(
            again.replay,
            service.store,
            endpoint,
            micros(body.since),
            until,
            body.failed,
            now,
            request.user.authid,
            body.reason,
        )
    )


@post(
    "/v1/webhooks/{endpoint:str}/enable",
    status_code=200,
    action="operate",
    operation_id="enableWebhook",
    body={"application/json": EnableBody},
    tags=["delivery"],
    responses={200: ResponseSpec(Again, description="It is told again", generate_examples=False)},
)
async def enable_webhook(request: ApiRequest, endpoint: FromPath[str]) -> Response[bytes]:
    """Let an endpoint be told again that had answered 410."""
    service = service_of(request)
    body = await json_of(request, _enable_body, service.in_force.intake.max_event_bytes)
    _declared(service.in_force.text.webhooks, endpoint)
    now, who = service.engine.clock(), request.user.authid
    return answer(await asyncio.to_thread(again.enable, service.store, endpoint, now, who, body.reason))


def _declared(endpoints_: dict[str, Any], name: str) -> None:
    if name not in endpoints_:
        raise NotFound(
            f"The policy has no endpoint {name}.", f"It has: {', '.join(sorted(endpoints_)) or 'none'}."
        )


HANDLERS = [
    list_notices,
    show_notice,
    retry_notices,
    list_webhooks,
    webhook_log,
    replay_webhook,
    enable_webhook,
]
