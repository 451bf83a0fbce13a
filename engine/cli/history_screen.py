"""How a timeline, its stage bars, a reason and a difference look on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from engine.cli.screen import bar, lasting, out, sheet, short, when
from engine.views.diff import Diff
from engine.views.history import Bar, Changed, Entry, History, changed
from engine.views.money import money
from engine.views.why import Setting, Why

_OUTCOMES = {
    "in time": ("●", "green"),
    "late": ("✖", "bold red"),
    "runs": ("◔", ""),
    "overdue": ("✖", "bold red"),
    "paused": ("‖", "yellow"),
}
_SIGNS = {"event": "•", "decision": "→", "policy": "§"}
_MONEY = ("receivable", "received", "refunded", "fees", "subsidies")


def show(found: History, full: bool) -> None:
    """The timeline, then the stages."""
    console = out()
    head = Text(short(found.order), style="bold")
    head.append(f"   as of {when(found.as_of)} UTC; times of occurrence", style="dim")
    console.print(head)
    console.print()
    sheet(_timeline(found.entries, full))
    if found.stages:
        console.print()
        console.print(bars(found.stages))


def _timeline(entries: Iterable[Entry], full: bool) -> Iterator[tuple[str, Any]]:
    day: datetime | None = None
    currency = ""
    before = ""
    for entry in entries:
        currency = next((c.after for c in entry.changes if c.field == "ledger.currency"), "") or currency
        # The work a freeze or a breach makes is told by the decision before it.
        if full or entry.type != "work.opened.v1" or before == "event":
            yield when(entry.time, day), _entry(entry, full, currency)
            day = entry.time or day
        before = entry.kind


def _entry(entry: Entry, full: bool, currency: str) -> Text:
    text = Text(f"{_SIGNS[entry.kind]} ")
    name = entry.type.rpartition(".v")[0] or entry.type
    text.append(name, style="bold" if entry.kind == "event" else "bold cyan")
    if entry.sameness:
        text.append(f" ({entry.sameness}: moves nothing)", style="yellow")
    if entry.kind == "event":
        if entry.told:
            text.append(f"  {entry.told}")
        text.append(
            f"  {entry.actor}" + (f" by way of {entry.via.removeprefix('alias/')}" if entry.via else ""),
            style="dim",
        )
    elif entry.cause:
        text.append(f"  because of {entry.cause}", style="dim")
    if entry.late and entry.known is not None and entry.time is not None:
        text.append(
            f"\n  ◷ late: known {when(entry.known, entry.time)}, {lasting(entry.known - entry.time)} after",
            style="yellow",
        )
    if entry.reason:
        text.append(f"\n  {entry.reason}", style="" if entry.kind == "event" else "bold")
    if entry.refolded:
        text.append(f"\n  folded again in order of occurrence: {entry.refolded}", style="dim")
    if full and (entry.id or entry.told):
        told = f" · {entry.told}" if entry.kind != "event" and entry.told else ""
        text.append(
            f"\n  {entry.id}{f' · version {entry.version}' if entry.version else ''}{told}", style="dim"
        )
    for line in _changes(entry.changes, full, currency):
        text.append(f"\n  {line}")
    return text


def _changes(changes: list[Changed], full: bool, currency: str) -> Iterator[str]:
    if full:
        for change in changes:
            yield f"{change.field}: {value(change.before)} → {value(change.after)}"
        return
    by = {change.field: change for change in changes}
    told: list[str] = []
    if "state" in by:
        before = by["state"].before
        told.append(f"{before} → {by['state'].after}" if before else f"now {by['state'].after}")
    for name, words in (("in_doubt", "in doubt"), ("frozen", "frozen")):
        if name in by:
            told.append(words if by[name].after else f"no longer {words}")
    told += [f"{name} {_amount(by[of].after, currency)}" for name in _MONEY if (of := f"ledger.{name}") in by]
    for change in changes:
        told += _told(change)
    if told:
        yield " · ".join(told)


def _told(change: Changed) -> Iterator[str]:
    """A change worth a word of its own: clocks, holds, parcels, health, limbo."""
    parts = change.field.split(".")
    first, last = parts[0], parts[-1]
    if first == "sla" and last == "clock":
        stage = ".".join(parts[1:-1])
        yield f"clock {stage} {change.after or 'gone'}"
    elif first == "holds" and last == "reason":
        yield f"{'held' if change.after else 'released'}: {'.'.join(parts[1:-1])}"
    elif first in ("parcels", "lines") and last == "state":
        yield f"{first[:-1]} {'.'.join(parts[1:-1])} {change.after or 'gone'}"
    elif change.field == "health.score":
        yield f"health {change.before} → {change.after}"
    elif change.field == "assigned":
        yield f"assigned to {change.after}" if change.after else "no longer assigned"
    elif change.field == "limbo.waiting":
        yield f"{change.after or 0} waiting"
    elif change.field == "limbo.bound":
        yield f"known to be {', '.join(change.after or [])}"


def _amount(amount: Any, currency: str) -> str:
    return money(amount or 0, currency) if currency else f"{amount or 0:,} minor units"


def value(found: Any) -> str:
    """Any named value on one line."""
    if found is None:
        return "not set"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, datetime):
        return when(found)
    if isinstance(found, dict):
        return "{" + ", ".join(f"{name}: {value(part)}" for name, part in found.items()) + "}"
    if isinstance(found, list):
        return ", ".join(value(part) for part in found) or "none"
    return str(found)


def bars(stages: Iterable[Bar]) -> Text:
    """Stages against their time. A sign and a word say which are late, not the colour alone."""
    rows = list(stages)
    width = max((len(stage.stage) for stage in rows), default=0)
    text = Text()
    for index, stage in enumerate(rows):
        sign, style = _OUTCOMES[stage.outcome]
        text.append("\n" if index else "")
        text.append(f"{sign} {stage.stage:<{width}}  ", style=style)
        text.append(f"{bar(stage.used_seconds, stage.target_seconds):<32}", style=style)
        text.append(f" {lasting(stage.used_seconds)} of {lasting(stage.target_seconds)}, {stage.outcome}")
    return text


def why(found: Why) -> None:
    """What set a value, step by step; the last one is what holds."""
    console = out()
    head = Text(f"{short(found.order)}  {found.field} = ")
    head.append(_named(found.field, found.value), style="bold")
    console.print(head)
    console.print()
    if not found.set_by:
        console.print("Nothing has ever set it.")
        return
    sheet(_settings(found.field, found.set_by))


def _named(field: str, found: Any) -> str:
    """A value with its unit, where it has one."""
    if isinstance(found, int) and not isinstance(found, bool) and field.startswith("ledger."):
        return f"{found:,} minor units"
    return value(found)


def _settings(field: str, settings: Iterable[Setting]) -> Iterator[tuple[str, Any]]:
    day: datetime | None = None
    for setting in settings:
        text = Text()
        if isinstance(setting.before, dict) and isinstance(setting.after, dict):
            for index, change in enumerate(changed(setting.before, setting.after)):
                text.append("\n" if index else "")
                text.append(f"{change.field}: {value(change.before)} → ", style="dim")
                text.append(value(change.after), style="bold")
        else:
            text.append(f"{_named(field, setting.before)} → ", style="dim")
            text.append(_named(field, setting.after), style="bold")
        if setting.reason:
            text.append(f"\n{setting.reason}")
        if setting.event:
            came = "" if setting.what == "event" else "because of "
            text.append(
                f"\n{came}{setting.type} {setting.event}, version {setting.version}, from {setting.actor}",
                style="",
            )
            text.append(f"\noccurred {when(setting.time)}", style="dim")
            if setting.late:
                text.append(f", late: known {when(setting.known, setting.time)}", style="yellow")
        if setting.what == "wake":
            text.append(f"\ntimer due {when(setting.known)}", style="dim")
        elif setting.what == "retarget":
            text.append(f"\na policy was published {when(setting.known)}", style="dim")
        text.append(f"\nrule {setting.rule}", style="dim")
        if setting.refolded:
            text.append(f"\n{setting.refolded}", style="dim")
        if setting.decisions:
            text.append(f"\ndecided {', '.join(setting.decisions)}", style="dim")
        yield when(setting.known, day), text
        day = setting.known


def diff(found: Diff) -> None:
    """A patch, one operation a line: added, removed, replaced."""
    console = out()
    head = Text(f"{short(found.order)}  version {found.from_version} → {found.to_version}", style="bold")
    head.append(f"   {when(found.from_time)} → {when(found.to_time, found.from_time)} UTC", style="dim")
    console.print(head)
    if not found.patch:
        console.print("Nothing changed.")
    for change in found.patch:
        if change.op == "replace":
            console.print(Text(f"~ {change.path}  {value(change.was)} → {value(change.value)}"))
            continue
        added = change.op == "add"
        for name, leaf in _leaves(change.path, change.value if added else change.was):
            console.print(
                Text(f"{'+' if added else '-'} {name}  {value(leaf)}", style="green" if added else "red")
            )


def _leaves(pointer: str, found: Any) -> Iterator[tuple[str, Any]]:
    """A value of a patch as a person compares it: one line for each that is no mapping."""
    if not isinstance(found, dict):
        yield pointer, found
        return
    for name, part in found.items():
        yield from _leaves(f"{pointer}/{name}", part)
