"""`POST /v1/events`: CloudEvents in, over HTTP's binary, structured and batch modes; an answer once they are durable.

One event is answered for as a whole: 200, or a problem. A batch that can be read is answered 200 with an outcome for each
of its events, so that one bad event does not send the others again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, post, route
from litestar.datastructures import ResponseHeader
from litestar.enums import HttpMethod
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, QueryParameter

from engine.api.access import Actor
from engine.api.problems import Diverged, EventRefused, TooLarge, TooManyStreams, Unsupported, trace_id
from engine.api.service import ApiRequest, InForce, Service, body_of, media_type, positions, service_of
from engine.append.appender import ACCEPTED, DEAD, DIVERGENT, DUPLICATE, REFUSED, STALE, Outcome
from engine.errors import Forbidden, OrderfoldError, Refused, Stale, Unreadable
from engine.intake.cloudevents import ATTRIBUTE_LENGTH_MAX, batch, binary, decode
from engine.intake.dead_letter import dead_letter
from engine.intake.model import DeadLetter, Incoming
from engine.intake.model import Refused as IntakeRefused
from engine.intake.places import pointed
from engine.store.database import HISTORY
from engine.views.queries import OrderLine
from schemas.envelope import rfc3339

MINUTE_SECONDS = 60
HISTORICAL, FOREIGN_SOURCE, TOO_MANY = "historical", "source", "too-many-streams"
"""Reasons of the API's own for not taking an event; intake's are in engine.intake.model.REASONS."""

_encode = msgspec.json.Encoder().encode


class EventBody(msgspec.Struct):
    """A structured CloudEvent, as it is described: intake reads it by itself. `data` is as the schema of its type has it."""

    id: str
    source: str
    type: str
    subject: str
    specversion: Literal["1.0"]
    time: datetime | None = None
    data: dict[str, Any] | None = None
    data_base64: str | None = None
    datacontenttype: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    expectedversion: int | None = None


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of one event. `outcome` is accepted, duplicate, divergent (known with other data), dead (kept as a dead
    letter), stale (its `expectedversion` was not met) or refused (kept nowhere: send it again). `position` in its
    `partition` is what `?wait=` takes; `version` is the event's in its stream. `order` is what the folds made of it."""

    outcome: str
    id: str = ""
    subject: str = ""
    partition: int | None = None
    position: int | None = None
    version: int | None = None
    reason: FromQuery[str] = ""
    detail: str = ""
    order: OrderLine | None = None


class BatchAnswer(msgspec.Struct):
    """A batch's answers in its own order, their number by outcome, and the position to wait for."""

    counts: dict[str, int]
    position: str
    events: list[Answer]


class _Dated(msgspec.Struct):
    arrivedtime: Any = None


_dated = msgspec.json.Decoder(_Dated).decode


@post(
    "/v1/events",
    status_code=200,
    action="send",
    operation_id="postEvents",
    body={
        "application/cloudevents+json": EventBody,
        "application/cloudevents-batch+json": list[EventBody],
        "application/json": EventBody | list[EventBody],
    },
    tags=["events"],
    responses={
        200: ResponseSpec(
            cast("type[Answer]", Answer | BatchAnswer),
            description="Durable; what became of each event",
            generate_examples=False,
        )
    },
)
async def take_events(
    request: ApiRequest,
    wait: Annotated[
        str,
        QueryParameter(
            description="`views` (or a position): answer once the views tell of it, with what the folds made of each event"
        ),
    ] = "",
) -> Response[bytes]:
    """Take one CloudEvent (structured or binary mode) or a batch. Answers once they are durable."""
    service = service_of(request)
    now = service.in_force
    if wait:
        positions(wait)
    raws, single = _read(request, await body_of(request, now.intake.max_body_bytes), now)
    began = time.perf_counter()
    if service.engine.kind == HISTORY:
        raise _history(service)
    answers = [Answer(REFUSED)] * len(raws)
    items: list[Incoming | DeadLetter] = []
    places: list[int] = []
    trace = request.headers.get("traceparent", "")
    trace = trace if trace_id(trace) else ""
    at = service.engine.clock()
    for place, raw in enumerate(raws):
        item = _decoded(raw, now, request.user, at, trace)
        if isinstance(item, Answer):
            answers[place] = item
        else:
            items.append(item)
            places.append(place)
    outcomes: list[Outcome] = []
    if items:
        outcomes = await asyncio.wrap_future(service.writer.submit(items, written=bool(wait)))
        service.metrics.taken(items, outcomes, time.time())
    for place, item, outcome in zip(places, items, outcomes, strict=True):
        answers[place] = _answer(item, outcome)
    if wait and outcomes:
        await _tell_orders(service, answers)
    service.metrics.ack.add(time.perf_counter() - began)
    if single:
        answer = answers[0]
        if answer.outcome not in (ACCEPTED, DUPLICATE):
            raise _problem(answer)
        return _json(_encode(answer))
    if answers and all(answer.reason == TOO_MANY for answer in answers):
        raise _problem(answers[0])
    return _json(_encode(_batch_answer(answers)))


