"""`orderfold health`: whether channels and nodes do well, and the formula behind every figure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def health() -> None:
    """Whether channels and nodes do well, and why.

    \b
    Examples:
      orderfold health show
      orderfold health why channel/jd
      orderfold health why node/hangzhou-1
      orderfold health golden --days 14

    Scores are 0 to 100, learned from what passed; before there is enough to go by nothing is scored and nothing told.
    """


@app.command()
def show(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """Channels, nodes, the health index, and what is wrong now.

    \b
    Examples:
      orderfold health show
      orderfold health show --json | jq .alarms
    """
    from engine.cli.screen import emit
    from engine.cli.writing import reading
    from engine.views.health import health as healthy

    with reading(store) as look:
        found = healthy(look)
        policy = look.policy.name
    if as_json:
        emit(found)
    else:
        _show(found, policy)


@app.command()
def why(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="channel/ID, node/ID, or the bare ID.", show_default=False)
    ],
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """The formula behind a score, a silence or a suspension.

    Every part with its figures, what is usual, and what it takes to be told.

    \b
    Examples:
      orderfold health why channel/jd
      orderfold health why hangzhou-1
    """
    from rich.text import Text

    from engine.cli.screen import emit, out, sheet, when
    from engine.cli.writing import reading
    from engine.views.health import why as explained

    with reading(store) as look:
        found = explained(look, name)
    if as_json:
        emit(found)
        return
    out().print(
        Text(f"{found.subject}   as of {when(found.as_of)} UTC · policy {found.policy}", style="bold")
    )
    sheet((line.what, line.how) for line in found.lines)


@app.command()
def golden(
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="Of this channel only.")] = "",
    days: Annotated[int, typer.Option("--days", metavar="N", help="So many days of each channel.")] = 7,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """From placed to ready to ship, by channel and day.

    The golden figure, with each day's health.

    \b
    Examples:
      orderfold health golden
      orderfold health golden --channel jd --days 30 --json
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.health import golden as by_day

    with reading(store) as look:
        found = by_day(look, channel, days)
    if as_json:
        screen.emit_lines(found)
        return
    if not found:
        screen.say("No order has come yet.", style="dim")
        return
    heads = ("day", "channel", "placed", "ready", "mean", "p50", "p95", "p99", "health", "worst hour")
    rows = [
        (one.day, one.channel, one.placed, *_times(one.golden), _of(one.score), _of(one.least))
        for one in found
    ]
    screen.table(heads, rows, right=heads[2:], spare=("worst hour", "p99"))


def _show(found: Any, policy: str) -> None:
    from rich.text import Text

    from engine.cli.screen import age, lasting, out, plural, say, sheet, signed, table, when

    head = Text("health index ", style="dim")
    head.append_text(_scored(found.index))
    head.append(f"   as of {when(found.as_of)} UTC · policy {policy}", style="dim")
    out().print(head)
    out().print()
    if found.alarms:
        sheet(
            (f"{age(alarm.since, found.as_of):>9}", signed("red", f"{alarm.subject}: {alarm.reason}"))
            for alarm in found.alarms
        )
    else:
        out().print(signed("green", "Nothing is wrong now."))
    if found.past:
        sheet(
            (
                f"{age(one.until, found.as_of):>9}",
                Text(f"ago, over: {one.subject}: {one.reason}", style="dim"),
            )
            for one in found.past
        )
    out().print()
    if found.channels:
        stages = [
            stage for stage in ("orders", "payment") if any(_stage(line, stage) for line in found.channels)
        ]
        heads = (
            "channel",
            "score",
            "last",
            *stages,
            "told",
            "read",
            "open",
            "24 h",
            "ready p50",
            "p95",
            "p99",
        )
        table(
            heads,
            [
                (
                    line.channel,
                    _scored(line.score),
                    age(line.last, found.as_of),
                    *(_quiet(_stage(line, stage), found.as_of) for stage in stages),
                    _share(line.completeness_per_mille),
                    signed("red", "paused") if line.paused_since else _share(line.addresses_per_mille),
                    line.open,
                    line.placed_24h,
                    *_times(line.golden)[2:],
                )
                for line in found.channels
            ],
            right=("told", "read", "open", "24 h", "ready p50", "p95", "p99"),
            spare=("p99", "last", "24 h", "payment", "told"),
        )
    if found.unheard:
        say(f"{plural(found.unheard, 'channel')} never heard of.", style="dim")
    _nodes(found)
    behind = found.as_of - found.judged if found.as_of and found.judged else None
    if behind is not None and behind.total_seconds() > 120:
        say(f"Judged up to {lasting(behind)} ago: a partition is behind, or nothing comes.", style="dim")
    say("`orderfold health why NAME` shows the formula with its figures.", style="dim")


def _nodes(found: Any) -> None:
    from engine.cli.screen import age, out, table

    if not found.nodes:
        return
    out().print()
    table(
        ("node", "score", "breaker", "last scores", "heard", "why"),
        [
            (
                line.node,
                _scored(line.score),
                _breaker(line),
                " ".join(map(str, line.scores)),
                f"{age(line.last, found.as_of)} ago" if line.last else "–",
                line.reason or (f"{line.missed} signs of life missed" if line.missed else ""),
            )
            for line in found.nodes
        ],
        flexible="why",
        spare=("last scores", "heard"),
    )


def _scored(score: int | None) -> Any:
    from rich.text import Text

    from engine.cli.screen import signed

    if score is None:
        return Text("learning", style="dim")
    colour = "green" if score >= 90 else "yellow" if score >= 75 else "orange" if score >= 60 else "red"
    return signed(colour, str(score))


def _breaker(line: Any) -> Any:
    from engine.cli.screen import signed

    colour = {"closed": "green", "half open": "orange", "open": "red"}[line.breaker]
    return signed(colour, line.breaker + (" (dry)" if line.dry else ""))


def _stage(line: Any, name: str) -> Any:
    return next((stage for stage in line.stages if stage.stage == name), None)


def _quiet(stage: Any, now: Any) -> Any:
    """How long a stage has told nothing, of how long it may."""
    from engine.cli.screen import age, lasting, signed

    if stage is None:
        return "–"
    if stage.silent:
        return signed("red", f"silent {age(stage.last, now)}")
    limit = f" of {lasting(stage.limit_seconds)}" if stage.limit_seconds else ""
    return f"{age(stage.last, now)}{limit}"


def _times(times: Any) -> tuple[Any, ...]:
    """(orders, mean, p50, p95, p99), each "" before there is one."""
    from engine.cli.screen import lasting

    if times is None:
        return ("",) * 5
    seconds = (times.mean_seconds, times.p50_seconds, times.p95_seconds, times.p99_seconds)
    return (times.orders, *(lasting(one) for one in seconds))


def _of(score: int | None) -> str:
    return "–" if score is None else str(score)


def _share(per_mille: int | None) -> str:
    return "–" if per_mille is None else f"{per_mille // 10}.{per_mille % 10} %"
