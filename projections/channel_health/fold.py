"""Whether each channel's feed flows, tells what it should, and can be read.

Question: is a channel silent, must dispatch pause, what does nobody fold? From: minute sums (`projections.flow`) and the
channels' own signs of life. Handlers only add; what is decided is decided by timers, once every partition has told its
minute: a silence at `last` + `limit`, which is the end of a minute, all else a microsecond after a minute's sums. So no
answer depends on how many partitions there are or who tells first. Rules: DOMAIN.md, "Health"; numbers: streams.yaml.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace

from projections.channel_health import wording
from projections.channel_health.flowing import (
    BLOCKS,
    addresses_in,
    addresses_with,
    backlog_with,
    counted,
    day_with,
    needed,
    unfolded_with,
)
from projections.channel_health.score import median, open_orders, parts_of, score_of
from projections.channel_health.state import (
    EPISODES_KEPT,
    ChannelState,
    Day,
    Episode,
    StageState,
    Unfolded,
    UsualState,
)
from projections.channel_health.usual import UNTOUCHED, learned_with, usual_of
from projections.days import DAY, HOUR, MINUTE, day_of, hour_of_week, local
from projections.kernel import NONE
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.policy import Channel, Flow, Policy
from projections.routing import close_across, open_across
from schemas.events.decisions import (
    ChannelResumed,
    ChannelSilent,
    DispatchPaused,
    DispatchResumed,
)
from schemas.facts import MinuteSummed

HOURS_CAUGHT_UP = 14 * 24
"""A channel not heard of for longer learns no more of what its silence was like."""
WATCHED = 7 * DAY
"""So long after its last event a stage that nothing is known of yet is looked at again each hour."""
DAYS_KEPT = 400
PLACED_HOURS = 24


def _summed(fold: ChannelHealthFold, fact: Told, ctx: KeyedContext) -> None:
    """A partition's counts of a minute."""
    flow = ctx.policy.flow
    if flow is None or not fact.key.startswith("channel/"):
        return
    data: MinuteSummed = fact.data
    state: ChannelState = ctx.get(fact.key) or ChannelState()
    channel = _channel(fact.key, ctx.policy)
    hour = local(ctx.policy.zones[channel.zone], data.minute) // HOUR
    if hour > state.hour:
        state = _closed(state, fact.key, hour, channel, flow, ctx)
    end = data.minute + MINUTE
    cells = dict(state.cells)
    active: set[str] = set()
    read = unread = 0
    unfolded = state.unfolded
    for cell, n in data.cells.items():
        cells[cell] = cells.get(cell, 0) + n
        one = counted(cell)
        if one.stage:
            active.add(one.stage)
        if one.read or one.unread:
            read += n * one.read
            unread += n * one.unread
        if one.unfolded:
            unfolded = unfolded_with(unfolded, one.unfolded, n, end, flow.unfolded.window)
    addresses = state.addresses
    if read or unread:
        addresses = addresses_with(addresses, _part(flow, data.minute), read, unread)
    stages = state.stages
    if active:
        stages = dict(stages)
        for name in sorted(active):
            stages[name] = _heard(stages.get(name), end)
    # The other partitions tell the same minute at the same instant: what it comes to is judged after them.
    ripe = (
        unread
        or (read and state.paused)
        or unfolded is not state.unfolded
        or any(stages[name].silent for name in active)
    )
    state = replace(
        state,
        heard=max(state.heard, end),
        stages=stages,
        cells=cells,
        addresses=addresses,
        unfolded=unfolded,
        ripe=ctx.now + 1 if ripe else state.ripe,
    )
    ctx.put(fact.key, state, _due(state, channel, flow, ctx))


def _heard(before: StageState | None, end: int) -> StageState:
    """A stage with an event in the minute that ended at `end`."""
    if before is None:
        return StageState(end, fresh=True)
    if end <= before.last:
        return before
    longest = max(before.longest, end - MINUTE - before.last) if before.last else before.longest
    return StageState(
        end,
        longest,
        before.limit,
        before.usual,
        before.bucket,
        before.sample,
        before.events,
        before.silent,
        before.silences,
        before.spoilt,
        before.fresh,
    )


