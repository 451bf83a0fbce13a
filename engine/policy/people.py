"""Checks of who is who: groups, people, routing, review, roles, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from engine.policy.coverage import Rule, first_matches, shadow_of
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from schemas.policy import PolicyText, RouteText
from schemas.vocabulary import ACTIONS

REVIEW = "review.required"


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `people`, `routing`, `review`, `roles` and `tokens`."""
    _people(text, findings)
    _routes(text, findings)
    _review(text, findings)
    _roles(text, findings)
    _tokens(text, findings)


def _people(text: PolicyText, findings: Findings) -> None:
    for name, person in text.people.items():
        at: Path = ("people", name)
        if person.group not in text.groups:
            findings.error(
                (*at, "group"), f"there is no group {person.group!r}", nearest(person.group, text.groups)
            )
        for key, other in (("backup", person.backup), ("supervisor", person.supervisor)):
            if not other:
                continue
            if other not in text.people:
                findings.error((*at, key), f"there is no person {other!r}", nearest(other, text.people))
            elif other == name:
                findings.error(
                    (*at, key), f"{name} cannot be their own {key}", "Name somebody else, or take it out."
                )
        for i, shift in enumerate(person.shifts):
            if shift not in text.calendars:
                findings.error(
                    (*at, "shifts", i), f"there is no calendar {shift!r}", nearest(shift, text.calendars)
                )
        for i, absence in enumerate(person.absences):
            if absence.last < absence.first:
                findings.error(
                    (*at, "absences", i), "it ends before it begins", "Exchange `from` and `until`."
                )
        above, seen = person.supervisor, {name}
        while above and above in text.people and above not in seen:
            seen.add(above)
            above = text.people[above].supervisor
        if above == name and person.supervisor != name:
            findings.error(
                (*at, "supervisor"),
                "the supervisors lead round in a circle",
                "Leave the topmost one's supervisor out.",
            )


def _routes(text: PolicyText, findings: Findings) -> None:
    routing = text.routing
    if routing.frozen not in text.groups:
        findings.error(
            ("routing", "frozen"),
            f"there is no group {routing.frozen!r}",
            nearest(routing.frozen, text.groups),
        )
    states = {s.state: None for lifecycle in text.lifecycles.values() for s in lifecycle.states}
    rungs = {step.to for ladder in text.sla.ladders.values() for step in ladder}
    sound = True
    told: set[str] = set()
    for i, route in enumerate(routing.routes):
        at: Path = ("routing", "routes", i)
        sound &= _known(route.channels, text.channels, (*at, "channels"), "channel", findings)
        sound &= _known(route.categories, text.categories, (*at, "categories"), "category", findings)
        sound &= _known(route.states, states, (*at, "states"), "state", findings)
        if route.owner and route.owner not in text.people:
            findings.error(
                (*at, "owner"), f"there is no person {route.owner!r}", nearest(route.owner, text.people)
            )
        if route.group and route.group not in text.groups:
            findings.error(
                (*at, "group"), f"there is no group {route.group!r}", nearest(route.group, text.groups)
            )
        if not route.owner and not route.group:
            findings.error(at, "it names neither owner nor group", "Say whose these orders are.")
        owner = text.people.get(route.owner)
        if owner is not None and route.owner not in told:
            told.add(route.owner)
            for rung, somebody in (("backup", owner.backup), ("supervisor", owner.supervisor)):
                if rung in rungs and not somebody:
                    findings.warning(
                        ("people", route.owner),
                        f"a ladder tells the {rung}, and {route.owner}, who owns orders, has none",
                        f"Give {route.owner} a {rung}.",
                    )
    if sound:
        _coverage(routing.routes, list(states), text, findings)


