"""What people are told and given to do: diagnosis, work, notices, deliveries and webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from schemas.policy.base import Count, Duration, Key, Section, Variable, Words
from schemas.policy.orders import StepText


class ManyText(Section, frozen=True):
    """So many different orders in so short a time are one outage, not so many single cases."""

    orders: Count
    within: Duration


class PatternText(Section, frozen=True):
    """A named cause: an order for which all conditions hold, and that is neither held nor in doubt nor frozen. `cause` and
    `guide` are for people. `after`: it has stood in its state so long. `happened`, `missing`: event types without
    version that were, or were not, told of it. `count`: how often a type was told, at least; with `reasons`, only such
    whose reason holds one of these words. `lacks`: what it came without. `kind` and `group` of the work item: the group
    is the order's own unless one is named. `many`: from so many orders on it is an outage. `unless`: rules that say more,
    while one of them stands."""

    cause: Words
    guide: Words
    states: list[Key] = []
    channels: list[Key] = []
    after: Duration | None = None
    happened: list[str] = []
    missing: list[str] = []
    count: dict[str, Count] = {}
    reasons: list[str] = []
    lacks: list[Literal["lines", "address", "contact", "parsed_address"]] = []
    kind: str = "diagnosis"
    group: str = ""
    many: ManyText | None = None
    unless: list[Key] = []


class StuckText(Section, frozen=True):
    """An order of these channels in one of these states is stuck `after` so long without a fact, counted by a calendar
    ("": around the clock). 0s: never."""

    after: Duration
    states: list[Key] = []
    channels: list[Key] = []
    calendar: str = ""


class DiagnosisText(Section, frozen=True):
    """`rules` by name; `stuck`: the first that matches an open order, none: not stuck."""

    rules: dict[Key, PatternText] = {}
    stuck: Annotated[list[StuckText], Meta(max_length=100)] = []


class DigestText(Section, frozen=True):
    """What a group has to do, told each time the calendar opens, if there is anything."""

    calendar: Key
    via: Annotated[list[Key], Meta(min_length=1, max_length=10)]


class WorkText(Section, frozen=True):
    """How open work goes on to somebody else: a ladder of rungs by kind, "" of `kinds` for all others. A kind with the
    ladder `none` stays where it is."""

    ladders: dict[Key, Annotated[list[StepText], Meta(min_length=1, max_length=20)]] = {}
    kinds: dict[str, str] = {}
    digest: DigestText | None = None


class DeliveryText(Section, frozen=True):
    """A way to reach people; not switched on without `url`. `dry_run`: its notices are decided and listed, never sent.

    `provider` dingtalk and wecom are the robots of those two, `url` as their page gives it; apprise takes any URL of
    that library. In `url` (and in contacts) ${NAME} stands for an environment variable, {to} for the contact of
    whoever is told; without {to} everything goes to the one place, and a robot mentions the contact. `secret`: the
    variable that holds the secret DingTalk signs with. At most `per_minute` go out, to each contact where the URL
    names it; what is more waits. After a failure it is tried again after each of `retry` in turn."""

    dry_run: bool = True
    provider: Literal["apprise", "dingtalk", "wecom"] = "apprise"
    url: Annotated[str, Meta(max_length=2000)] = ""
    secret: Variable | None = None
    per_minute: Count = 20
    timeout: Duration = "20s"
    retry: Annotated[list[Duration], Meta(max_length=50)] = field(
        default_factory=lambda: ["5s", "30s", "2m", "10m", "30m", "1h", "2h"]
    )


class SendingText(Section, frozen=True):
    """How notices leave. Those of one kind to one person within `gather` become one message, more than `digest_over` of
    them a digest; one older than `expire` is not sent any more. `link`: the address people reach the board at. What was
    sent is forgotten after `keep`."""

    gather: Duration = "1m"
    digest_over: Count = 10
    expire: Duration = "24h"
    keep: Duration = "30d"
    link: Annotated[str, Meta(max_length=500)] = ""


class WebhookText(Section, frozen=True):
    """An endpoint that is told of decisions, by Standard Webhooks 1.0. `types` are event types with * for any run of
    characters. `secrets` name the environment variables that hold its secrets (whsec_… or whsk_…): with several each
    signs, so that one can be changed for another. `retry` is the standard's schedule."""

    url: Annotated[str, Meta(max_length=2000)]
    secrets: Annotated[list[Variable], Meta(min_length=1, max_length=5)]
    types: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)] = field(
        default_factory=lambda: ["*"]
    )
    dry_run: bool = True
    per_minute: Count = 600
    timeout: Duration = "20s"
    retry: Annotated[list[Duration], Meta(max_length=50)] = field(
        default_factory=lambda: ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
    )


class NoticeText(Section, frozen=True):
    """One kind of notice: by which deliveries, in which words. Variables in braces, as {order}; `NOTICES`
    lists them. `dry_run`: those of this kind are decided and listed, never sent."""

    via: Annotated[list[Key], Meta(max_length=10)]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    dry_run: bool = False
