"""Every error as a problem document (RFC 9457): `application/problem+json`, type `urn:orderfold:problem:<slug>`.

Beside the errors of `engine.errors` there are those only HTTP knows:

    Unsupported        415   a media type, or an encoding, nothing here reads
    TooLarge           413   a body or a batch beyond its limit
    EventRefused       422   a single event intake did not take; it is kept as a dead letter
    Diverged           409   its source and id are known with other data; kept as a dead letter
    TooManyStreams     429   its source has opened too many new streams this minute
    Unauthenticated    401   no credential, or none we know
    KeyMissing         400   a command without Idempotency-Key
    KeyInFlight        409   a command under that key is being carried out
    KeyReused          422   the key was used for another command
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from engine.errors import Busy, OrderfoldError, Refused, StoreError, UsageError

MEDIA_TYPE = "application/problem+json"
URN = "urn:orderfold:problem:"

_TRACE = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_ELSEWHERE = {
    404: "There is nothing here. GET /openapi.json tells what there is.",
    405: "That cannot be done here. GET /openapi.json tells what can.",
}
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("orderfold.api")


class Unsupported(UsageError):
    title = "Unsupported media type"
    slug = "unsupported-media-type"
    status = 415


class TooLarge(UsageError):
    title = "Too large"
    slug = "too-large"
    status = 413


class EventRefused(UsageError):
    title = "The event was not taken"
    slug = "event-refused"
    status = 422


class Diverged(Refused):
    title = "The event is known with other data"
    slug = "divergent"


class TooManyStreams(Refused):
    title = "Too many new streams"
    slug = "too-many-streams"
    status = 429


class Unauthenticated(Refused):
    title = "No credential"
    slug = "unauthenticated"
    status = 401


class KeyMissing(UsageError):
    title = "Idempotency-Key is missing"
    slug = "key-missing"


class KeyInFlight(Refused):
    title = "The command is being carried out"
    slug = "key-in-flight"


class KeyReused(UsageError):
    title = "The key was used for another command"
    slug = "key-reused"
    status = 422


def trace_id(traceparent: str) -> str:
    """The trace of a `traceparent` (W3C Trace Context), "" where it is none."""
    found = _TRACE.match(traceparent)
    return found.group(1) if found else ""


def document(error: OrderfoldError, instance: str = "", traceparent: str = "") -> dict[str, Any]:
    """An error as the members of its problem document."""
    trace = trace_id(traceparent)
    return {
        "type": URN + error.slug,
        "title": error.title,
        "status": error.status,
        "detail": f"{error.detail} {error.remedy}".strip(),
        **({"instance": instance} if instance else {}),
        **({"traceid": trace} if trace else {}),
        **error.members,
    }


def to_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of every route."""
    traceparent = request.headers.get("traceparent", "")
    path = request.url.path
    headers: dict[str, str] = {}
    if isinstance(error, OrderfoldError):
        status = error.status
        body = document(error, path, traceparent)
        if isinstance(error, TooManyStreams | Busy | StoreError | KeyInFlight):
            headers["Retry-After"] = str(error.members.get("retry_after", 1))
        if isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="orderfold", Basic realm="orderfold"'
    else:
        body, headers = _foreign(error, path, traceparent)
        status = body["status"]
    return Response(_encode(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _foreign(error: Exception, path: str, traceparent: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What the framework raised (no such route, an unreadable parameter), or a bug of ours."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException) and error.status_code < 500:
        status, headers = error.status_code, dict(error.headers or {})
        phrase = HTTPStatus(status).phrase
        body: dict[str, Any] = {
            "type": URN + phrase.lower().replace(" ", "-"),
            "title": phrase,
            "status": status,
            "detail": _ELSEWHERE.get(status, error.detail),
            "instance": path,
        }
        if isinstance(error.extra, list):
            body["errors"] = [
                {"parameter": str(item.get("key", "")), "detail": str(item.get("message", ""))}
                for item in error.extra
                if isinstance(item, dict)
            ]
    else:
        _log.error("%s failed", path, exc_info=error)
        body = {
            "type": URN + "failed",
            "title": "Something went wrong",
            "status": 500,
            "detail": "The engine met an error of its own; its log has it. Send again, or report it with the log.",
            "instance": path,
        }
    if trace := trace_id(traceparent):
        body["traceid"] = trace
    return body, headers
