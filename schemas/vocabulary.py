"""The names streams.yaml may use: triggers, commands, actions, kinds of notice and of work item.

One place, so that what is checked before a policy is published is what the engine then does.
"""

from __future__ import annotations

from schemas.registry import TYPES

DERIVED_TRIGGERS = frozenset(
    {"paid.full", "paid.part", "review.required", "review.passed", "review.rejected"}
)
"""Triggers the lifecycle fold makes of events: money counted by the ledger, the answer to a review."""

TRIGGERS = DERIVED_TRIGGERS | {
    name.rpartition(".")[0]
    for name, spec in TYPES.items()
    if name.startswith(("order.", "stock.", "fulfilment."))
    and not (spec.person or spec.reserved or name in ("order.placed.v1", "fulfilment.moved.v1"))
}
"""What a move may name: types of events that tell how order and goods fare, without their version, and the
derived triggers. `order.placed` creates the order, a tracking scan moves a parcel only, and what a person
commands is no move."""

DERIVED_STATES = frozenset({"part_shipped"})
"""States the fold shows but no move leads to: some goods have left, the last line has not."""

COMMANDS = frozenset(
    name.rpartition(".")[0]
    for name, spec in TYPES.items()
    if spec.person or name in ("order.cancelled.v1", "order.completed.v1")
)
"""What a person may command: event types without their version."""

ACTIONS = COMMANDS | {"read", "send", "publish", "operate"}
"""What a role may allow. `read` every view, `send` events of the token's sources, `publish` a policy,
`operate` the store: dead letters, projections, the clock."""

NOTICES: dict[str, frozenset[str]] = {
    "frozen": frozenset({"order", "channel", "state", "event", "reason", "ways_out", "owner", "group"}),
    "thawed": frozenset({"order", "channel", "state", "reason", "owner", "group"}),
    "warned": frozenset({"order", "channel", "stage", "due", "used", "target", "owner", "group"}),
    "breached": frozenset({"order", "channel", "stage", "due", "used", "target", "reason", "owner", "group"}),
    "escalated": frozenset({"order", "channel", "stage", "step", "to", "reason", "owner", "group"}),
    "work": frozenset({"order", "channel", "kind", "title", "guide", "owner", "group"}),
    "limbo": frozenset({"alias", "waiting", "since", "group"}),
    "correction": frozenset({"order", "channel", "decision", "reason", "owner", "group"}),
    "suggested": frozenset({"orders", "score", "reasons", "until", "group"}),
    "merged": frozenset({"batch", "orders", "reasons", "group"}),
    "dissolved": frozenset({"batch", "orders", "reason", "group"}),
    "board": frozenset({"total", "made", "expired", "dissolved", "group"}),
    "silent": frozenset({"channel", "stage", "reason", "to"}),
    "heard": frozenset({"channel", "stage", "reason", "to"}),
    "paused": frozenset({"channel", "reason", "to"}),
    "unpaused": frozenset({"channel", "reason", "to"}),
    "suspended": frozenset({"node", "reason", "to"}),
    "returned": frozenset({"node", "reason", "to"}),
    "reminded": frozenset(
        {"item", "kind", "title", "since", "step", "reason", "to", "owner", "group", "orders"}
    ),
    "workload": frozenset({"count", "untaken", "oldest", "kinds", "to", "group", "orders"}),
    "digest": frozenset({"count", "kind", "oldest", "since", "until", "link"}),
}
"""Kinds of notice and the variables a template of each may use. `digest` stands for many of one kind."""

NOTICE_OF: dict[str, str] = {
    "order.frozen.v1": "frozen",
    "order.thawed.v1": "thawed",
    "sla.warned.v1": "warned",
    "sla.breached.v1": "breached",
    "sla.escalated.v1": "escalated",
    "sla.excused.v1": "correction",
    "decision.withdrawn.v1": "correction",
    "work.opened.v1": "work",
    "work.escalated.v1": "reminded",
    "work.digested.v1": "workload",
    "channel.silent.v1": "silent",
    "channel.resumed.v1": "heard",
    "dispatch.paused.v1": "paused",
    "dispatch.resumed.v1": "unpaused",
    "node.suspended.v1": "suspended",
    "node.resumed.v1": "returned",
    "merge.suggested.v1": "suggested",
    "merge.made.v1": "merged",
    "batch.dissolved.v1": "dissolved",
    "board.listed.v1": "board",
}
"""Decision type → the kind of notice people are told it by; a work item of a kind that is a kind of notice itself
(`limbo`) is told by that. Whatever a decision's data calls `to` and `via` says to whom and by which deliveries; without
them it is the owner, by the deliveries the policy names for the kind."""

WORK_KINDS = frozenset(
    {
        "frozen",
        "limbo",
        "conflict",
        "share",
        "over_refund",
        "line_unknown",
        "pending_dropped",
        "hold_absent",
        "unfreeze",
        "sla",
        "refold_limit",
        "calendar",
        "diagnosis",
        "manual_review",
        "stuck",
        "outage",
        "silence",
        "addresses",
        "unfolded",
        "node",
        "merge",
    }
)
"""Kinds of work item the engine opens; each wants a guide."""

DIAGNOSED_KINDS = frozenset({"diagnosis", "manual_review"})
"""Kinds of work item a diagnosis may open."""

HEALTH_CAUSES = frozenset(
    {
        "frozen",
        "doubted",
        "held",
        "warned",
        "breached",
        "conflict",
        "lock_failed",
        "missing_lines",
        "missing_address",
        "missing_contact",
    }
)
"""What costs an order points of its health."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
