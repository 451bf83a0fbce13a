"""Intents → messages: what is not to be sent is recorded so, the rest gathered by recipient, kind and minute.

A minute is composed when it is over. Up to `sending.digest_over` notices become one message of as many lines; more, or more than
the way there takes at once, a digest. Endpoints are told of every decision by itself, and at once.
"""

from __future__ import annotations

import logging
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
from schemas.policy import PolicyText, WebhookText, duration
from schemas.registry import TYPES

HISTORY_LOST = "delivery state lost"
EXPIRED = "expired"
OFF = "not switched on"
DRY_RUN = "dry run"
OVER = "resolved"
NO_WORDS = "no text"
NOBODY = "nobody"
NO_CONTACT = "no contact"
DISABLED = "endpoint disabled"
UNKNOWN = "no decision"
UNWRITTEN = "it cannot be written"
"""Why an intent is not sent. `no text`: the policy has no words for its kind; `no decision`: the store does not hold it."""

NOTICES_AT_ONCE, WEBHOOKS_AT_ONCE = 5_000, 500
"""Intents composed in one pass."""

TITLE_MARGIN_BYTES = 200

_encode = msgspec.json.Encoder().encode


_log = logging.getLogger("orderfold.deliver")


class _Member(msgspec.Struct, frozen=True):
    """An intent that is to be sent: to whom, in which words, and the zone its instants are written in."""

    intent: Intent
    recipient: str
    words: str
    zone: str


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
        for_endpoints = [
            (intent, self._endpoint(intent))
            for intent in self._outbox.intents(
                f"{fresh} AND via = ? ORDER BY at, id LIMIT ?", WEBHOOK, WEBHOOKS_AT_ONCE
            )
        ]
        gather = duration(self._text.sending.gather)
        over = self._now // gather * gather if gather else self._now + 1
        found = self._outbox.intents(
            f"{fresh} AND via <> ? AND at < ? ORDER BY at, id LIMIT ?", WEBHOOK, over, NOTICES_AT_ONCE
        )
        groups: dict[tuple[str, str, str, int], list[_Member]] = {}
        suppressed: dict[str, list[str]] = {}
        for intent in found:
            try:
                member = self._judged(intent)
            except NotFound:
                member = UNKNOWN
            except Exception:  # a decision nobody can put in words must not keep back all others
                _log.exception("the notice %s cannot be written", intent.id)
                member = UNWRITTEN
            if isinstance(member, str):
                suppressed.setdefault(member, []).append(intent.id)
            else:
                minute = intent.at // gather if gather else 0
                groups.setdefault((intent.via, member.recipient, intent.kind, minute), []).append(member)
        if not found and not for_endpoints:
            return
        with self._outbox.write():
            for intent, made in for_endpoints:
                if isinstance(made, str):
                    self._outbox.suppress([intent.id], made)
                else:
                    self._outbox.compose(made, [intent])
            for why, ids in suppressed.items():
                self._outbox.suppress(ids, why)
            for (via, recipient, kind, _), members in groups.items():
                members.sort(key=lambda member: (member.intent.at, member.intent.subject))
                message = self._message(via, recipient, kind, members)
                self._outbox.compose(message, [member.intent for member in members])

    def stale(self, message: Message) -> str:
        """Why a message that waited, or failed before, is not to be sent any more; "" when it is."""
        if message.via == WEBHOOK:
            endpoint = self._text.webhooks.get(message.recipient)
            if endpoint is None:
                return OFF
            if self._disabled(message.target, endpoint):
                return DISABLED
            return DRY_RUN if endpoint.dry_run else ""
        if why := self._off(message.via, message.kind):
            return why
        if message.at < self._now - self._expire:
            return EXPIRED
        members = self._outbox.intents("WHERE message=?", message.id)
        for intent in members:
            try:
                if not is_over(intent, subject_of(intent, self._reading), self._reading):
                    return ""
            except NotFound:
                continue
        return OVER

    # Notices

    def _judged(self, intent: Intent) -> _Member | str:
        """The intent, in words and with whom it is for; or why it is not sent."""
        if intent.at < self._now - self._expire:
            return EXPIRED
        if why := self._off(intent.via, intent.kind):
            return why
        of = subject_of(intent, self._reading)
        if is_over(intent, of, self._reading):
            return OVER
        recipient = intent.recipient if intent.recipient != OWNER else of.owner or of.group
        if not recipient:
            return NOBODY
        if "{to}" in self._text.delivery[intent.via].url and not contact_of(
            recipient, intent.via, self._text
        ):
            return NO_CONTACT
        words = worded(intent, of, self._reading, self._text)
        return _Member(intent, recipient, words, zone_of(of.row, self._text))

    def _off(self, via: str, kind: str) -> str:
        delivery = self._text.delivery.get(via)
        if delivery is None or not delivery.url:
            return OFF
        notice = self._text.notices.get(kind)
        if notice is None:
            return NO_WORDS
        return DRY_RUN if delivery.dry_run or notice.dry_run else ""

    def _message(self, via: str, recipient: str, kind: str, members: Sequence[_Member]) -> Message:
        first = members[0].intent
        delivery = self._text.delivery[via]
        most = self._text.sending.digest_over
        body = "\n".join(member.words for member in members[:most])
        room = TEXT_BYTES_MOST.get(delivery.provider, 0)
        too_much = room and len(members) > 1 and len(body.encode()) > room - TITLE_MARGIN_BYTES
        if len(members) > most or too_much:
            span = first.at, members[-1].intent.at
            link = link_of(kind, self._base)
            body = digest(kind, len(members), members[0].words, span, self._text, link, members[0].zone)
        about = first.subject.removeprefix("order/") if len(members) == 1 else f"{len(members):,}"
        id_ = first.id if len(members) == 1 else _together(member.intent.id for member in members)
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

    # Endpoints

    def _endpoint(self, intent: Intent) -> Message | str:
        """The message, or why there is none."""
        endpoint = self._text.webhooks.get(intent.recipient)
        if endpoint is None:
            return OFF
        if endpoint.dry_run:
            return DRY_RUN
        target = f"{WEBHOOK}:{intent.recipient}"
        if self._disabled(target, endpoint):
            return DISABLED
        try:
            of = subject_of(intent, self._reading)
        except NotFound:
            return UNKNOWN
        body, key, to = cloudevent(intent, of), of.event.id, intent.recipient
        return Message(
            intent.id, key, target, WEBHOOK, to, "", intent.at, 1, intent.type, body, next_at=self._now
        )

    def _disabled(self, target: str, endpoint: WebhookText) -> bool:
        known = self._outbox.target(target)
        return bool(known.disabled_at) and known.url == endpoint.url


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
