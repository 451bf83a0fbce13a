"""What an operator does to a served store: publish a policy, move the clock of one of history, work dead letters.

The command line comes here too while a server holds the store: there is one writer.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from engine import dead_letters
from engine.api.orders import Limit
from engine.api.service import ApiRequest, answer, json_of, service_of
from engine.dead_letters import Letters, Opened, Sent
from engine.errors import Invalid
from engine.settings import limits_of
from engine.views.masking import masked_json
from engine.views.queries import LIMIT, moment
from schemas.envelope import micros

Reason = Annotated[str, Meta(min_length=1, max_length=2000)]


class PolicyBody(msgspec.Struct, forbid_unknown_fields=True):
    """The whole text of streams.yaml, and why it is published."""

    text: str
    reason: Reason


class PolicyAnswer(msgspec.Struct):
    """The policy in force from now on. `hash` is the SHA-256 of its text."""

    name: str
    hash: str


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """Where to move the clock of a store of history: an RFC 3339 instant, or `now`, which makes it live."""

    to: str


class ClockAnswer(msgspec.Struct):
    """Where the store stands, and what it is now."""

    stands_at: datetime | None
    kind: str


class LettersBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which letters."""

    ids: Annotated[list[int], Meta(min_length=1, max_length=1000)]


class Dropped(msgspec.Struct):
    """How many of the letters were waiting until now."""

    dropped: int


_policy_body = msgspec.json.Decoder(PolicyBody).decode
_clock_body = msgspec.json.Decoder(ClockBody).decode
_letters_body = msgspec.json.Decoder(LettersBody).decode


@post(
    "/v1/policy",
    status_code=200,
    action="publish",
    operation_id="publishPolicy",
    body={"application/json": PolicyBody},
    tags=["operation"],
    responses={
        200: ResponseSpec(PolicyAnswer, description="In force in every partition", generate_examples=False)
    },
)
async def publish_policy(request: ApiRequest) -> Response[bytes]:
    """Check a policy and put it in force; open orders are re-targeted before this answers."""
    service = service_of(request)
    body = await json_of(request, _policy_body, service.in_force.intake.max_body_bytes)
    who = request.user
    policy = await service.on_writer(
        lambda engine: engine.publish(body.text.encode(), body.reason, who.authtype, who.authid)
    )
    service.engine.appender.limits = limits_of(service.in_force.text)
    return answer(PolicyAnswer(policy.name, policy.hash))


@post(
    "/v1/clock",
    status_code=200,
    action="operate",
    operation_id="advanceClock",
    body={"application/json": ClockBody},
    tags=["operation"],
    responses={
        200: ResponseSpec(ClockAnswer, description="Moved; what was due is done", generate_examples=False)
    },
)
async def advance_clock(request: ApiRequest) -> Response[bytes]:
    """Move the clock of a store of history; every deadline up to there is judged before this answers."""
    service = service_of(request)
    body = await json_of(request, _clock_body, service.in_force.intake.max_event_bytes)
    to = _instant(body.to)
    stands = await service.on_writer(lambda engine: engine.advance(to))
    return answer(ClockAnswer(moment(stands), service.engine.kind))


@get(
    "/v1/dead-letters",
    operation_id="listDeadLetters",
    tags=["dead letters"],
    responses={200: ResponseSpec(Letters, description="A page, oldest first", generate_examples=False)},
)
async def list_letters(
    request: ApiRequest,
    status: Annotated[
        str, QueryParameter(description="waiting, replayed or dropped; empty for all")
    ] = dead_letters.WAITING,
    reason: FromQuery[str] = "",
    source: FromQuery[str] = "",
    limit: Limit = LIMIT,
    after: FromQuery[int] = 0,
) -> Response[bytes]:
    """What intake did not take, and why."""
    store = service_of(request).store
    found = await asyncio.to_thread(
        lambda: dead_letters.letters(
            store, status=status, reason=reason, source=source, limit=limit, after=after
        )
    )
    return answer(found)


@get(
    "/v1/dead-letters/{id:int}",
    action="operate",
    operation_id="getDeadLetter",
    tags=["dead letters"],
    responses={200: ResponseSpec(Opened, description="With its bytes", generate_examples=False)},
)
async def show_letter(request: ApiRequest, id: FromPath[int]) -> Response[bytes]:
    """One dead letter with its bytes, the values of personal fields masked; what is no JSON may hold more."""
    found = await asyncio.to_thread(dead_letters.opened, service_of(request).store, id)
    return answer(
        msgspec.structs.replace(found, raw=masked_json(found.raw), stored=masked_json(found.stored))
    )


@post(
    "/v1/dead-letters/replay",
    status_code=200,
    action="operate",
    operation_id="replayDeadLetters",
    body={"application/json": LettersBody},
    tags=["dead letters"],
    responses={200: ResponseSpec(list[Sent], description="What became of each", generate_examples=False)},
)
async def replay_letters(request: ApiRequest) -> Response[bytes]:
    """Send dead letters through intake again, under the policy in force now."""
    service = service_of(request)
    body = await json_of(request, _letters_body, service.in_force.intake.max_event_bytes)
    rules, who = service.in_force.rules, request.user.credential
    return answer(await service.on_writer(lambda engine: dead_letters.replay(engine, body.ids, rules, who)))


@post(
    "/v1/dead-letters/drop",
    status_code=200,
    action="operate",
    operation_id="dropDeadLetters",
    body={"application/json": LettersBody},
    tags=["dead letters"],
    responses={200: ResponseSpec(Dropped, description="Counted no longer", generate_examples=False)},
)
async def drop_letters(request: ApiRequest) -> Response[bytes]:
    """Say that dead letters need nobody any more."""
    service = service_of(request)
    body = await json_of(request, _letters_body, service.in_force.intake.max_event_bytes)
    return answer(Dropped(await service.on_writer(lambda engine: dead_letters.drop(engine, body.ids))))


def _instant(to: str) -> int | None:
    """None for `now`, else µs UTC."""
    if to == "now":
        return None
    try:
        return micros(msgspec.convert(to, datetime))
    except (msgspec.ValidationError, ValueError):
        said = f"{to!r} is no instant; write RFC 3339, as 2026-11-22T20:00:00Z, or now"
        raise Invalid(f"/to: {said}.", errors=[{"pointer": "/to", "detail": said}]) from None


HANDLERS = [
    publish_policy,
    advance_clock,
    list_letters,
    show_letter,
    replay_letters,
    drop_letters,
]
