"""streams.yaml as written: one struct per section, durations and dates still as the operator's text.

`engine.policy` reads it, checks it and compiles what folds need into `projections.policy.Policy`; intake,
views and store read their sections from here. A field without a default must be written; a key not named here
is refused. The defaults of the sections that only tune the engine are those of DESIGN.md.

base.py     durations, names, amounts     intake.py   what is let in, by whom
orders.py   how one order fares           across.py   what is judged over all orders
telling.py  what people are told
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.policy.across import (
    AddressText,
    AlertText,
    BacklogText,
    BoardText,
    CompleteText,
    FigureText,
    FlowStageText,
    FlowText,
    GoldenText,
    IndexText,
    MatchingText,
    MergeText,
    NodesText,
    NodeText,
    SilenceText,
    UnfoldedText,
)
from schemas.policy.base import Key, Section, Words, duration, is_duration
from schemas.policy.intake import (
    ChannelText,
    IntakeText,
    OcelEventText,
    OcelText,
    RoleText,
    StoreText,
    TimersText,
    TokenText,
    ViewsText,
)
from schemas.policy.orders import (
    AbsenceText,
    CalendarText,
    GroupText,
    HealthText,
    LifecycleText,
    LimboText,
    MoveText,
    PersonText,
    ReviewText,
    RouteText,
    RoutingText,
    SlaText,
    StageText,
    StateText,
    StepText,
    TierText,
)
from schemas.policy.telling import (
    DeliveryText,
    DiagnosisText,
    DigestText,
    ManyText,
    NoticeText,
    PatternText,
    SendingText,
    StuckText,
    WebhookText,
    WorkText,
)


class PolicyText(Section, frozen=True):
    """The whole file. `version` is the version of its form, `name` the policy's own, shown beside every
    deadline."""

    version: Literal[1]
    name: Key
    default_channel: Key
    channels: Annotated[dict[Key, ChannelText], Meta(min_length=1, max_length=1000)]
    lifecycles: Annotated[dict[Key, LifecycleText], Meta(min_length=1, max_length=100)]
    sla: SlaText
    groups: dict[Key, GroupText]
    people: dict[Key, PersonText]
    routing: RoutingText
    health: HealthText
    notices: dict[str, NoticeText]
    categories: list[Key] = []
    intake: IntakeText = IntakeText()
    timers: TimersText = TimersText()
    calendars: dict[Key, CalendarText] = {}
    review: ReviewText = ReviewText()
    limbo: LimboText = LimboText()
    delivery: dict[Key, DeliveryText] = {}
    sending: SendingText = SendingText()
    merge: MergeText | None = None
    webhooks: dict[Key, WebhookText] = {}
    guides: dict[str, Words] = {}
    roles: dict[Key, RoleText] = {}
    tokens: list[TokenText] = []
    ocel: OcelText | None = None
    views: ViewsText = ViewsText()
    store: StoreText = StoreText()
    diagnosis: DiagnosisText = DiagnosisText()
    work: WorkText = WorkText()
    flow: FlowText | None = None
    golden: GoldenText | None = None
    nodes: NodesText | None = None


__all__ = [
    "AbsenceText",
    "AddressText",
    "AlertText",
    "BacklogText",
    "BoardText",
    "CalendarText",
    "ChannelText",
    "CompleteText",
    "DeliveryText",
    "DiagnosisText",
    "DigestText",
    "FigureText",
    "FlowStageText",
    "FlowText",
    "GoldenText",
    "GroupText",
    "HealthText",
    "IndexText",
    "IntakeText",
    "LifecycleText",
    "LimboText",
    "ManyText",
    "MatchingText",
    "MergeText",
    "MoveText",
    "NodeText",
    "NodesText",
    "NoticeText",
    "OcelEventText",
    "OcelText",
    "PatternText",
    "PersonText",
    "PolicyText",
    "ReviewText",
    "RoleText",
    "RouteText",
    "RoutingText",
    "Section",
    "SendingText",
    "SilenceText",
    "SlaText",
    "StageText",
    "StateText",
    "StepText",
    "StoreText",
    "StuckText",
    "TierText",
    "TimersText",
    "TokenText",
    "UnfoldedText",
    "ViewsText",
    "WebhookText",
    "WorkText",
    "duration",
    "is_duration",
]