@route(
    "/v1/events",
    http_method=[HttpMethod.OPTIONS],
    status_code=200,
    action="",
    operation_id="webhookHandshake",
    tags=["events"],
    responses={200: ResponseSpec(None, description="Deliveries are welcome", generate_examples=False)},
    response_headers=[
        ResponseHeader(
            name="WebHook-Allowed-Origin", documentation_only=True, description="The origin that asked"
        ),
        ResponseHeader(
            name="WebHook-Allowed-Rate", documentation_only=True, description="Deliveries a minute, * for any"
        ),
    ],
)
async def webhook_handshake(request: ApiRequest) -> Response[None]:
    """The hand-shake of CloudEvents' HTTP web hooks: says that deliveries are welcome, and how many."""
    headers = {"Allow": "OPTIONS, POST"}
    if origin := request.headers.get("webhook-request-origin"):
        headers["WebHook-Allowed-Origin"] = origin
        headers["WebHook-Allowed-Rate"] = "*"  # what is too much is told by 503 and 429 when it is
    return Response(None, headers=headers)


def _read(request: ApiRequest, body: bytes, now: InForce) -> tuple[Sequence[bytes | DeadLetter], bool]:
    """The request as structured events, and whether it was a single one. Unreadable for a batch that is none."""
    headers = request.headers
    content_type = headers.get("content-type", "")
    name = media_type(content_type)
    if name == "application/cloudevents+json":
        return [body], True
    if name != "application/cloudevents-batch+json":
        if "ce-id" in headers or "ce-specversion" in headers or "ce-type" in headers:
            return [_binary(headers, body, request.user, now)], True
        if name != "application/json":
            raise Unsupported(
                f"{name or 'A body without content type'} is no event.",
                "Send application/cloudevents+json, application/cloudevents-batch+json or application/json,"
                " or ce-* headers beside JSON data.",
            )
        if body.lstrip()[:1] != b"[":
            return [body], True
    try:
        events = batch(body)
    except IntakeRefused as refused:
        raise Unreadable(refused.detail, reason=refused.reason) from None
    if len(events) > now.intake.max_batch:
        raise TooLarge(
            f"The batch has {len(events)} events, at most {now.intake.max_batch} are taken (intake.max_batch).",
            "Send it in parts.",
        )
    return events, False


def _binary(headers: Mapping[str, str], body: bytes, actor: Actor, now: InForce) -> bytes | DeadLetter:
    """Binary mode → the structured event; as it came, headers and all, where it cannot be one."""
    try:
        return binary(headers, body)
    except IntakeRefused as refused:
        sent = [
            (name, value)
            for name, value in headers.items()
            if name.startswith("ce-") or name == "content-type"
        ]
        head = "".join(f"{name}: {value}\r\n" for name, value in sent).encode()
        raw = (head + b"\r\n" + body)[: now.rules.max_event_bytes]
        named = (
            headers.get(f"ce-{name}", "")[:ATTRIBUTE_LENGTH_MAX]
            for name in ("subject", "type", "id", "source")
        )
        return DeadLetter(_origin(actor), refused.reason, refused.detail, raw, *named)


def _decoded(
    raw: bytes | DeadLetter, now: InForce, actor: Actor, at: int, trace: str
) -> Incoming | DeadLetter | Answer:
    """One structured event: taken, kept as a dead letter, or answered for here and kept nowhere. `at` is now in µs,
    `trace` the request's traceparent, for an event that names none."""
    if isinstance(raw, DeadLetter):
        return _letter(raw, actor)
    try:
        item = decode(raw, now.rules, actor.credential, at, False)
    except IntakeRefused as refused:
        return _letter(dead_letter(refused, raw, _origin(actor), now.rules.max_event_bytes), actor)
    event = item.event
    if not actor.sends(event.source):
        return _foreign(actor, event.id, event.subject, event.source)
    if b"arrivedtime" in raw and _dated(raw).arrivedtime is not None:
        return Answer(
            REFUSED,
            event.id,
            event.subject,
            reason=HISTORICAL,
            detail="/arrivedtime: the event is historical and this store is live. Import history into a store of its own:"
            " orderfold ingest FILE --historical --store DIR.",
        )
    if trace and not event.traceparent:
        event.traceparent = trace
    return item


