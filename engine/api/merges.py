"""`/v1/merges`: what travels together, what waits for an answer, why, and the answer; `/v1/customers`: who ordered what."""

from __future__ import annotations

from typing import Annotated, cast
from urllib.parse import unquote

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from engine.api.once import DryRun, KeyHeader, MatchHeader, Trial, Work, asked, once
from engine.api.service import ApiRequest, Wait, answer, json_of, service_of
from engine.commands import merges as commands
from engine.commands.merges import Done
from engine.commands.sending import Sending
from engine.intake.model import Incoming
from engine.views import customers as customer_views
from engine.views import merges as views
from engine.views.customers import Customer
from engine.views.merges import MergePage, MergeShown, MergeWhy
from engine.views.queries import LIMIT, LIMIT_MAX


class MergeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`type` is one of accept, refuse, undo, or the event type itself; `names` a merge as lists name it, or the orders by any
    of their numbers; `reason` is kept with the merge."""

    type: Annotated[str, Meta(min_length=1, max_length=64)]
    names: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=300)]], Meta(min_length=1, max_length=20)
    ]
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


_body = msgspec.json.Decoder(MergeBody).decode


@get(
    "/v1/merges",
    operation_id="listMerges",
    tags=["merges"],
    responses={
        200: ResponseSpec(MergePage, description="Batches, then suggestions", generate_examples=False)
    },
)
async def list_merges(
    request: ApiRequest,
    status: Annotated[
        str, QueryParameter(description=f"One of {', '.join(views.STATUSES)}; else what is open")
    ] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="At most this many")] = LIMIT,
    wait: Wait = "",
) -> Response[bytes]:
    """What travels together, and what waits for a yes or no, the surest first."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(lambda reading: views.merges(reading, status, limit)))


@get(
    "/v1/merges/why",
    operation_id="explainMerge",
    tags=["merges"],
    responses={
        200: ResponseSpec(MergeWhy, description="The answer, and all that was asked", generate_examples=False)
    },
)
async def why_merge(
    request: ApiRequest,
    a: Annotated[str, QueryParameter(description="One order, by any of its numbers")],
    b: Annotated[str, QueryParameter(description="The other")],
    wait: Wait = "",
) -> Response[bytes]:
    """Why two orders travel together or do not; also of such as were never compared."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(lambda reading: views.why(reading, a, b)))


@get(
    "/v1/merges/{merge:str}",
    operation_id="getMerge",
    tags=["merges"],
    responses={
        200: ResponseSpec(MergeShown, description="With its orders and history", generate_examples=False)
    },
)
async def show_merge(request: ApiRequest, merge: FromPath[str], wait: Wait = "") -> Response[bytes]:
    """One suggestion or batch, by its name (percent-encoded) or by any number of an order that has one."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(lambda reading: views.show(reading, unquote(merge))))


@post(
    "/v1/merges/commands",
    status_code=200,
    action="read",
    operation_id="postMergeCommand",
    body={"application/json": MergeBody},
    tags=["commands"],
    responses={
        200: ResponseSpec(
            cast("type[Done]", Done | DryRun), description="Carried out", generate_examples=False
        )
    },
)
async def command_merge(
    request: ApiRequest,
    idempotency_key: KeyHeader = None,
    if_match: MatchHeader = None,
    dry_run: Trial = False,
) -> Response[bytes]:
    """Let orders travel together, keep them apart, undo a batch. Needs the role's action of that command, such as
    `merge.accepted`."""
    service = service_of(request)
    how = asked(request, idempotency_key, if_match, dry_run)
    body = await json_of(request, _body, service.in_force.intake.max_event_bytes)
    request.user.may(commands.type_of(body.type).rpartition(".")[0])

    def prepared(how: Sending) -> Incoming:
        what = commands.target(service.reading(), body.type, body.names)
        return commands.prepare(what, body.type, body.reason, how)

    return await once(request, service, how, ["merge", body], Work(prepared, commands.try_out, commands.done))


@get(
    "/v1/customers",
    operation_id="getCustomer",
    tags=["merges"],
    responses={
        200: ResponseSpec(Customer, description="Masked; links with their evidence", generate_examples=False)
    },
)
async def show_customer(request: ApiRequest, of: FromQuery[str], wait: Wait = "") -> Response[bytes]:
    """A customer's orders of the last days, by an order, phone, login account, e-mail or id number."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(lambda reading: customer_views.customer(reading, of)))


HANDLERS = [list_merges, why_merge, show_merge, command_merge, show_customer]
