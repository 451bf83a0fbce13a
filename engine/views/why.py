"""`order why`: the steps that set a value, each with its event, the fold and the rule, and the value before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.errors import UsageError
from engine.fold.step import CONFLICTED, Decided
from engine.views.queries import Reading, moment
from engine.views.steps import EVENT, RETARGET, Step, Stream, fold_of, stream
from engine.views.values import ALIASES, FOLD_OF, NAMES, flat, part, values
from projections.kernel import Fold
from schemas.envelope import CONFLICT, Event


class Setting(msgspec.Struct, frozen=True):
    """One step that changed the value. `what` is event, wake (a timer) or retarget (a policy was published); `version`,
    `event`, `type` and `actor` are of the event that is the cause, also where a timer did it; `reason` is the decision's,
    else the event's own; `time` is when it
    occurred, `known` the stream time of the step. `rule` names the fold's function and says what it does; `refolded` why
    the stream was folded again; `decisions` are the types decided in the step."""

    what: str
    version: int
    event: str
    type: str
    time: datetime | None
    known: datetime | None
    late: bool
    actor: str
    reason: str
    fold: str
    rule: str
    refolded: str
    decisions: list[str]
    before: Any
    after: Any


class Why(msgspec.Struct, frozen=True):
    """`value` as it is now (None: not set), and what set it, in order. `names` are the values that can be asked for."""

    order: str
    field: str
    value: Any
    set_by: list[Setting]
    names: list[str]


def why(reading: Reading, subject: str, field: str) -> Why:
    """The events and rules that made a value what it is. UsageError for a name no order has a value under."""
    name = ALIASES.get(field, field)
    kind = subject.partition("/")[0]
    found = stream(reading, subject)
    settings: list[Setting] = []
    value: Any = None
    names: dict[str, None] = {}
    for step in found.steps():
        before = part(values(step.before, reading.policy), name)
        tree = values(step.after, reading.policy)
        value = part(tree, name)
        names |= dict.fromkeys(flat(tree))
        if value != before:
            settings.append(_setting(found, step, name, before, value))
    if not settings and name.partition(".")[0] not in NAMES.get(kind, ()):
        raise UsageError(
            f"{subject} has no value {field!r}.",
            f"Ask for one of {', '.join(list(names) or NAMES.get(kind, ()))}.",
        )
    return Why(subject, name, value, settings, list(names))


def _setting(found: Stream, step: Step, name: str, before: Any, after: Any) -> Setting:
    decided = _deciding(step.decided, name)
    fold = fold_of(found.pipeline, _fold_name(name, decided))
    event = (
        step.record.event
        if step.record is not None
        else _cause(found, decided or next(iter(step.decided), None))
    )
    return Setting(
        step.what,
        event.streamversion if event is not None else 0,
        event.id if event is not None else "",
        event.type if event is not None else "",
        moment(event.time) if event is not None else None,
        moment(step.at),
        step.late,
        actor_of(event),
        _reason(step, event),
        *_by(name, fold, step),
        step.refolded,
        [one.decision.type for one in step.decided],
        before,
        after,
    )


def _reason(step: Step, event: Event | None) -> str:
    """What the decision of the step says of why, else the event itself."""
    reasons = (getattr(one.decision.data, "reason", "") for one in step.decided)
    return next((str(reason) for reason in reasons if reason), "") or reason_of(event)


def _deciding(decided: Sequence[Decided], name: str) -> Decided | None:
    """The decision by which a work item came or went."""
    first, _, key = name.partition(".")
    if first != "work":
        return None
    return next(
        (
            one
            for one in decided
            if one.decision.type.startswith("work.") and (not key or key.startswith(one.decision.key))
        ),
        None,
    )


def _fold_name(name: str, decided: Decided | None) -> str:
    return decided.decision.fold if decided is not None else FOLD_OF.get(name.partition(".")[0], "lifecycle")


def _cause(found: Stream, decided: Decided | None) -> Event | None:
    version = decided.decision.cause if decided is not None else 0
    return found.records[version - 1].event if 0 < version <= len(found.records) else None


def _by(name: str, fold: Fold[Any] | None, step: Step) -> tuple[str, str]:
    """(fold, rule) that set the value. An owner nobody was assigned as comes from the policy's routes."""
    before, after = step.before.lifecycle, step.after.lifecycle
    if (
        name in ("owner", "group")
        and before is not None
        and after is not None
        and before.owner == after.owner
    ):
        return "routing", "routing: the first route of the policy whose conditions all hold"
    return fold.name if fold is not None else "host", rule_of(fold, step)


def rule_of(fold: Fold[Any] | None, step: Step) -> str:
    """`lifecycle.freeze: the grace is over and …`: the function that holds the rule, and what it says of itself."""
    if fold is None:
        return "the host"
    if step.refolded:
        return f"{fold.name}: the stream was folded again in order of occurrence"
    names = [one.decision.type for one in step.decided if one.decision.fold != fold.name]
    if step.what == EVENT and step.record is not None:
        event = step.record.event
        names.insert(0, CONFLICTED if event.sameness == CONFLICT else event.type)
    function: Any = next((fold.handlers[name] for name in names if name in fold.handlers), None)
    if function is None and step.what != EVENT:
        function = fold.retarget if step.what == RETARGET else fold.wake
    if function is None:
        return f"{fold.name}: {_first_line(type(fold).__doc__)}"
    said = _first_line(function.__doc__)
    if function.__qualname__.startswith("Fold."):
        said = ""
    return f"{fold.name}.{function.__name__.strip('_')}" + (f": {said}" if said else "")


def _first_line(docstring: str | None) -> str:
    """The first sentence of a docstring."""
    text = " ".join((docstring or "").strip().split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")


def actor_of(event: Event | None) -> str:
    """Who told: a person or credential, else the channel's source."""
    if event is None:
        return ""
    return event.authid or event.source


def reason_of(event: Event | None) -> str:
    """The reason an event gives for itself, "" where it gives none."""
    data = event.data if event is not None else None
    return getattr(data, "reason", None) or getattr(data, "text", None) or "" if data is not None else ""


__all__ = ["Setting", "Why", "actor_of", "reason_of", "rule_of", "why"]