def _letter(letter: DeadLetter, actor: Actor) -> DeadLetter | Answer:
    """A dead letter is kept of the sender's own sources only: nobody fills the store in another's name."""
    return letter if actor.sends(letter.source) else _foreign(actor, letter.id, letter.subject, letter.source)


def _origin(actor: Actor) -> str:
    return f"http {actor.authid}"


def _foreign(actor: Actor, id_: str, subject: str, source: str) -> Answer:
    return Answer(
        REFUSED,
        id_,
        subject,
        reason=FOREIGN_SOURCE,
        detail=f"/source: {actor.authid} may not send from {source!r}.",
    )


def _answer(item: Incoming | DeadLetter, outcome: Outcome) -> Answer:
    status = outcome.status
    if isinstance(item, DeadLetter):
        return Answer(status, item.id, item.subject, reason=item.reason, detail=item.detail)
    answer = Answer(status, item.event.id, outcome.subject, outcome.partition)
    if status == ACCEPTED:
        answer.position, answer.version = outcome.position, outcome.version
    elif status != DUPLICATE:
        answer.reason = {DIVERGENT: DIVERGENT, REFUSED: TOO_MANY, STALE: STALE}.get(status, status)
        answer.detail = outcome.detail
        if status == STALE:
            answer.version = outcome.version
        elif status == REFUSED:
            answer.partition = None
    return answer


async def _tell_orders(service: Service, answers: Sequence[Answer]) -> None:
    """Add what the folds made of the events taken, as the views tell it now."""
    known = [answer for answer in answers if answer.outcome in (ACCEPTED, DUPLICATE)]
    subjects = sorted({answer.subject for answer in known})
    lines = await service.look(lambda reading: reading.lines(subjects))
    for answer in known:
        answer.order = lines.get(answer.subject)


def _batch_answer(answers: list[Answer]) -> BatchAnswer:
    counts: dict[str, int] = {}
    reached: dict[int, int] = {}
    for answer in answers:
        counts[answer.outcome] = counts.get(answer.outcome, 0) + 1
        if answer.partition is not None and answer.position is not None:
            reached[answer.partition] = max(reached.get(answer.partition, 0), answer.position)
    position = ",".join(f"{partition}:{reached[partition]}" for partition in sorted(reached))
    return BatchAnswer(counts, position, answers)


def _problem(answer: Answer) -> OrderfoldError:
    """A single event that was not taken, as a problem."""
    members: dict[str, Any] = {"reason": answer.reason, "errors": pointed(answer.detail)}
    if answer.outcome == DEAD:
        return EventRefused(answer.detail, "It is kept as a dead letter.", **members)
    if answer.outcome == DIVERGENT:
        return Diverged(answer.detail, subject=answer.subject, reason=DIVERGENT)
    if answer.outcome == STALE:
        return Stale(answer.detail, subject=answer.subject, actual=answer.version)
    if answer.reason == TOO_MANY:
        left = MINUTE_SECONDS - int(time.time()) % MINUTE_SECONDS
        return TooManyStreams(answer.detail, subject=answer.subject, retry_after=left)
    if answer.reason == FOREIGN_SOURCE:
        return Forbidden(answer.detail, "`sources` of its token say from which it may.", **members)
    return Refused(answer.detail, **members)


def _history(service: Service) -> Refused:
    stands = rfc3339(service.engine.stands_at)
    return Refused(
        f"The store is one of history and stands at {stands}; events are not sent to it.",
        "`orderfold clock advance now` makes it live. More history is imported by `orderfold ingest FILE --historical`"
        " while no server holds the store.",
        stands_at=stands,
    )


def _json(body: bytes) -> Response[bytes]:
    return Response(body, media_type="application/json")


HANDLERS = [
    webhook_handshake,
    take_events,
]  # in this order: Litestar answers OPTIONS itself for a path that has none
