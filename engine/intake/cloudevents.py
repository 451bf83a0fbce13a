"""A CloudEvents 1.0 event as bytes → `Incoming`, or `Refused` with the place and the way out.

Structured JSON is what files and HTTP carry; binary mode and batches are turned into it here. This is the hot
path of every import: one decoder for the envelope, one for the data of each type, checks that cost nothing
when they hold, and messages made only when they do not.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from engine.intake import subjects
from engine.intake.model import Credential, Incoming, Refused, Rules
from engine.intake.places import NOT_JSON, json_fault, shape_fault
from schemas.data import decode_lenient, decoder_of
from schemas.derived import Derived
from schemas.envelope import CloudEvent, Event, micros, rfc3339
from schemas.registry import TYPES
from schemas.upcasts import latest

ATTRIBUTE_LENGTH_MAX = 256
UNKNOWN_PATHS_MAX = 32


_envelope = msgspec.json.Decoder(CloudEvent).decode
_any_json = msgspec.json.Decoder().decode
_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_JSON_TYPE = re.compile(r"[^/;\s]+/(?:[^/;\s]+\+)?json\s*(?:;.*)?", re.IGNORECASE).fullmatch
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_MISSING = re.compile(r"Object missing required field `(\w+)`").fullmatch
_INDEX = re.compile(r"/\d+(?=/|$)")

_TO_COME = """
    board.listed merge.suggested merge.made merge.declined merge.expired batch.dissolved node.suspended
    node.probed node.resumed channel.silent channel.resumed dispatch.paused dispatch.resumed diagnosis.made
    reconciliation.differed reconciliation.settled
