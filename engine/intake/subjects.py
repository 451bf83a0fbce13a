"""The grammar of subjects (DOMAIN.md, "Streams"), and which kinds an event type may speak of."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.intake.model import Refused
from schemas.registry import TYPES

LENGTH_MAX = 256

ALIAS_KINDS = tuple(sorted({kind for spec in TYPES.values() for _, kind in spec.aliases}))
"""Kinds of numbers some schema marks as standing for an order: an alias of another kind is never bound."""

_SEGMENT = r"[^/:\s!]{1,64}"
_NUMBER = r"(?!\s).*[^\s!]"
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"

_GRAMMAR: dict[str, tuple[str, str]] = {
    "order": (f"order/{_SEGMENT}:{_NUMBER}", "order/<channel>:<platform number>"),
    "alias": (f"alias/(?:{'|'.join(ALIAS_KINDS)}):{_NUMBER}", f"alias/<{' or '.join(ALIAS_KINDS)}>:<number>"),
    "return": (f"return/{_NUMBER}", "return/<id>"),
    "node": (f"node/{_SEGMENT}/{_DAY}", "node/<id>/<YYYY-MM-DD>"),
    "channel": (f"channel/{_SEGMENT}/{_DAY}", "channel/<id>/<YYYY-MM-DD>"),
    "merge": (f"merge/{_NUMBER}", "merge/<pair>"),
    "batch": (f"batch/{_NUMBER}", "batch/<id>"),
    "board": (f"board/{_SEGMENT}/{_DAY}", "board/<group>/<YYYY-MM-DD>"),
}
"""Kind → (pattern, how to write it). Kinds not here are the engine's own (`policy`) or reserved for later."""

_RESERVED_KINDS = {
    "policy": "the engine writes policy streams itself",
    "settlement": "settlement streams come with a later release",
    "bulk": "bulk streams come with a later release",
}

_ORDERS = ("order", "alias", "return")
_PEOPLE = (*_ORDERS, "merge", "batch", "board", "node", "channel")

Match = Callable[[str], object]


def kinds_of(type_: str) -> tuple[str, ...]:
    """The kinds of subject an event type may have. Telemetry speaks of its own; only the order itself can be
    placed; what else is told of an order may name it by an alias; a person may act on every kind."""
    spec = TYPES.get(type_)
    if spec is not None and spec.person:
        return _PEOPLE
    noun, _, verb = type_.partition(".")
    if noun in ("node", "channel"):
        return (noun,)
    if noun == "order" and verb.startswith("placed."):
        return ("order",)
    return _ORDERS


def matcher(kinds: tuple[str, ...]) -> Match:
    """A compiled check of a subject against the grammar of these kinds; truthy when it fits."""
    return re.compile("|".join(_GRAMMAR[kind][0] for kind in kinds)).fullmatch


def refusal(subject: str | None, type_: str, kinds: tuple[str, ...]) -> Refused:
    """Why a subject that does not fit is refused, and how to write it."""
    ways = ", ".join(_GRAMMAR[kind][1] for kind in kinds)
    if not subject:
        return Refused(
            "bad-subject", f"/subject is missing: name the stream the event belongs to, as {ways}."
        )
    if len(subject) > LENGTH_MAX:
        return Refused(
            "bad-subject",
            f"/subject has {len(subject)} characters; at most {LENGTH_MAX} are taken, as {ways}.",
        )
    if not subject.isprintable():
        return Refused(
            "bad-subject",
            f"/subject holds characters that cannot be printed: {subject!a}. Write it as {ways}.",
        )
    if subject.endswith("!"):
        return Refused(
            "bad-subject",
            f"/subject {subject!r} ends in '!', which marks the engine's companion streams; write it as {ways}.",
        )
    kind = subject.partition("/")[0]
    if kind in _RESERVED_KINDS:
        return Refused("bad-subject", f"/subject {subject!r}: {_RESERVED_KINDS[kind]}; write it as {ways}.")
    if kind in _GRAMMAR and kind not in kinds:
        return Refused(
            "bad-subject", f"/subject {subject!r}: {type_} cannot speak of a {kind}; write it as {ways}."
        )
    return Refused("bad-subject", f"/subject {subject!r} names no stream; write it as {ways}.")