def _channel(key: str, policy: Policy) -> Channel:
    return policy.channels.get(key.partition("/")[2], policy.default_channel)


def _part(flow: Flow, instant: int) -> int:
    """The number of the part of the address window an instant lies in."""
    return instant // (flow.address.window // BLOCKS)


def _beat(fold: ChannelHealthFold, fact: Told, ctx: KeyedContext) -> None:
    """The channel's connector is there. That says nothing of what it should send."""
    flow = ctx.policy.flow
    if flow is None:
        return
    state: ChannelState = ctx.get(fact.key) or ChannelState()
    state = replace(state, beat=fact.streamtime)
    ctx.put(fact.key, state, _due(state, _channel(fact.key, ctx.policy), flow, ctx))


# Hours


def _closed(
    state: ChannelState, key: str, hour: int, channel: Channel, flow: Flow, ctx: KeyedContext
) -> ChannelState:
    """The state at the beginning of a later local hour: what passed is learned and added to its day."""
    name = key.partition("/")[2]
    usual: UsualState = ctx.get(f"usual/{name}") or UsualState()
    offset = local(ctx.policy.zones[channel.zone], ctx.now) - ctx.now
    if state.hour:
        for passed in (state.hour, *range(max(state.hour + 1, hour - HOURS_CAUGHT_UP), hour)):
            state, usual = _learned(state, usual, passed, offset, channel, flow, ctx)
            date = day_of((passed + 1) * HOUR)
            if date != state.today.date:
                if state.today.stages:
                    ctx.put(f"day/{name}/{state.today.date}", state.today)
                    ctx.drop(f"day/{name}/{day_of((passed + 1) * HOUR - DAYS_KEPT * DAY)}")
                state = replace(state, today=Day(date))
        ctx.put(f"usual/{name}", usual)
    state = replace(state, hour=hour, today=replace(state.today, date=day_of(hour * HOUR)))
    return _limited(state, usual, flow)


def _learned(
    state: ChannelState,
    usual: UsualState,
    hour: int,
    offset: int,
    channel: Channel,
    flow: Flow,
    ctx: KeyedContext,
) -> tuple[ChannelState, UsualState]:
    """One hour is over: its silences, events and backlog are learned, its counts become the day's."""
    end = (hour + 1) * HOUR - offset
    events: dict[str, int] = {}
    for cell, n in state.cells.items():
        if told := counted(cell).stage:
            events[told] = events.get(told, 0) + n
    at = hour_of_week(hour * HOUR)
    learned = dict(usual.stages)
    stages: dict[str, StageState] = {}
    for name, stage in state.stages.items():
        silence = max(stage.longest, end - stage.last)
        if not stage.fresh:
            learned[name] = learned_with(
                learned.get(name, UNTOUCHED),
                at,
                silence,
                stage.longest,
                events.get(name, 0),
                stage.spoilt,
                flow.silence.weeks,
            )
        stages[name] = replace(stage, longest=0, spoilt=stage.silent > 0, fresh=False)
    scored = score_of(parts_of(state, end, channel.name, ctx.policy))
    placed = sum([n for cell, n in state.cells.items() if counted(cell).placed])
    backlog = backlog_with(state.backlog, state.cells)
    today = day_with(state.today, state.cells)
    if scored >= 0:
        today = replace(
            today, hours=today.hours + 1, scores=today.scores + scored, least=min(today.least, scored)
        )
    standing = usual.backlog or ((),) * 24
    kept = (*standing[hour % 24], open_orders(backlog, ctx.policy.lifecycle_of(channel.name)))[
        -flow.backlog.days :
    ]
    state = replace(
        state,
        stages=stages,
        cells={},
        today=today,
        backlog=backlog,
        placed=(*state.placed, placed)[-PLACED_HOURS:],
    )
    return state, UsualState(learned, (*standing[: hour % 24], kept, *standing[hour % 24 + 1 :]))