"""
_RESERVED = frozenset(
    [name.rpartition(".")[0] for name, spec in TYPES.items() if spec.reserved] + _TO_COME.split()
)
"""Names, without version, that only the engine writes (DOMAIN.md, "decisions" and "system"); those it does
not write yet are kept from senders now, since a later release will read them as its own."""

_PERSON = frozenset(name.rpartition(".")[0] for name, spec in TYPES.items() if spec.person)


class _Plan:
    """How events of one type are checked."""

    __slots__ = ("decode", "derives", "fits", "kinds", "latest", "person", "reserved")

    def __init__(self, type_: str) -> None:
        name = type_.rpartition(".")[0]
        self.kinds = subjects.kinds_of(type_)
        self.fits = subjects.matcher(self.kinds)
        self.decode: Callable[[bytes], Any] | None = decoder_of(type_)
        self.latest = latest(type_)
        self.reserved = name in _RESERVED
        self.person = name in _PERSON
        self.derives = self.latest == "order.placed.v1"


_PLANS: dict[str, _Plan] = {name: _Plan(name) for name in TYPES}
_UNKNOWN_PLANS_KEPT = 1024
_unknown_plans: dict[str, _Plan] = {}


def decode(raw: bytes, rules: Rules, credential: Credential, now: int, historical: bool) -> Incoming:
    """One structured event → Incoming.

    `now` is the wall clock in µs UTC; `historical` events are judged by when they arrived, if they say so. An
    unknown type, or an unknown version of a known one, is taken with data None once its data is JSON. A
    `partitionkey` is taken for returns only; any other stream is its own key (""), so that none is ever
    split. Raises Refused (REASONS).
    """
    if len(raw) > rules.max_event_bytes:
        raise _oversize(rules)
    try:
        sent = _envelope(raw)
    except NOT_JSON as error:
        raise _unreadable(raw, error) from None

    type_, subject, source = sent.type, sent.subject, sent.source
    plan = _PLANS.get(type_) or _unknown_plan(type_)
    if sent.specversion != "1.0":
        raise _wrong_version(sent.specversion)
    if (
        not sent.id
        or not source
        or len(sent.id) > ATTRIBUTE_LENGTH_MAX
        or len(source) > ATTRIBUTE_LENGTH_MAX
        or not sent.id.isprintable()
        or not source.isprintable()
    ):
        raise _bad_attribute(sent)
    engines = source.startswith("/orderfold/") or source == "/orderfold"
    if plan.reserved or ((plan.person or engines) and not credential.command):
        raise _not_theirs(type_, source, plan)
    if (
        subject is None
        or len(subject) > subjects.LENGTH_MAX
        or not subject.isprintable()
        or not plan.fits(subject)
    ):
        raise subjects.refusal(subject, type_, plan.kinds)

    time, arrived = _instants(sent, rules, now, historical)

    data, typed, unknown = _data_of(sent, plan)
    channel = credential.channel or rules.channel_of(source)
    event = Event(
        plan.latest,
        subject,
        sent.id,
        source,
        time,
        typed,
        channel,
        timemissing=sent.time is None,
        timeinferred=sent.timeinferred is True,
        historical=historical,
        authtype=credential.authtype,
        authid=credential.authid,
    )
    if plan.derives and typed is not None and (typed.customer is not None or typed.address is not None):
        event.derived = _derived(event, rules)
    if (
        sent.correlationid
        or sent.causationid
        or sent.traceparent
        or sent.partitionkey
        or sent.expectedversion
        or sent.channel
        or sent.authid
    ):
        _carry(sent, event)
    return Incoming(event, data, arrived, unknown)


def _derived(event: Event, rules: Rules) -> Derived | None:
    # Loaded with the first order that names somebody: no other store pays for the tables.
    from engine.intake.normalise import derive

    return derive(event.type, event.data, rules.country_of(event.channel), event.channel)


def binary(headers: Mapping[str, str], body: bytes) -> bytes:
    """HTTP binary mode → the structured event it stands for, `body` embedded as it came.

    Header names in any case. Values are unquoted, then percent-decoded once, as the HTTP binding's 3.1.3.2
    asks; raises Refused (`bad-attribute`) for a sequence that is not UTF-8, `broken-json` for a body that is
    none.
    """
    attributes: dict[str, Any] = {}
    content_type = None
    for name, value in headers.items():
        name = name.lower()
        if name == "content-type":
            content_type = value.strip()
        elif name.startswith("ce-"):
            attributes[name[3:]] = _header(name, value)
    if "specversion" not in attributes:
        raise Refused(
            "not-cloudevent",
            "the header ce-specversion is missing: send application/cloudevents+json,"
            " or ce-specversion, ce-id, ce-source, ce-type and ce-subject beside the data.",
        )
    # In headers everything is text; these two attributes are not.
    if attributes.get("timeinferred") in ("true", "false"):
        attributes["timeinferred"] = attributes["timeinferred"] == "true"
    if re.fullmatch(r"\d{1,18}", attributes.get("expectedversion", "")):
        attributes["expectedversion"] = int(attributes["expectedversion"])
    for taken in ("data", "data_base64", "datacontenttype"):
        attributes.pop(taken, None)
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    if body and (content_type is None or _JSON_TYPE(content_type)):
        try:
            _any_json(body)
        except NOT_JSON as error:
            raise Refused("broken-json", f"the body: {json_fault(body, error)}; send UTF-8 JSON.") from None
        attributes["data"] = msgspec.Raw(body)
    return _encode(attributes)


def batch(body: bytes) -> list[bytes]:
    """`application/cloudevents-batch+json` → its events, each the bytes it came as. Raises Refused for what
    is no JSON array; what is wrong with one event is for `decode` to say."""
    try:
        return [bytes(raw) for raw in _batch(body)]
    except NOT_JSON as error:
        if isinstance(error, msgspec.ValidationError):
            raise Refused("not-cloudevent", "a batch is a JSON array of events: [{…}, {…}].") from None
        raise Refused(
            "broken-json", f"the batch: {json_fault(body, error)}; send a JSON array of events."
        ) from None


def _instants(sent: CloudEvent, rules: Rules, now: int, historical: bool) -> tuple[int, int]:
    """(time, arrived) in µs UTC, judged: not before the store's beginning, not ahead of when it was
    received."""
    time = arrived = 0
    if sent.time is not None:
        time = _instant("time", sent.time)
        if time < rules.earliest:
            raise _too_early("time", sent.time, rules)
    ceiling = now
    if historical:
        arrived = time
        if sent.arrivedtime is not None:
            arrived = _instant("arrivedtime", sent.arrivedtime)
            if arrived < rules.earliest:
                raise _too_early("arrivedtime", sent.arrivedtime, rules)
            if arrived > now + rules.max_ahead:
                raise _too_far_ahead("arrivedtime", sent.arrivedtime, now, rules)
            ceiling = arrived
        elif sent.time is None:
            raise Refused(
                "bad-time",
                "/time is missing: a historical event needs time, or arrivedtime, as 2026-11-22T20:00:00Z.",
            )
    if sent.time is not None and time > ceiling + rules.max_ahead:
        raise _too_far_ahead("time", sent.time, ceiling, rules)
    return time, arrived


def _instant(name: str, value: datetime) -> int:
    try:
        return micros(value)
    except (ValueError, OverflowError) as error:
        raise Refused("bad-time", f"/{name}: {error}") from None


def _unknown_plan(type_: str) -> _Plan:
    """The plan of a type this release does not know. Kept for the next one, within a bound: senders choose
    types."""
    plan = _unknown_plans.get(type_)
    if plan is None:
        if not type_ or len(type_) > ATTRIBUTE_LENGTH_MAX or not type_.isprintable():
            raise Refused(
                "bad-attribute",
                f"/type {type_[:80]!a} is not 1 to {ATTRIBUTE_LENGTH_MAX} printable characters;"
                " write it as order.placed.v1.",
            )
        if len(_unknown_plans) >= _UNKNOWN_PLANS_KEPT:
            _unknown_plans.clear()
        plan = _unknown_plans[type_] = _Plan(type_)
    return plan


def _leniently(type_: str, data: bytes, error: msgspec.ValidationError) -> tuple[Any, tuple[str, ...]]:
    """Data its decoder would not take: unknown fields are dropped from the typed view; anything else refuses
    it."""
    if "unknown field" in str(error):
        try:
            typed, paths = decode_lenient(type_, data)
        except msgspec.ValidationError as deeper:
            error = deeper
        else:
            found = dict.fromkeys(_INDEX.sub("/*", path) for path in paths)
            return typed, tuple(found)[:UNKNOWN_PATHS_MAX]
    pointer, said = shape_fault(error)
    hint = "; money is whole minor units (12.34 is 1234)" if "`int`, got `float`" in said else ""
    if not data:
        raise Refused("bad-data", f"/data is missing: {said}; see schemas/json/{type_}.json.") from None
    raise Refused("bad-data", f"/data{pointer}: {said}{hint}; see schemas/json/{type_}.json.") from None


def _unreadable(raw: bytes, error: Exception) -> Refused:
    """The envelope could not be decoded: which of the ways, and where."""
    if not isinstance(error, msgspec.ValidationError):
        return Refused("broken-json", f"{json_fault(raw, error)}; send one UTF-8 JSON object per event.")
    pointer, said = shape_fault(error)
    if pointer in ("/time", "/arrivedtime"):
        return Refused("bad-time", f"{pointer}: {said}; write RFC 3339, as 2026-11-22T20:00:00Z.")
    if pointer:
        return Refused("bad-attribute", f"{pointer}: {said}; see CloudEvents 1.0, JSON format, 2.2.")
    if missing := _MISSING(said):
        reason = "not-cloudevent" if missing[1] == "specversion" else "bad-attribute"
        return Refused(
            reason, f"/{missing[1]} is missing; an event needs specversion, id, source, type and subject."
        )
    if "got `array`" in said:
        return Refused(
            "not-cloudevent",
            "a JSON array where one event was expected: one event per line, or send it as a batch.",
        )
    return Refused("not-cloudevent", f"{said}; an event needs specversion, id, source, type and subject.")


def _bad_attribute(sent: CloudEvent) -> Refused:
    for name, value in (("id", sent.id), ("source", sent.source)):
        if not value:
            return Refused("bad-attribute", f"/{name} is empty; source and id together name the event.")
        if len(value) > ATTRIBUTE_LENGTH_MAX:
            return Refused(
                "bad-attribute",
                f"/{name} has {len(value)} characters; at most {ATTRIBUTE_LENGTH_MAX} are taken."
                " Send a shorter one, or a hash of it.",
            )
        if not value.isprintable():
            return Refused(
                "bad-attribute",
                f"/{name} holds characters that cannot be printed: {value!a}; leave them out.",
            )
    raise AssertionError("id and source hold")


def _wrong_version(specversion: str) -> Refused:
    return Refused(
        "not-cloudevent", f"/specversion is {specversion[:40]!r}; this engine speaks CloudEvents 1.0."
    )


def _data_of(sent: CloudEvent, plan: _Plan) -> tuple[bytes, Any, tuple[str, ...]]:
    """The data as received, typed (None where the type is not known), and the paths of fields not known."""
    if sent.datacontenttype is not None and not _JSON_TYPE(sent.datacontenttype):
        raise Refused(
            "not-json-data",
            f"/datacontenttype is {sent.datacontenttype!r}; send JSON, as application/json, or leave it out.",
        )
    data = bytes(sent.data) if sent.data_base64 is None else _from_base64(sent)
    if data == b"null":
        data = b""
    typed = None
    unknown: tuple[str, ...] = ()
    try:
        if plan.decode is not None:
            typed = plan.decode(data or b"{}")
        elif data:
            _any_json(data)
    except msgspec.ValidationError as error:
        typed, unknown = _leniently(sent.type, data, error)
    except NOT_JSON as error:
        raise Refused(
            "broken-json", f"/data: {json_fault(data, error)}; send UTF-8 JSON, nested less than 500 deep."
        ) from None
    return data, typed, unknown


def _not_theirs(type_: str, source: str, plan: _Plan) -> Refused:
    """Whoever may send may not decide, nor speak for a person or for the engine."""
    if plan.reserved:
        return Refused(
            "reserved-type",
            f"/type {type_!r} is written by the engine only; send what happened, not what it decides.",
        )
    if plan.person:
        return Refused(
            "person-type",
            f"/type {type_!r} is a person's act: send it as a command, POST /v1/orders/<order>/commands.",
        )
    return Refused(
        "reserved-source",
        f"/source {source!r} is the engine's own; name the sender, as /channels/<channel>/<shop>.",
    )


def _oversize(rules: Rules) -> Refused:
    return Refused(
        "oversize",
        f"larger than {rules.max_event_bytes} bytes (intake.max_event_bytes);"
        " send what is big by reference, or split the event.",
    )


def _too_early(name: str, instant: datetime, rules: Rules) -> Refused:
    return Refused(
        "too-early",
        f"/{name} {instant.isoformat()} is before {rfc3339(rules.earliest)} (intake.earliest);"
        " correct it, or set intake.earliest before the store's first import.",
    )


def _too_far_ahead(name: str, instant: datetime, ceiling: int, rules: Rules) -> Refused:
    return Refused(
        "too-far-ahead",
        f"/{name} {instant.isoformat()} is more than {rules.max_ahead // 1_000_000} s after"
        f" {rfc3339(ceiling)}, when it was received; set the sender's clock or zone right and send it again.",
    )


def _from_base64(sent: CloudEvent) -> bytes:
    if sent.data:
        raise Refused("bad-attribute", "/data and /data_base64 exclude each other; send one.")
    try:
        return b64decode(sent.data_base64 or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("bad-attribute", f"/data_base64: {error}; send data as JSON in /data.") from None


def _carry(sent: CloudEvent, event: Event) -> None:
    """Attributes few events have: carried along, or what the sender claimed of itself where intake knows
    otherwise."""
    event.correlationid = _checked("correlationid", sent.correlationid)
    event.causationid = _checked("causationid", sent.causationid)
    event.expectedversion = sent.expectedversion or 0
    # A broken trace starts anew at the next hop (W3C Trace Context, 3.2): no reason to lose the event.
    if sent.traceparent and _TRACEPARENT(sent.traceparent):
        event.traceparent = sent.traceparent
    if event.subject.startswith("return/"):
        event.partitionkey = _checked("partitionkey", sent.partitionkey)
    claims = []
    if sent.channel and sent.channel != event.channel:
        claims.append(f"channel:{_checked('channel', sent.channel)}")
    if sent.authid and sent.authid != event.authid:
        claims.append(f"authid:{_checked('authid', sent.authid)}")
    event.claimedby = " ".join(claims)


def _checked(name: str, value: str | None) -> str:
    if not value:
        return ""
    if len(value) > ATTRIBUTE_LENGTH_MAX or not value.isprintable():
        raise Refused(
            "bad-attribute",
            f"/{name} must be at most {ATTRIBUTE_LENGTH_MAX} printable characters; shorten it.",
        )
    return value


def _header(name: str, value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeError:
        raise Refused(
            "bad-attribute",
            f"the header {name} is not UTF-8 once percent-decoded; encode each byte of it as %XX.",
        ) from None
