"""What is known of a stream, as named values: the same names in `order why`, `order diff`, history and the API.

`sla.ship.due` rather than a place in a tuple: lists whose members have a name (clocks, holds, parcels, work) are
mappings by it, instants are aware datetimes, durations seconds, money minor units. Values that are not set are left out,
so that a difference between two states is what a person would call one.
"""

from __future__ import annotations

from typing import Any

from engine.views.queries import moment
from projections.diagnosis import DiagnosisState
from projections.kernel import Work
from projections.ledger import LedgerState
from projections.lifecycle import LifecycleState
from projections.limbo import LimboState
from projections.order_health import OrderHealthState
from projections.policy import Policy
from projections.routing import owner_of
from projections.row import Row
from projections.sla import SlaState

Values = dict[str, Any]

_LEDGER = (
    "currency",
    "goods",
    "shipping",
    "discount",
    "receivable",
    "received",
    "refunded",
    "fees",
    "subsidies",
    "deposit",
)
_COUNTS = ("late", "repeats", "conflicts", "unknown", "excused")

ALIASES = {
    "due": "sla.due",
    "overdue": "sla",
    "deadlines": "sla",
    "money": "ledger",
    "score": "health.score",
} | {name: f"ledger.{name}" for name in (*_LEDGER, "outstanding")}
"""Shorter names people use → the values they mean."""

FOLD_OF = {
    "ledger": "ledger",
    "sla": "sla",
    "health": "order_health",
    "limbo": "limbo",
    "diagnosis": "diagnosis",
}
"""The first part of a name → the fold that sets it; every other value is the lifecycle's, or the host's own."""

NAMES = {
    "order": (
        "state", "since", "frozen", "in_doubt", "doubt_until", "offence", "holds", "lines", "cancelled_lines", "parcels",
        "waiting", "assigned", "owner", "group", "ledger", "sla", "health", "diagnosis", "work", "late", "repeats", "conflicts", "unknown",
        "excused", "fault",
    ),
    "alias": ("limbo", "work", "late", "repeats", "conflicts", "unknown", "fault"),
}  # fmt: skip
"""The first parts of all names there can be, by kind of subject."""


def values(row: Row, policy: Policy) -> Values:
    """A row as a tree of named values, under the policy that routes its owner."""
    tree: Values = {}
    if row.lifecycle is not None:
        tree |= _lifecycle(row.lifecycle)
        if row.lifecycle.state:
            owner, group = owner_of(
                policy,
                row.channel,
                row.lifecycle.categories,
                row.lifecycle.state,
                row.lifecycle.owner,
                row.lifecycle.group,
            )
            tree |= _set(owner=owner, group=group)
    if row.ledger is not None:
        tree |= _set(ledger=_ledger(row.ledger))
    if row.sla is not None:
        tree |= _set(sla=_sla(row.sla))
    if row.health is not None:
        tree["health"] = _health(row.health)
    if row.limbo is not None:
        tree |= _set(limbo=_limbo(row.limbo))
    if row.diagnosis is not None:
        tree |= _set(diagnosis=_diagnosis(row.diagnosis))
    tree |= _set(work={item.work: _work(item) for item in row.work})
    tree |= _set(**{name: getattr(row, name) for name in _COUNTS})
    if row.fault is not None:
        tree["fault"] = f"{row.fault.fold} at version {row.fault.version}"
    return tree


def flat(tree: Values, prefix: str = "") -> Values:
    """The tree's leaves by their dotted names."""
    leaves: Values = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            leaves |= flat(value, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = value
    return leaves


def part(tree: Values, name: str) -> Any:
    """The value or branch a dotted name means, None where it is not set. Names of members may hold dots themselves."""
    name = ALIASES.get(name, name)
    found: Any = tree
    rest = name
    while rest:
        if not isinstance(found, dict):
            return None
        key = next(
            (
                key
                for key in sorted(found, key=len, reverse=True)
                if rest == key or rest.startswith(f"{key}.")
            ),
            None,
        )
        if key is None:
            return None
        found, rest = found[key], rest[len(key) + 1 :]
    return found


def _set(**values_: Any) -> Values:
    """Without what is not set: "", 0, None, empty."""
    return {name: value for name, value in values_.items() if value}


def _seconds(micros: int) -> int:
    return micros // 1_000_000


def _lifecycle(state: LifecycleState) -> Values:
    offence = state.offence
    return {"frozen": state.frozen, "in_doubt": state.in_doubt} | _set(
        state=state.state,
        since=moment(state.since),
        doubt_until=moment(state.doubt_until) if not state.frozen else None,
        offence=_set(
            type=offence.type,
            event=offence.id,
            time=moment(offence.time),
            state=offence.state,
            reason=offence.reason,
        )
        if offence is not None
        else {},
        holds={hold.handle: {"reason": hold.reason, "since": moment(hold.since)} for hold in state.holds},
        lines={line.line: {"state": line.state, "since": moment(line.since)} for line in state.lines},
        cancelled_lines=list(state.cancelled),
        parcels={
            parcel.parcel or parcel.waybill or "all": _set(
                state=parcel.state, waybill=parcel.waybill, scan=parcel.scan, scanned=moment(parcel.scanned)
            )
            for parcel in state.parcels
        },
        waiting=len(state.pending) + state.dropped,
        assigned=state.owner or state.group,
    )


def _ledger(state: LedgerState) -> Values:
    tree = _set(**{name: getattr(state, name) for name in _LEDGER})
    if state.placed:
        tree["outstanding"] = state.outstanding
    return tree | _set(
        foreign={
            purse.currency: _set(
                received=purse.received, refunded=purse.refunded, fees=purse.fees, subsidies=purse.subsidies
            )
            for purse in state.foreign
        }
    )


def _sla(state: SlaState) -> Values:
    tree = _set(
        tier=state.tier,
        due=moment(state.due_at),
        breached=state.breached,
        paused=next((pause.reason for pause in state.pauses if not pause.until), ""),
    )
    for past in state.past:
        tree[past.stage] = {
            "clock": "late" if past.breached else "in time",
            "started": moment(past.started),
            "stopped": moment(past.stopped),
            "used_seconds": _seconds(past.used),
            "target_seconds": _seconds(past.target),
        }
    for clock in state.clocks:
        tree[clock.stage] = {
            "clock": "overdue" if clock.breached else "warned" if clock.warned else "runs",
            "started": moment(clock.started),
            "target_seconds": _seconds(clock.target),
            "policy": clock.policy,
        } | _set(due=moment(clock.due_at), escalations=clock.rung)
    return tree


def _health(state: OrderHealthState) -> Values:
    lost: dict[str, int] = {}
    for loss in state.losses:
        name = f"{loss.cause}:{loss.key}" if loss.key else loss.cause
        lost[name] = lost.get(name, 0) + loss.points
    return {"score": state.score} | _set(lost=lost)


def _diagnosis(state: DiagnosisState) -> Values:
    return {made.rule: moment(made.since) for made in state.made}


def _limbo(state: LimboState) -> Values:
    return _set(waiting=state.waiting, since=moment(state.since), bound=list(state.bound))


def _work(item: Work) -> Values:
    return {"kind": item.kind, "title": item.title} | _set(owner=item.owner, group=item.group)
