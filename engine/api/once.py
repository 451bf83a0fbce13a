"""A command is carried out once for each key it is sent under (draft-ietf-httpapi-idempotency-key-header).

Sent again it is answered as before, `Idempotency-Replayed: true`. What was never carried out (it does not fit, things do not
allow it) is not kept: the same key may be used once that is put right. A command refused because somebody else was first
is kept as refused. Keys are everybody's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import HeaderParameter, QueryParameter

from engine.api.problems import KeyInFlight, KeyMissing, KeyReused, document, trace_id
from engine.api.service import ApiRequest, Service
from engine.commands.sending import Remembered, Sending, remember, remembered, shown
from engine.errors import Stale, UsageError
from engine.intake.model import Incoming
from engine.workers.embedded import Engine

KEY_LENGTH_MAX = 255

KeyHeader = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Names the command; required, quoted or not"),
]
MatchHeader = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description='The version its stream must have, as `"42"`'),
]
Trial = Annotated[bool, QueryParameter(description="Say what would be appended, and append nothing")]

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


class DryRun(msgspec.Struct):
    """The event a command would append."""

    would_append: dict[str, Any]


class Asked(msgspec.Struct, frozen=True):
    """How a command was asked for: `own` is its key as kept, `expected` the version its stream must have, 0 for any."""

    own: str
    key: str
    expected: int
    dry_run: bool


class Work(msgspec.Struct, frozen=True):
    """What makes a command out of what was asked, in a thread of its own; tries it; and carries it out under its key, with its
    answer. Nothing of it is done for a command that was answered before."""

    prepare: Callable[[Sending], Incoming]
    try_out: Callable[[Engine, Incoming], None]
    done: Callable[[Engine, Incoming, str], Any]


def asked(request: ApiRequest, key: str | None, if_match: str | None, dry_run: bool) -> Asked:
    """The headers of a command. KeyMissing, UsageError where they make no sense."""
    name = _key(key)
    return Asked(f"{request.user.authid} {name}", name, _version(if_match), dry_run)


async def once(
    request: ApiRequest, service: Service, how: Asked, what: list[Any], work: Work
) -> Response[bytes]:
    """The answer to a command; `what` is all that makes it another command under the same key."""
    if how.own in service.in_flight:
        raise KeyInFlight(
            f"A command under the key {how.key} is being carried out.", "Send it again in a second."
        )
    service.in_flight.add(how.own)
    try:
        return await _once(request, service, how, what, work)
    finally:
        service.in_flight.discard(how.own)


async def _once(
    request: ApiRequest, service: Service, how: Asked, what: list[Any], work: Work
) -> Response[bytes]:
    fingerprint = sha256(_canonical([*what, how.expected])).digest()
    if not how.dry_run:
        answered = await asyncio.to_thread(remembered, service.store, how.own)
        if answered is not None:
            return _again(how.key, answered, fingerprint)
    traceparent = request.headers.get("traceparent", "")
    sending = Sending(
        request.user.credential,
        how.key,
        service.in_force.rules,
        service.engine.clock(),
        how.expected,
        traceparent if trace_id(traceparent) else "",
    )
    incoming = await asyncio.to_thread(work.prepare, sending)
    if how.dry_run:
        await service.on_writer(lambda engine: work.try_out(engine, incoming))
        return response(200, _encode(DryRun(shown(incoming))))
    path = request.url.path

    def carried_out(engine: Engine) -> Remembered:
        try:
            done = Remembered(fingerprint, 200, _encode(work.done(engine, incoming, how.key)))
        except Stale as stale:
            problem = document(stale, path, traceparent)
            refused = _encode({**problem, "outcome": "refused", "key": how.key})
            done = Remembered(fingerprint, stale.status, refused)
        remember(engine, how.own, done)
        return done

    done = await service.on_writer(carried_out)
    return response(done.status, done.answer)


def _again(key: str, answered: Remembered, fingerprint: bytes) -> Response[bytes]:
    if answered.fingerprint != fingerprint:
        raise KeyReused(f"The key {key} was used for another command.", "Give each command a key of its own.")
    again = response(answered.status, answered.answer)
    again.headers["Idempotency-Replayed"] = "true"
    return again


def response(status: int, answer: bytes) -> Response[bytes]:
    """An answer as it is kept: JSON, or a problem document."""
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
