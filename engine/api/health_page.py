"""The board's page of channels and nodes: what is wrong now first, then each with its score, all linked to its why."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from engine.api import html
from engine.api.html import Child, Markup, age, span, tag
from engine.api.order_page import SYMBOLS
from engine.views.health import ChannelLine, HealthPage, NodeLine, Times, Why

GREEN_FROM, YELLOW_FROM, ORANGE_FROM = 90, 75, 60


def health_body(found: HealthPage) -> Child:
    """The page of all."""
    index = "–" if found.index is None else str(found.index)
    alarms = (
        (age(alarm.since, found.as_of), _link(alarm.subject), alarm.kind, alarm.reason)
        for alarm in found.alarms
    )
    return [
        tag("h1", "Health"),
        tag("p", "Health index ", tag("strong", index), _sign(found.index), id="index"),
        html.table(("For", "Of", "What", "Why"), alarms, "Nothing is wrong now."),
        _past(found),
        tag("h2", "Channels"),
        html.table(
            (
                "Channel",
                "Score",
                "Last event",
                "Orders",
                "Payment",
                "Told",
                "Read",
                "Open",
                "Placed 24 h",
                "Ready",
            ),
            (_channel_row(line, found.as_of) for line in found.channels),
            "Nothing has been heard of any channel.",
        ),
        tag("p", f"{found.unheard} more never heard of.", class_="quiet") if found.unheard else None,
        tag("h2", "Nodes"),
        html.table(
            ("Node", "Score", "Breaker", "Last scores", "Heard", "Why"),
            (_node_row(line, found.as_of) for line in found.nodes),
            "No node has reported.",
        ),
    ]


def _past(found: HealthPage) -> Child:
    if not found.past:
        return None
    rows = ((age(one.until, found.as_of), _link(one.subject), one.kind, one.reason) for one in found.past)
    return [tag("h2", "Over since yesterday"), html.table(("Ago", "Of", "What", "Why"), rows, "")]


def why_body(found: Why) -> Child:
    """The page of one."""
    rows = ((line.what, line.how) for line in found.lines)
    return [
        tag("h1", f"Why {found.subject}"),
        html.table(("Figure", "How it comes about"), rows, ""),
        tag(
            "p",
            f"By policy {found.policy}. ",
            tag("a", "All channels and nodes", href="/health"),
            class_="quiet",
        ),
    ]


def _channel_row(line: ChannelLine, now: datetime | None) -> tuple[Child, ...]:
    return (
        _link(f"channel/{line.channel}"),
        _scored(line.score),
        age(line.last, now),
        _stage(line, "orders", now),
        _stage(line, "payment", now),
        _share(line.completeness_per_mille),
        "paused" if line.paused_since is not None else _share(line.addresses_per_mille),
        _figure(line.open),
        _figure(line.placed_24h),
        _times(line.golden),
    )


def _stage(line: ChannelLine, name: str, now: datetime | None) -> Child:
    for stage in line.stages:
        if stage.stage == name:
            if stage.silent:
                return tag("span", f"{SYMBOLS['red']} silent {age(stage.last, now)}", class_="red")
            limit = f" of {span(stage.limit_seconds)}" if stage.limit_seconds else ""
            return f"{age(stage.last, now)}{limit}"
    return ""


def _node_row(line: NodeLine, now: datetime | None) -> tuple[Child, ...]:
    colour = {"closed": "green", "half open": "orange", "open": "red"}[line.breaker]
    state = line.breaker + (" (dry)" if line.dry else "")
    return (
        _link(f"node/{line.node}"),
        _scored(line.score),
        tag("span", f"{SYMBOLS[colour]} {state}", class_=colour),
        ", ".join(map(str, line.scores)),
        age(line.last, now),
        line.reason or (f"{line.missed} signs of life missed" if line.missed else ""),
    )


def _link(subject: str) -> Markup:
    kind, _, name = subject.partition("/")
    return tag("a", name, href=f"/health/{kind}s/{quote(name, safe='')}")


def _scored(score: int | None) -> Child:
    return "–" if score is None else (_figure(score), _sign(score))


def _sign(score: int | None) -> Child:
    """A score's colour, never by hue alone."""
    if score is None:
        return None
    colour = score_colour(score)
    return tag("span", f" {SYMBOLS[colour]} {colour}", class_=colour)


def score_colour(score: int) -> str:
    """A score as one of the four colours."""
    for least, colour in ((GREEN_FROM, "green"), (YELLOW_FROM, "yellow"), (ORANGE_FROM, "orange")):
        if score >= least:
            return colour
    return "red"


def _share(per_mille: int | None) -> str:
    return "" if per_mille is None else f"{per_mille // 10}.{per_mille % 10} %"


def _times(times: Times | None) -> str:
    if times is None:
        return ""
    return f"{span(times.mean_seconds)} (p50 {span(times.p50_seconds)}, p95 {span(times.p95_seconds)})"


def _figure(value: int) -> Markup:
    return tag("span", f"{value:,}", class_="n")
