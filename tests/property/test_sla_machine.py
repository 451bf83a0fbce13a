"""Clocks under pauses, re-targets and clock changes, against a model that counts minute by minute.

The model knows no intervals: each minute is open or not, held or not, and adds one to what is used. Everything
happens at whole minutes, so the two seconds a past deadline waits to settle fall between.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from projections.policy import Calendar, Policy
from projections.sla import explain
from projections.sla.timing import used_at
from schemas.envelope import micros
from tests.policies import MINUTE
from tests.sla_orders import LADDER, SHIP, Host, policy, tier

DAYS = 12
AFTER = [step.after // MINUTE for step in LADDER]

CHANGES = {
    "forward": ("Europe/Berlin", datetime(2026, 3, 26), ((1, 4), (9, 12))),
    "back": ("America/New_York", datetime(2026, 10, 29), ((0, 5),)),
    "half an hour": ("Australia/Lord_Howe", datetime(2026, 4, 2), ((1, 3), (20, 23))),
}
"""Opening hours around a change of the clocks: zone, first day, hours of a day."""


@cache
def calendar(name: str) -> Calendar:
    zone, first, hours = CHANGES[name]
    spans = [
        (micros(day.replace(hour=opens)), micros(day.replace(hour=closes)))
        for day in (first.replace(tzinfo=ZoneInfo(zone)) + timedelta(n) for n in range(8))
        for opens, closes in hours
    ]
    return Calendar(name, tuple(opens for opens, _ in spans), tuple(closes for _, closes in spans))


@cache
def open_minutes(name: str, start: int) -> tuple[bool, ...]:
    """For each minute from `start` on, whether it counts; outside what is compiled, all do."""
    if not name:
        return (True,) * (DAYS * 1440)
    hours = calendar(name)
    return tuple(
        not hours.opens[0] <= at < hours.closes[-1]
        or any(opens <= at < closes for opens, closes in zip(hours.opens, hours.closes, strict=True))
        for at in range(start, start + DAYS * 1440 * MINUTE, MINUTE)
    )


@cache
def rules(minutes: int, hours: str) -> Policy:
    """SHIP within so many minutes of the calendar; 0: no such stage."""
    stages = (replace(SHIP, within={"": minutes * MINUTE}),) if minutes else ()
    calendars = tuple(calendar(name) for name in CHANGES)
    return policy(tier(*stages, calendar=hours), hash=f"{minutes:06d}{hours}", calendars=calendars)


targets = st.sampled_from([5, 30, 60, 600])
hours = st.one_of(st.just(""), st.sampled_from(list(CHANGES)))
gaps = st.one_of(st.sampled_from([1, 4, 5, 20, 24, 30, 60, 240]), st.integers(1, 1500))
"""Minutes between two things, so chosen that many meet a deadline to the minute."""


class Clocks(RuleBasedStateMachine):
    @initialize(
        minutes=targets,
        name=hours,
        change=st.sampled_from(list(CHANGES)),
        offset=st.integers(-200, 3000),
        paid=st.booleans(),
    )
    def place(self, minutes: int, name: str, change: str, offset: int, paid: bool) -> None:
        self.start = calendar(change).opens[0] + offset * MINUTE
        self.host = Host(rules(minutes, name))
        self.target, self.hours = minutes, name
        self.now = 0
        self.holds: set[str] = set()
        self.held: set[int] = set()
        self.paid: int | None = None
        self.over = False
        self.reset()
        self.host.place(self.start, lines=[{"category": "general"}])
        if paid:
            self.pay(1)

    def reset(self) -> None:
        self.clock = self.warned = self.breached = self.skips_warning = False
        self.used = self.rung = self.waited = 0

    # The model

    def passing(self, gap: int) -> int:
        """Let `gap` minutes pass; returns the instant."""
        for minute in range(self.now, self.now + gap):
            if self.clock and not self.holds:
                self.judge()
                self.used += open_minutes(self.hours_used, self.start)[minute]
                self.waited += self.breached
            if self.holds:
                self.held.add(minute)
        self.now += gap
        return self.start + self.now * MINUTE

    def judge(self) -> None:
        if not self.warned and not self.breached and not self.skips_warning:
            self.warned = self.used >= self.goal * 8 // 10
        if not self.breached and self.used >= self.goal:
            self.breached, self.waited = True, 0
        while self.breached and self.rung < len(AFTER) and self.waited >= AFTER[self.rung]:
            self.rung += 1

    # What happens

    def room(self) -> bool:
        return self.now < (DAYS - 2) * 1440

    @precondition(lambda self: self.paid is None and self.room())
    @rule(gap=gaps)
    def pay(self, gap: int) -> None:
        at = self.passing(gap)
        self.host.enter("paid", at)
        self.paid = self.now
        if self.target:
            self.clock, self.goal, self.hours_used = True, self.target, self.hours

    @precondition(lambda self: self.room())
    @rule(gap=gaps)
    def wait(self, gap: int) -> None:
        self.host.tell("stock.locked.v1", self.passing(gap))

    @precondition(lambda self: self.room())
    @rule(
        gap=gaps,
        handle=st.sampled_from("ab"),
        reason=st.sampled_from(["awaiting_customer", "incorrect_address"]),
    )
    def hold(self, gap: int, handle: str, reason: str) -> None:
        if handle not in self.holds:
            at = self.passing(gap)
            self.host.hold(at, reason=reason, handle=handle)
            self.holds.add(handle)

    @precondition(lambda self: self.holds and self.room())
    @rule(gap=gaps, data=st.data())
    def release(self, gap: int, data: st.DataObject) -> None:
        handle = data.draw(st.sampled_from(sorted(self.holds)))
        at = self.passing(gap)
        if handle == "doubt":
            self.host.unfreeze(at)
        else:
            self.host.release(at, handle=handle)
        self.holds.remove(handle)

    @precondition(lambda self: "doubt" not in self.holds and self.room())
    @rule(gap=gaps)
    def doubt(self, gap: int) -> None:
        self.host.doubt(self.passing(gap))
        self.holds.add("doubt")

    @precondition(lambda self: "doubt" in self.holds and self.room())
    @rule(gap=gaps)
    def freeze(self, gap: int) -> None:
        self.host.freeze(self.passing(gap))

    @precondition(lambda self: self.room())
    @rule(gap=gaps, minutes=st.one_of(targets, st.just(0)), name=hours)
    def publish(self, gap: int, minutes: int, name: str) -> None:
        at = self.passing(gap)
        self.host.publish(rules(minutes, name), at)
        self.target, self.hours = minutes, name
        if not minutes:
            self.reset()
        elif self.clock and not self.breached and (minutes, name) != (self.goal, self.hours_used):
            self.goal, self.hours_used = minutes, name
            self.warned = self.warned and self.used >= minutes * 8 // 10
            self.skips_warning = self.used >= minutes
        elif not self.clock and self.paid is not None and not self.over:
            self.clock, self.goal, self.hours_used = True, minutes, name
            counts = open_minutes(name, self.start)
            self.used = sum(counts[m] for m in range(self.paid, self.now) if m not in self.held)
            self.skips_warning = self.used >= minutes

    @precondition(lambda self: self.paid is not None and not self.over and self.room())
    @rule(gap=gaps)
    def ship(self, gap: int) -> None:
        self.host.enter("shipped", self.passing(gap))
        self.over = True
        self.ended = (self.used, self.breached) if self.clock else None
        self.clock = False

    # What must hold

    @invariant()
    def the_clock_agrees(self) -> None:
        if not hasattr(self, "host") or not self.clock:
            return
        now = self.start + self.now * MINUTE
        clock = self.host.clock("ship")
        hours = self.host.policy.sla.calendars.get(clock.calendar)
        assert used_at(clock, now, self.host.state.pauses, hours) == self.used * MINUTE
        assert (clock.warned, clock.breached, clock.rung) == (self.warned, self.breached, self.rung)
        if not self.holds and self.used < self.goal:
            left, minute = self.goal - self.used, self.now
            counts = open_minutes(self.hours_used, self.start)
            while left and minute < len(counts):
                left -= counts[minute]
                minute += 1
            if not left:
                assert clock.due_at == self.start + minute * MINUTE == self.host.state.due_at
        if self.holds:
            assert self.host.state.due_at == 0

    @invariant()
    def the_clock_explains_itself(self) -> None:
        if not hasattr(self, "host") or not self.clock:
            return
        now = self.start + self.now * MINUTE
        told = explain(self.host.clock("ship"), now, self.host.policy, self.host.row)
        assert told.used == self.used * MINUTE == sum(time for _, time in told.states)
        held = sum(minute >= (self.paid or 0) for minute in self.held)
        assert sum(time for _, time in told.pauses) == held * MINUTE
        assert now - told.started == told.used + held * MINUTE + told.closed
        assert " used of " in told.text()

    @invariant()
    def what_stopped_stays(self) -> None:
        if hasattr(self, "host") and self.over:
            past = [(p.used // MINUTE, p.breached) for p in self.host.state.past]
            assert past == ([] if self.ended is None else [self.ended])
            assert self.host.state.clocks == ()
            assert self.host.state.wake_at == 0

    @invariant()
    def decisions_come_once(self) -> None:
        if hasattr(self, "host"):
            told = [key for type_, key in self.host.told() if type_ == "sla.escalated.v1"]
            assert len(told) >= self.rung
            opened = [what for what, _ in self.host.work()]
            assert opened == ["opened", "closed"] * (len(opened) // 2) + ["opened"] * (len(opened) % 2)
            assert (len(opened) % 2 == 1) == (self.breached and self.clock)
            assert self.host.refolds == []


Clocks.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestClocks = Clocks.TestCase
