"""`POST /v1/orders/{order}/commands`: what people tell the engine to do with an order.

Each command carries an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): sent again it is answered as before,
`Idempotency-Replayed: true`. What was never carried out (the order does not take it, the body does not fit) is not kept:
the same key may be used once that is put right. A command refused because somebody else was first is kept as refused.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Annotated, Any, cast
from urllib.parse import unquote

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter
from msgspec import Meta

from engine import commands
from engine.api.problems import KeyInFlight, KeyMissing, KeyReused, document, trace_id
from engine.api.service import ApiRequest, Service, json_of, service_of
from engine.commands import Remembered
from engine.errors import NotFound, Stale, UsageError
from engine.intake.model import Incoming
from engine.views.queries import OrderLine, Reading
from engine.workers.embedded import Engine

KEY_LENGTH_MAX = 255

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


class CommandBody(msgspec.Struct, forbid_unknown_fields=True):
    """`type` is one of hold, release, unfreeze, note, assign, review, cancel, complete, correct, skip, or the event type
    itself; `data` its fields; `reason` why, kept with it."""

    type: Annotated[str, Meta(min_length=1, max_length=64)]
    data: dict[str, Any] = {}
    reason: Annotated[str, Meta(max_length=2000)] = ""


class CommandAnswer(msgspec.Struct):
    """A command carried out: its event, and the order as the folds then had it. `outcome` is accepted, or refused."""

    outcome: str
    key: str
    type: str
    event: str
    who: str
    version: int
    order: OrderLine


class DryRun(msgspec.Struct):
    """The event a command would append."""

    would_append: dict[str, Any]


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
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", description="Names the command; required, quoted or not"),
    ] = None,
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description='The version the order must have, as `"42"`')
    ] = None,
    dry_run: Annotated[
        bool, QueryParameter(description="Say what would be appended, and append nothing")
    ] = False,
) -> Response[bytes]:
    """Command something of an order. Needs the role's action of that command, such as `order.held`."""
    service = service_of(request)
    key = _key(idempotency_key)
    expected = _version(if_match)
    body = await json_of(request, _body, service.in_force.intake.max_event_bytes)
    type_ = commands.type_of(body.type)
    request.user.may(type_.rpartition(".")[0])
    subject = await service.look(lambda reading: order_of(reading, order))
    own = f"{request.user.authid} {key}"
    if own in service.in_flight:
        raise KeyInFlight(
            f"A command under the key {key} is being carried out.", "Send it again in a second."
        )
    service.in_flight.add(own)
    try:
        return await _once(request, service, _Asked(subject, body, own, key, expected, dry_run))
    finally:
        service.in_flight.discard(own)


class _Asked(msgspec.Struct, frozen=True):
    """A command as asked for; `own` is the key as kept: everybody has keys of their own."""

    subject: str
    body: CommandBody
    own: str
    key: str
    expected: int
    dry_run: bool


async def _once(request: ApiRequest, service: Service, asked: _Asked) -> Response[bytes]:
    fingerprint = sha256(_canonical([asked.subject, asked.body, asked.expected])).digest()
    if not asked.dry_run:
        answered = await asyncio.to_thread(commands.remembered, service.store, asked.own)
        if answered is not None:
            return _again(asked.key, answered, fingerprint)
    traceparent = request.headers.get("traceparent", "")
    incoming = commands.prepare(
        asked.subject,
        asked.body.type,
        asked.body.data,
        reason=asked.body.reason,
        who=request.user.credential,
        key=asked.key,
        rules=service.in_force.rules,
        now=service.engine.clock(),
        expected=asked.expected,
        traceparent=traceparent if trace_id(traceparent) else "",
    )
    if asked.dry_run:
        await service.on_writer(lambda engine: commands.try_out(engine, incoming))
        return _response(200, _encode(DryRun(commands.shown(incoming))))
    path = request.url.path
    done = await service.on_writer(
        lambda engine: _carry_out(engine, incoming, asked, fingerprint, path, traceparent)
    )
    return _response(done.status, done.answer)


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
    answered = await asyncio.to_thread(commands.remembered, service.store, own)
    if answered is None:
        if own in service.in_flight:
            raise KeyInFlight(f"The command {key} is being carried out.", "Ask again in a second.")
        raise NotFound(
            f"You have sent no command under the key {key}.", "Or it was never carried out: send it again."
        )
    return _response(200, answered.answer)


def order_of(reading: Reading, name: str) -> str:
    """Any of an order's numbers, percent-decoded, → its subject. NotFound, also for what no order is known by yet."""
    subject = reading.resolve(unquote(name))
    if not subject.startswith("order/"):
        raise NotFound(
            f"{subject} waits for its order; it is none itself.", "Send the command once the order is known."
        )
    return subject


def _carry_out(
    engine: Engine, incoming: Incoming, asked: _Asked, fingerprint: bytes, path: str, traceparent: str
) -> Remembered:
    """On the writer's thread: carry the command out and keep what is answered to it."""
    event = incoming.event
    try:
        outcome = commands.carry_out(engine, incoming)
    except Stale as stale:
        problem = document(stale, path, traceparent)
        done = Remembered(
            fingerprint, stale.status, _encode({**problem, "outcome": "refused", "key": asked.key})
        )
    else:
        line = Reading(engine.store, engine.book, engine.clock).lines([event.subject])[event.subject]
        answer = CommandAnswer(
            "accepted", asked.key, event.type, event.id, event.authid, outcome.version, line
        )
        done = Remembered(fingerprint, 200, _encode(answer))
    commands.remember(engine, asked.own, done)
    return done


def _again(key: str, answered: Remembered, fingerprint: bytes) -> Response[bytes]:
    if answered.fingerprint != fingerprint:
        raise KeyReused(f"The key {key} was used for another command.", "Give each command a key of its own.")
    response = _response(answered.status, answered.answer)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _response(status: int, answer: bytes) -> Response[bytes]:
    return Response(
        answer,
        status_code=status,
        media_type="application/json" if status < 400 else "application/problem+json",
    )


def _key(header: str | None) -> str:
    key = (header or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not key:
        raise KeyMissing(
            "A command needs an Idempotency-Key.", "Make one up for each command; a UUID will do."
        )
    if len(key) > KEY_LENGTH_MAX or not key.isprintable():
        raise UsageError(
            f"An Idempotency-Key has at most {KEY_LENGTH_MAX} printable characters.", "A UUID will do."
        )
    return key


def _version(header: str | None) -> int:
    """`"42"`, or 42 → 42; `*` and nothing → 0, any version."""
    if header is None or header.strip() in ("", "*"):
        return 0
    text = header.strip().strip('"')
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise UsageError(f"If-Match: {header} is no version.", 'Send the ETag of the order, as "42".')
    return int(text)


HANDLERS = [command, command_status]