def _limited(state: ChannelState, usual: UsualState, flow: Flow) -> ChannelState:
    """The state with what is usual in its hour."""
    at = hour_of_week(state.hour * HOUR)
    stages: dict[str, StageState] = {}
    for name, stage in state.stages.items():
        found = usual_of(usual.stages.get(name, UNTOUCHED), at, flow.silence)
        if found is None:
            stages[name] = replace(stage, limit=0, usual=0, bucket="", sample=0, events=0)
        else:
            stages[name] = replace(
                stage,
                limit=found.limit,
                usual=found.gap,
                bucket=found.bucket,
                sample=found.sample,
                events=found.events,
            )
    normals = usual.backlog[state.hour % 24] if usual.backlog else ()
    normal = median(normals) if len(normals) >= flow.backlog.samples else 0
    return replace(state, stages=stages, normal=normal, normals=len(normals))


def _due(state: ChannelState, channel: Channel, flow: Flow, ctx: KeyedContext) -> int:
    """When the channel must be looked at again, whatever comes; NONE for never."""
    if state.ripe:
        return state.ripe
    found: list[int] = []
    hour_end = 0
    if state.hour:
        offset = local(ctx.policy.zones[channel.zone], ctx.now) - ctx.now
        hour_end = (state.hour + 1) * HOUR - offset
        if hour_end <= ctx.now:
            hour_end = ((ctx.now + offset) // HOUR + 1) * HOUR - offset
    for name in flow.alerting:
        stage = state.stages.get(name)
        if stage is None or stage.silent:
            continue
        if stage.limit:
            found.append(max(min(stage.last + stage.limit, hour_end), ctx.now + 1))
        elif ctx.now - stage.last < WATCHED:
            found.append(hour_end)
    for kind, one in state.unfolded.items():
        if one.opened or one.count < needed(kind, flow.unfolded):
            found.append(one.last + flow.unfolded.window + 1)
        else:
            found.append(one.first + flow.unfolded.after)
    return max(min(found), ctx.now + 1) if found else NONE


# Decisions


def _silences(state: ChannelState, name: str, flow: Flow, ctx: KeyedContext) -> ChannelState:
    """Stages that have fallen silent, and those that are heard again."""
    stages = dict(state.stages)
    to, via = flow.alert.to, list(flow.alert.via)
    for stage_name in sorted(stages):
        stage = stages[stage_name]
        work = f"silence:{name}:{stage_name}"
        if stage.silent and stage.last > stage.silent:
            lasted = max(0, stage.last - MINUTE - stage.silent)
            reason = wording.resumed(stage_name, lasted)
            ctx.decide(
                "channel.resumed.v1",
                _subject(name, ctx.now),
                stage_name,
                ChannelResumed(name, stage_name, lasted, reason, to, via),
            )
            close_across(ctx, stage.silences, work, reason)
            state = _over(state, "silent", stage.silent, ctx.now, reason)
            stages[stage_name] = replace(stage, silent=0, silences="")
        elif (
            stage_name in flow.alerting
            and not stage.silent
            and stage.limit
            and ctx.now >= stage.last + stage.limit
        ):
            subject = _subject(name, ctx.now)
            reason = wording.silent(stage_name, stage, ctx.now, state.beat)
            ctx.decide(
                "channel.silent.v1",
                subject,
                stage_name,
                ChannelSilent(
                    name,
                    stage_name,
                    stage.last,
                    stage.usual,
                    stage.limit,
                    stage.bucket,
                    stage.sample,
                    stage.events,
                    reason,
                    to,
                    via,
                ),
            )
            open_across(ctx, subject, work, "silence", f"{name}: {reason}", flow.alert.to)
            stages[stage_name] = replace(stage, silent=stage.last, silences=subject, spoilt=True)
    return replace(state, stages=stages)


def _guarded(state: ChannelState, name: str, flow: Flow, ctx: KeyedContext) -> ChannelState:
    """Dispatch waits while too few addresses can be read."""
    rule = flow.address
    read, total = addresses_in(state.addresses, _part(flow, ctx.now - 1))
    if total < rule.sample:
        return state
    well = read * 1000 >= rule.least * total
    to, via = flow.alert.to, list(flow.alert.via)
    work = f"addresses:{name}"
    if state.paused and well:
        lasted = ctx.now - state.paused
        reason = wording.unpaused(read, total, lasted)
        ctx.decide(
            "dispatch.resumed.v1",
            _subject(name, ctx.now),
            "",
            DispatchResumed(name, read, total, lasted, reason, to, via),
        )
        close_across(ctx, state.pauses, work, reason)
        state = _over(state, "paused", state.paused, ctx.now, reason)
        return replace(state, paused=0, pauses="")
    if not state.paused and not well:
        subject = _subject(name, ctx.now)
        reason = wording.paused(read, total, rule)
        ctx.decide(
            "dispatch.paused.v1",
            subject,
            "",
            DispatchPaused(name, read, total, rule.least, rule.window, reason, to, via),
        )
        open_across(ctx, subject, work, "addresses", f"{name}: {reason}", flow.alert.to)
        return replace(state, paused=ctx.now, pauses=subject)
    return state


def _unfolded(state: ChannelState, name: str, flow: Flow, ctx: KeyedContext) -> ChannelState:
    """Kinds of events nobody folds become work; those not heard of for a window are forgotten."""
    rule = flow.unfolded
    kept: dict[str, Unfolded] = {}
    for kind in sorted(state.unfolded):
        one = state.unfolded[kind]
        work = f"unfolded:{name}:{kind}"
        if ctx.now - one.last > rule.window:
            if one.opened:
                close_across(ctx, one.opened, work, wording.folded_again(rule.window))
            continue
        if not one.opened and one.count >= needed(kind, rule) and ctx.now - one.first >= rule.after:
            one = replace(one, opened=_subject(name, ctx.now))
            open_across(
                ctx,
                one.opened,
                work,
                "unfolded",
                f"{name}: {wording.unfolded(kind, one, ctx.now)}",
                flow.alert.to,
            )
        kept[kind] = one
    return replace(state, unfolded=kept)


def _over(state: ChannelState, kind: str, since: int, until: int, reason: str) -> ChannelState:
    return replace(state, past=(*state.past, Episode(kind, since, until, reason))[-EPISODES_KEPT:])


def _subject(name: str, now: int) -> str:
    return f"channel/{name}/{day_of(now)}"


class ChannelHealthFold(KeyedFold):
    """Keys `channel/<id>`, `usual/<id>`, `day/<id>/<date>`."""

    name = "channel_health"
    version = 1
    kinds: ClassVar[Any] = {"channel": ChannelState, "usual": UsualState, "day": Day}
    handlers: ClassVar[dict[str, Handler]] = {
        "minute.summed": _summed,
        "channel.registered.v1": _beat,
        "channel.reported.v1": _beat,
        "channel.heartbeat.v1": _beat,
    }

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        """Everything the minute told is added: judge it."""
        flow = ctx.policy.flow
        if flow is None:
            ctx.put(key, state)
            return
        found: ChannelState = replace(state, ripe=0)
        name = key.partition("/")[2]
        channel = _channel(key, ctx.policy)
        hour = local(ctx.policy.zones[channel.zone], ctx.now) // HOUR
        # What ended with the last hour is judged by the limits of that hour, then learned.
        found = _silences(found, name, flow, ctx)
        if found.hour and hour > found.hour:
            found = _closed(found, key, hour, channel, flow, ctx)
            found = _silences(found, name, flow, ctx)
        if found.addresses:
            found = _guarded(found, name, flow, ctx)
        if found.unfolded:
            found = _unfolded(found, name, flow, ctx)
        ctx.put(key, found, _due(found, channel, flow, ctx))

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        """Every declared channel is there, and follows the new rules from now on."""
        flow = ctx.policy.flow
        if flow is None:
            return
        for name in ctx.policy.channels:
            key = f"channel/{name}"
            state: ChannelState = ctx.get(key) or ChannelState()
            usual: UsualState = ctx.get(f"usual/{name}") or UsualState()
            state = _limited(state, usual, flow)
            if old is not None and old.flow is not None and old.flow.address.window != flow.address.window:
                state = replace(state, addresses=())  # counted in parts of another length
            ctx.put(key, state, _due(state, ctx.policy.channels[name], flow, ctx))

    def label(self, key: str, state: Any) -> str:
        """`silent`, `paused` or `unfolded`, in this order of urgency."""
        if not isinstance(state, ChannelState):
            return ""
        if any(stage.silent for stage in state.stages.values()):
            return "silent"
        if state.paused:
            return "paused"
        return "unfolded" if any(one.opened for one in state.unfolded.values()) else ""
