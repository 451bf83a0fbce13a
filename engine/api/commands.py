"""`POST /v1/orders/{order}/commands`: what people tell the engine to do with an order, once for each key."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast
from urllib.parse import unquote

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import Meta

from engine.api.once import DryRun, KeyHeader, MatchHeader, Trial, Work, asked, once, response
from engine.api.problems import KeyInFlight
from engine.api.service import ApiRequest, json_of, service_of
from engine.commands import orders
from engine.commands.orders import CommandAnswer
from engine.commands.sending import Sending, remembered
from engine.errors import NotFound
from engine.intake.model import Incoming
from engine.views.queries import Reading


class CommandBody(msgspec.Struct, forbid_unknown_fields=True):
    """`type` is one of hold, release, unfreeze, note, assign, review, cancel, complete, correct, skip, or the event type
    itself; `data` its fields; `reason` why, kept with it."""

    type: Annotated[str, Meta(min_length=1, max_length=64)]
    data: dict[str, Any] = {}
    reason: Annotated[str, Meta(max_length=2000)] = ""


_body = msgspec.json.Decoder(CommandBody).decode


@post(
    "/v1/orders/{order:str}/commands",
    status_code=200,
    action="read",
    operation_id="postCommand",
    body={"application/json": CommandBody},
    tags=["commands"],
    responses={
        200: ResponseSpec(
            cast("type[CommandAnswer]", CommandAnswer | DryRun),
            description="Carried out",
            generate_examples=False,
        )
    },
)
async def command(
    request: ApiRequest,
    order: FromPath[str],
    idempotency_key: KeyHeader = None,
    if_match: MatchHeader = None,
    dry_run: Trial = False,
) -> Response[bytes]:
    """Command something of an order. Needs the role's action of that command, such as `order.held`."""
    service = service_of(request)
    how = asked(request, idempotency_key, if_match, dry_run)
    body = await json_of(request, _body, service.in_force.intake.max_event_bytes)
    request.user.may(orders.type_of(body.type).rpartition(".")[0])
    subject = await service.look(lambda reading: order_of(reading, order))

    def prepared(how: Sending) -> Incoming:
        return orders.prepare(subject, body.type, body.data, body.reason, how)

    return await once(request, service, how, [subject, body], Work(prepared, orders.try_out, orders.done))


@get(
    "/v1/commands/{key:str}",
    operation_id="getCommand",
    tags=["commands"],
    responses={200: ResponseSpec(CommandAnswer, description="What was answered", generate_examples=False)},
)
async def command_status(request: ApiRequest, key: FromPath[str]) -> Response[bytes]:
    """What became of a command of yours: the answer given to it, or the problem."""
    service = service_of(request)
    own = f"{request.user.authid} {unquote(key)}"
    answered = await asyncio.to_thread(remembered, service.store, own)
    if answered is None:
        if own in service.in_flight:
            raise KeyInFlight(f"The command {key} is being carried out.", "Ask again in a second.")
        raise NotFound(
            f"You have sent no command under the key {key}.", "Or it was never carried out: send it again."
        )
    return response(200, answered.answer)


def order_of(reading: Reading, name: str) -> str:
    """Any of an order's numbers, percent-decoded, → its subject. NotFound, also for what no order is known by yet."""
    subject = reading.resolve(unquote(name))
    if not subject.startswith("order/"):
        raise NotFound(
            f"{subject} waits for its order; it is none itself.", "Send the command once the order is known."
        )
    return subject


HANDLERS = [command, command_status]
