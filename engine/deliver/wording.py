"""Notices in words: the policy's templates, filled from the decision's data and from what is known of what it speaks of.

A template's variables are those of `schemas.vocabulary.NOTICES`, which its check holds it to; most are fields of the decision's
data. How a value is written goes by its name: instants in the zone of the order's channel, durations as people say them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.deliver.outbox import Intent
from engine.errors import NotFound
from engine.store.record import decode
from engine.views.queries import Reading
from projections.days import span
from projections.row import Row
from schemas.envelope import EPOCH, Event
from schemas.policy import PolicyText

INSTANTS = frozenset({"due", "since", "until", "expires", "oldest"})
DURATIONS = frozenset({"used", "target", "usual", "lasted"})
"""Names of variables that are written as instants, and as durations."""

LINKS = {
    "frozen": "/orders?frozen=true",
    "breached": "/orders?overdue=true",
    "escalated": "/orders?overdue=true",
    "limbo": "/orders?limbo=true",
}
"""Where the board shows all of a kind; for others it is the list of work."""

DIGEST = "{count} times {kind} between {since} and {until}. The oldest: {oldest} {link}"
"""The digest's words where the policy has none."""


class Subject(msgspec.Struct):
    """What an intent speaks of, as it stands now: its decision, and its row where it has one."""

    event: Event
    raw: bytes
    row: Row | None
    owner: str = ""
    group: str = ""


def subject_of(intent: Intent, reading: Reading) -> Subject:
    """Read the decision and its stream. NotFound where the store does not hold the receipt."""
    with reading.store.read() as cursor:
        found = reading.store.recorders[intent.partition].at(cursor, intent.position)
    record = decode(*found) if found is not None else None
    if record is None or not intent.id.startswith(record.event.id):
        raise NotFound(f"The store has no decision {intent.id}.", "It was restored from an older copy?")
    try:
        row = reading.row(intent.subject)
    except NotFound:
        return Subject(record.event, record.data, None)
    return Subject(record.event, record.data, row, *reading.owner(row))


def worded(intent: Intent, of: Subject, reading: Reading, text: PolicyText) -> str:
    """The notice itself."""
    return text.notices[intent.kind].text.format_map(_Spoken(variables(intent, of, reading, text)))


def digest(
    kind: str, count: int, oldest: str, span_: tuple[int, int], text: PolicyText, link: str, zone: str
) -> str:
    """Many of one kind in a few words; `oldest` is the first one's own text, `span_` when the first and the last were."""
    values = {
        "count": f"{count:,}",
        "kind": kind,
        "oldest": oldest,
        "since": _instant(span_[0], zone),
        "until": _instant(span_[1], zone),
        "link": link,
    }
    template = text.notices["digest"].text if "digest" in text.notices else DIGEST
    return template.format_map(values).rstrip()


def link_of(kind: str, base: str) -> str:
    """Where the board shows all of a kind; "" without an address of it."""
    return base.rstrip("/") + LINKS.get(kind, "/todo") if base else ""


def zone_of(row: Row | None, text: PolicyText) -> str:
    """The time zone of an order's channel, else of the default one."""
    channel = text.channels.get(row.channel if row is not None else "") or text.channels[text.default_channel]
    return channel.zone


def variables(intent: Intent, of: Subject, reading: Reading, text: PolicyText) -> dict[str, str]:
    """Every variable a template of the intent's kind may use, written out."""
    zone = zone_of(of.row, text)
    data = msgspec.structs.asdict(of.event.data) if isinstance(of.event.data, msgspec.Struct) else {}
    found: dict[str, Any] = {
        "order": intent.subject.removeprefix("order/"),
        "channel": of.row.channel if of.row is not None else intent.subject.split("/")[1].partition(":")[0],
        "to": intent.recipient,
        **{name: value for name, value in (("owner", of.owner), ("group", of.group)) if value},
        **data,
    }
    if (extra := _EXTRA.get(intent.kind)) is not None:
        found |= extra(intent, of, found, reading)
    found.setdefault("owner", "nobody")
    found.setdefault("group", "no group")
    return {name: spoken(name, value, zone) for name, value in found.items()}


def spoken(name: str, value: Any, zone: str) -> str:
    """A value as people read it, by the name of its variable."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in INSTANTS:
        return _instant(value, zone) if value else "–"
    if isinstance(value, int):
        return span(value) if name in DURATIONS else f"{value:,}"
    if isinstance(value, list | tuple):
        parts = [
            " → ".join(map(str, part)) if isinstance(part, list | tuple) else spoken("", part, zone)
            for part in value
        ]
        return (
            " or ".join(parts) if any(isinstance(part, list | tuple) for part in value) else ", ".join(parts)
        )
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {spoken('', part, zone)}" for key, part in value.items())
    return "" if value is None else str(value)


def _instant(instant: int, zone: str) -> str:
    local = (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:5]}"


Extra = Callable[[Intent, Subject, Mapping[str, Any], Reading], dict[str, Any]]


def _frozen(intent: Intent, of: Subject, found: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    return {
        "event": str(found["event_type"]).rpartition(".v")[0],
        "ways_out": found["ways_out"] or "none is known",
    }


def _thawed(intent: Intent, of: Subject, found: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    return {"state": of.row.lifecycle.state if of.row is not None and of.row.lifecycle is not None else ""}


def _work(intent: Intent, of: Subject, found: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    return {"guide": found["guide"] or reading.policy.guides.get(str(found["kind"]), "")}


def _limbo(intent: Intent, of: Subject, found: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    limbo = of.row.limbo if of.row is not None else None
    return {
        "alias": intent.subject.removeprefix("alias/"),
        "waiting": limbo.waiting if limbo is not None else 0,
        "since": (limbo.since if limbo is not None else 0) or intent.at,
    }


def _correction(intent: Intent, of: Subject, found: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    if intent.type == "sla.excused.v1":
        return {"decision": f"the breach of {found['stage']}"}
    return {"decision": str(found["decision_type"]).rpartition(".v")[0]}


_EXTRA: dict[str, Extra] = {
    "frozen": _frozen,
    "thawed": _thawed,
    "work": _work,
    "limbo": _limbo,
    "correction": _correction,
}
"""Kind of notice → the variables that are no fields of its decision's data."""


class _Spoken(dict[str, str]):
    """A variable that is missing all the same (the check holds templates to those there are) keeps no notice back."""

    def __missing__(self, name: str) -> str:
        return f"({name})"
