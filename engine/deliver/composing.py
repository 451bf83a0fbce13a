"""Intents → messages: what is not to be sent is recorded so, the rest gathered by recipient, kind and minute.

A minute is composed when it is over. Up to `sending.digest_over` notices become one message of as many lines; more, or more than
the way there takes at once, a digest. Endpoints are told of every decision by itself, and at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from engine.deliver.outbox import Intent, Message, Outbox
from engine.deliver.providers import TEXT_BYTES_MOST
from engine.deliver.resolution import is_over
from engine.deliver.wording import Subject, digest, link_of, subject_of, worded, zone_of
from engine.errors import NotFound
from engine.fold.intents import OWNER, WEBHOOK
from engine.views.masking import masked, masked_json
from engine.views.queries import Reading
from schemas.envelope import rfc3339
from schemas.policy import PolicyText, duration
from schemas.registry import TYPES

HISTORY_LOST, EXPIRED, OFF, DRY_RUN, OVER = (
    "delivery state lost",
    "expired",
    "not switched on",
    "dry run",
    "resolved",
)
NO_WORDS, NOBODY, NO_CONTACT, DISABLED, UNKNOWN = (
    "no text",
    "nobody",
    "no contact",
    "endpoint disabled",
    "no decision",
)
"""Why an intent is not sent."""

NOTICES_AT_ONCE, WEBHOOKS_AT_ONCE = 5_000, 500
"""Intents composed in one pass."""

TITLE_MARGIN_BYTES = 200

_encode = msgspec.json.Encoder().encode


class Composer:
    """One pass over what was taken and is no message yet, as of `now`."""

    def __init__(self, outbox: Outbox, reading: Reading, text: PolicyText, now: int, base: str) -> None:
        self._outbox = outbox
        self._reading = reading
        self._text = text
        self._now = now
        self._base = text.sending.link or base
        self._expire = duration(text.sending.expire)

    def compose(self) -> None:
        """Suppress or compose everything whose minute is over, and everything for endpoints."""
        fresh = "WHERE status = 'waiting' AND message = ''"
        for intent in self._outbox.intents(
            f"{fresh} AND via = ? ORDER BY at, id LIMIT ?", WEBHOOK, WEBHOOKS_AT_ONCE
        ):
            self._endpoint(intent)
        gather = duration(self._text.sending.gather)
        over = self._now // gather * gather if gather else self._now + 1
        found = self._outbox.intents(
            f"{fresh} AND via <> ? AND at < ? ORDER BY at, id LIMIT ?", WEBHOOK, over, NOTICES_AT_ONCE
        )
        groups: dict[tuple[str, str, str, int], list[tuple[Intent, Subject]]] = {}
        suppressed: dict[str, list[str]] = {}
        for intent in found:
            why, of, recipient = self._judged(intent)
            if of is None or why:
                suppressed.setdefault(why, []).append(intent.id)
            else:
                minute = intent.at // gather if gather else 0
                groups.setdefault((intent.via, recipient, intent.kind, minute), []).append((intent, of))
        with self._outbox.write():
            for why, ids in suppressed.items():
                self._outbox.suppress(ids, why)
            for (via, recipient, kind, _), members in groups.items():
                message = self._message(via, recipient, kind, members)
                self._outbox.compose(message, [intent for intent, _ in members])

    def stale(self, message: Message) -> str:
        """Why a message that waited, or failed before, is not to be sent any more; "" when it is."""
        if message.via == WEBHOOK:
            endpoint = self._text.webhooks.get(message.recipient)
            if endpoint is None:
                return OFF
            known = self._outbox.target(message.target)
            if known.disabled_at and known.url == endpoint.url:
                return DISABLED
            return DRY_RUN if endpoint.dry_run else ""
        if why := self._off(message.via, message.kind):
            return why
        if message.at < self._now - self._expire:
            return EXPIRED
        members = self._outbox.intents("WHERE message=?", message.id)
        for intent in members:
            try:
                if not is_over(intent, subject_of(intent, self._reading), self._reading.store):
                    return ""
            except NotFound:
                continue
        return OVER

    # Notices

    def _judged(self, intent: Intent) -> tuple[str, Subject | None, str]:
        """(why it is not sent, or ""; what it speaks of; to whom)."""
        if intent.at < self._now - self._expire:
            return EXPIRED, None, ""
        if why := self._off(intent.via, intent.kind):
            return why, None, ""
        try:
            of = subject_of(intent, self._reading)
        except NotFound:
            return UNKNOWN, None, ""
        if is_over(intent, of, self._reading.store):
            return OVER, of, ""
        recipient = intent.recipient
        if recipient == OWNER:
            recipient = of.owner or of.group
        if not recipient:
            return NOBODY, of, ""
        if "{to}" in self._text.delivery[intent.via].url and not contact_of(
            recipient, intent.via, self._text
        ):
            return NO_CONTACT, of, ""
        return "", of, recipient

    def _off(self, via: str, kind: str) -> str:
        delivery = self._text.delivery.get(via)
        if delivery is None or not delivery.url:
            return OFF
        notice = self._text.notices.get(kind)
        if notice is None:
            return NO_WORDS
        return DRY_RUN if delivery.dry_run or notice.dry_run else ""

    def _message(
        self, via: str, recipient: str, kind: str, members: Sequence[tuple[Intent, Subject]]
    ) -> Message:
        first, of = members[0]
        delivery = self._text.delivery[via]
        lines = [worded(one, about, self._reading, self._text) for one, about in members[: self._most]]
        body = "\n".join(lines)
        room = TEXT_BYTES_MOST.get(delivery.provider, 0)
        too_much = room and len(members) > 1 and len(body.encode()) > room - TITLE_MARGIN_BYTES
        if len(members) > self._most or too_much:
            span = first.at, members[-1][0].at
            zone = zone_of(of.row, self._text)
            link = link_of(kind, self._base)
            body = digest(kind, len(members), lines[0], span, self._text, link, zone)
        about = first.subject.removeprefix("order/") if len(members) == 1 else f"{len(members):,}"
        id_ = first.id if len(members) == 1 else _together(intent.id for intent, _ in members)
        target = f"{via}:{recipient}" if "{to}" in delivery.url else via
        title = f"{kind}: {about}"
        return Message(
            id_,
            id_,
            target,
            via,
            recipient,
            kind,
            first.at,
            len(members),
            title,
            body.encode(),
            next_at=self._now,
        )

    @property
    def _most(self) -> int:
        return self._text.sending.digest_over

    # Endpoints

    def _endpoint(self, intent: Intent) -> None:
        endpoint = self._text.webhooks.get(intent.recipient)
        target = f"{WEBHOOK}:{intent.recipient}"
        why = ""
        if endpoint is None:
            why = OFF
        elif endpoint.dry_run:
            why = DRY_RUN
        else:
            known = self._outbox.target(target)
            if known.disabled_at and known.url == endpoint.url:
                why = DISABLED
        message = None
        if not why:
            try:
                of = subject_of(intent, self._reading)
            except NotFound:
                why = UNKNOWN
            else:
                body = cloudevent(intent, of)
                key = of.event.id
                message = Message(
                    intent.id, key, target, WEBHOOK, intent.recipient, "", intent.at, 1, intent.type, body,
                    next_at=self._now,
                )  # fmt: skip
        with self._outbox.write():
            if message is None:
                self._outbox.suppress([intent.id], why)
            else:
                self._outbox.compose(message, [intent])


def contact_of(recipient: str, via: str, text: PolicyText) -> str:
    """Where a delivery finds a person or group: its own contact, else those of its members, with commas; "" for none."""
    if (person := text.people.get(recipient)) is not None:
        return person.contacts.get(via, "")
    if (group := text.groups.get(recipient)) is None:
        return ""
    members = (one.contacts.get(via, "") for one in text.people.values() if one.group == recipient)
    return group.contacts.get(via, "") or ",".join(filter(None, members))


def cloudevent(intent: Intent, of: Subject) -> bytes:
    """A decision as a structured CloudEvent, with `timestamp` for those who expect Standard Webhooks' own body. Personal
    fields are masked."""
    event = of.event
    spec = TYPES.get(event.type)
    data = msgspec.json.decode(of.raw)
    data = _redacted(data, msgspec.inspect.type_info(spec.data)) if spec is not None else _unknown(of.raw)
    body = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": intent.subject,
        "time": rfc3339(event.time),
        "timestamp": rfc3339(event.time),
        "datacontenttype": "application/json",
        "streamversion": event.streamversion,
        "causationid": event.causationid,
        "correlationid": event.correlationid,
        "data": data,
    }
    return _encode({name: value for name, value in body.items() if value != ""})


def _redacted(value: Any, node: msgspec.inspect.Type, field: str = "") -> Any:
    """A value without what its schema marks as personal."""
    if isinstance(node, msgspec.inspect.Metadata):
        marked = (node.extra_json_schema or {}).get("x-classification") == "personal"
        return (
            masked(field, value) if marked and isinstance(value, str) else _redacted(value, node.type, field)
        )
    if isinstance(node, msgspec.inspect.UnionType):
        for member in node.types:
            value = _redacted(value, member, field)
        return value
    if isinstance(node, msgspec.inspect.StructType) and isinstance(value, Mapping):
        fields = {one.encode_name: one.type for one in node.fields}
        return {
            name: _redacted(inner, fields[name], name) if name in fields else inner
            for name, inner in value.items()
        }
    if isinstance(node, msgspec.inspect.ListType) and isinstance(value, list):
        return [_redacted(inner, node.item_type, field) for inner in value]
    return value


def _unknown(raw: bytes) -> Any:
    return msgspec.json.decode(masked_json(raw.decode()))


def _together(ids: Iterable[str]) -> str:
    return "group-" + sha256("|".join(ids).encode()).hexdigest()[:32]