def _coverage(routes: Sequence[RouteText], states: list[str], text: PolicyText, findings: Findings) -> None:
    """Routes no order ever takes, and orders without an owner."""
    rules: list[Rule] = [
        (frozenset(route.channels), frozenset(route.categories), frozenset(route.states)) for route in routes
    ]
    matched, missed = first_matches(rules, (list(text.channels), [*text.categories, ""], states))
    for i, route in enumerate(routes):
        at: Path = ("routing", "routes", i)
        if i not in matched:
            earlier = shadow_of(rules, i)
            by = (
                "those before it take"
                if earlier is None
                else f"that on line {findings.line(('routing', 'routes', earlier))} takes"
            )
            findings.error(
                at,
                f"it can never match: {by} all its orders",
                "Put the narrower route first, or take it out.",
            )
        elif (
            route.channels
            and route.states
            and not any(
                state.state in route.states
                for channel in route.channels
                if (lifecycle := text.lifecycles.get(text.channels[channel].lifecycle)) is not None
                for state in lifecycle.states
            )
        ):
            findings.error(
                at,
                "it can never match: its channels' lifecycles have none of its states",
                "Correct one of the two.",
            )
    if missed is not None:
        channel, category, state = missed
        goods = f"{category} goods" if category else "goods of no category"
        findings.warning(
            ("routing", "routes"),
            f"an order of channel {channel!r} with {goods} in state {state!r} has no owner",
            "End with a route without conditions.",
        )


def _review(text: PolicyText, findings: Findings) -> None:
    review = text.review
    _known(review.channels, text.channels, ("review", "channels"), "channel", findings)
    _known(review.categories, text.categories, ("review", "categories"), "category", findings)
    reviewing = {
        name
        for name, channel in text.channels.items()
        if (lifecycle := text.lifecycles.get(channel.lifecycle)) is not None
        and any(move.trigger == REVIEW for move in lifecycle.moves)
    }
    for i, name in enumerate(review.channels):
        if name in text.channels and name not in reviewing:
            findings.error(
                ("review", "channels", i),
                f"the rule cannot apply: the lifecycle of {name!r} has no move for {REVIEW}",
                "Add the move to the lifecycle, or take the channel out.",
            )
    if (review.amount_at_least or review.categories) and not reviewing:
        findings.error(
            ("review",),
            f"the rule cannot apply: no lifecycle in use has a move for {REVIEW}",
            "Add the move, or drop the rule.",
        )


def _roles(text: PolicyText, findings: Findings) -> None:
    for name, role in text.roles.items():
        for i, action in enumerate(role.actions):
            if not any(fnmatchcase(known, action) for known in ACTIONS):
                findings.error(
                    ("roles", name, "actions", i), f"there is no action {action!r}", nearest(action, ACTIONS)
                )


def _tokens(text: PolicyText, findings: Findings) -> None:
    names: dict[str, Path] = {}
    secrets: dict[str, Path] = {}
    patterns = [pattern for channel in text.channels.values() for pattern in channel.sources]
    for i, token in enumerate(text.tokens):
        at: Path = ("tokens", i)
        if token.name in names:
            findings.error(
                (*at, "name"),
                f"the name stands on line {findings.line(names[token.name])} already",
                "Give each its own.",
            )
        names.setdefault(token.name, at)
        if (token.sha256 is None) == (token.env is None):
            findings.error(at, "it needs `sha256` or `env`, one of the two", "Keep the one you use.")
        secret = token.sha256 or token.env or ""
        if secret and secret in secrets:
            findings.error(
                at,
                f"it is the same token as on line {findings.line(secrets[secret])}",
                "Make a token for each name.",
            )
        secrets.setdefault(secret, at)
        _known(token.roles, text.roles, (*at, "roles"), "role", findings)
        sends = any(
            fnmatchcase("send", action)
            for role in token.roles
            if role in text.roles
            for action in text.roles[role].actions
        )
        if sends and not token.sources:
            findings.error(
                at, "it may send, but from no source", "Give its `sources`, or take the role away."
            )
        for j, source in enumerate(token.sources):
            here: Path = (*at, "sources", j)
            if not sends:
                findings.error(
                    here, "it has sources, but no role that may send", "Add such a role, or drop `sources`."
                )
            elif source.startswith("/orderfold"):
                findings.error(
                    here, "sources under /orderfold are the engine's own", "Name the sender's own source."
                )
            elif not any(fnmatchcase(source, pattern) for pattern in patterns):
                findings.warning(
                    here,
                    f"{source!r} is of no channel, so its orders are of {text.default_channel!r}",
                    "Name a source of a channel, if that is not meant.",
                )


def _known(names: Sequence[str], known: object, at: Path, what: str, findings: Findings) -> bool:
    """Find names that are not declared, and such as stand twice."""
    sound = True
    for i, name in enumerate(names):
        if name not in known:  # type: ignore[operator]
            sound = False
            findings.error((*at, i), f"there is no {what} {name!r}", nearest(name, known))
        elif name in names[:i]:
            findings.warning((*at, i), f"the {what} {name!r} stands twice", "Keep one of the two.")
    return sound
