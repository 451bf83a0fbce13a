"""The typed text → the policy folds read. The text must have passed its check."""

from __future__ import annotations

from engine.policy.calendars import compile_calendar
from engine.policy.health import compile_flow, compile_golden, compile_nodes, compile_zones
from engine.policy.merging import compile_merge
from engine.policy.working import compile_desk, compile_diagnosis, compile_people
from projections.policy import (
    Channel,
    HealthWeights,
    LifecycleMap,
    Policy,
    Review,
    Route,
    Sla,
    Stage,
    Step,
    Tier,
)
from schemas.policy import ChannelText, LifecycleText, PolicyText, StageText, TierText, duration

MICROS_PER_DAY = 86_400_000_000
AHEAD = 2 * 365 * MICROS_PER_DAY
"""How far ahead of the instant of publishing calendars are compiled."""
REMIND = 60 * MICROS_PER_DAY
"""How long before a calendar ends people are told."""

PAID_FULL, DISPATCHED = "paid.full", "fulfilment.dispatched"

OTHER = "other"
"""Stands for the categories a text does not name; "" in a compiled stage."""


def compile_policy(text: PolicyText, hash_: str, start: int, now: int) -> Policy:
    """`hash_` is the SHA-256 (hex) of the text. Calendars reach from `start` to two years after `now` (µs
    UTC)."""
    lifecycles, channels = _channels(text)
    return Policy(
        hash=hash_,
        name=text.name,
        channels=channels,
        default_channel=channels[text.default_channel],
        lifecycles=lifecycles,
        sla=_sla(text, start, now),
        review=Review(
            text.review.amount_at_least, frozenset(text.review.categories), frozenset(text.review.channels)
        ),
        routes=tuple(
            Route(
                frozenset(route.channels),
                frozenset(route.categories),
                frozenset(route.states),
                route.owner,
                route.group,
            )
            for route in text.routing.routes
        ),
        people=compile_people(text),
        health=HealthWeights(
            dict(text.health.points), duration(text.health.stuck_after), text.health.stuck_points_per_hour
        ),
        settle=duration(text.timers.settle),
        limbo_after=duration(text.limbo.after),
        frozen_group=text.routing.frozen,
        guides=dict(text.guides),
        notify={kind: tuple(notice.via) for kind, notice in text.notices.items()},
        merge=compile_merge(text.merge, start, now + AHEAD),
        diagnosis=compile_diagnosis(text),
        desk=compile_desk(text),
        flow=compile_flow(text),
        golden=compile_golden(text),
        nodes=compile_nodes(text),
        zones=compile_zones(text, start, now + AHEAD),
        webhooks={name: tuple(endpoint.types) for name, endpoint in text.webhooks.items()},
    )


def ending(policy: Policy, now: int) -> list[str]:
    """The calendars that end within 60 days of `now` (µs UTC): the policy must be published again before."""
    return sorted(
        calendar.name
        for calendar in policy.sla.calendars.values()
        if not calendar.closes or calendar.closes[-1] < now + REMIND
    )


def map_name(channel: str, text: ChannelText) -> str:
    """The compiled map a channel follows: the lifecycle's own, or one of its own where it overrides
    something."""
    return text.lifecycle if text.grace is None else f"{text.lifecycle}@{channel}"


def _channels(text: PolicyText) -> tuple[dict[str, LifecycleMap], dict[str, Channel]]:
    lifecycles = {
        name: _map(name, lifecycle, duration(lifecycle.grace)) for name, lifecycle in text.lifecycles.items()
    }
    channels = {}
    for name, channel in text.channels.items():
        followed = map_name(name, channel)
        if channel.grace is not None:
            lifecycles[followed] = _map(followed, text.lifecycles[channel.lifecycle], duration(channel.grace))
        channels[name] = Channel(name, followed, channel.zone, tuple(channel.sources))
    return lifecycles, channels


def _map(name: str, text: LifecycleText, grace: int) -> LifecycleMap:
    states = tuple(state.state for state in text.states)
    moves: dict[tuple[str, str], str] = {}
    for move in text.moves:
        for state in move.origins:
            assert move.target is not None, "a checked move with `from` has a `to`"
            moves[state, move.trigger] = move.target
        for state in move.stay:
            moves[state, move.trigger] = state
    return LifecycleMap(
        name=name,
        start=text.start,
        states=states,
        rank={state: rank for rank, state in enumerate(states)},
        moves=moves,
        triggers=frozenset(move.trigger for move in text.moves),
        terminal=frozenset(state.state for state in text.states if state.end),
        words={state.state: state.words for state in text.states},
        expect={state.state: state.expect for state in text.states},
        grace=grace,
        person_thaws=_person_thaws(text, moves),
    )


def _person_thaws(text: LifecycleText, moves: dict[tuple[str, str], str]) -> frozenset[tuple[str, str]]:
    if text.person_thaws is not None:
        return frozenset((state, trigger) for trigger, met in text.person_thaws.items() for state in met)
    unpaid = [state for (state, trigger), to in moves.items() if trigger == PAID_FULL and to != state]
    return frozenset((state, DISPATCHED) for state in unpaid if (state, DISPATCHED) not in moves)


def _sla(text: PolicyText, start: int, now: int) -> Sla:
    return Sla(
        tiers=tuple(_tier(tier, text) for tier in text.sla.tiers),
        half=text.sla.half,
        warn=text.sla.warn,
        pausing_holds=frozenset(text.sla.pausing_holds),
        calendars={
            name: compile_calendar(name, calendar, start, now + AHEAD)
            for name, calendar in text.calendars.items()
        },
    )


def _tier(tier: TierText, text: PolicyText) -> Tier:
    return Tier(
        name=tier.name,
        channels=frozenset(tier.channels),
        customers=frozenset(tier.customers),
        amount_at_least=tier.amount_at_least,
        stages=tuple(_stage(name, text.sla.stages[name], tier, text) for name in tier.stages),
        calendar=tier.calendar,
    )


def _stage(name: str, stage: StageText, tier: TierText, text: PolicyText) -> Stage:
    within = tier.within.get(name, stage.within)
    return Stage(
        name=name,
        start=stage.start or _placing(tier, text),
        stop=stage.stop,
        promise=stage.promise or "",
        within=targets(within) if within is not None else {},
        ladder=tuple(
            Step(duration(step.after), step.to, tuple(step.via)) for step in text.sla.ladders[stage.ladder]
        ),
    )


def _placing(tier: TierText, text: PolicyText) -> str:
    """The state a promise runs from: that in which the tier's orders are placed."""
    channel = text.channels[tier.channels[0] if tier.channels else text.default_channel]
    return text.lifecycles[channel.lifecycle].start


def targets(within: str | dict[str, str]) -> dict[str, int]:
    """`2h`, or `{fresh: 45m, other: 2h}` → µs by category, "" for those not named."""
    if isinstance(within, str):
        return {"": duration(within)}
    return {"" if category == OTHER else category: duration(text) for category, text in within.items()}
