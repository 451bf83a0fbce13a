"""`orderfold doctor`: what is wrong with this machine and this store, each with the way out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 35, 0)
DISK_MIN_BYTES = 1 << 30

OK, WARN, BAD = "ok", "warning", "error"

Found = tuple[str, str, str, str]
"""(severity, what was looked at, what was found, the way out)."""


@app.command()
def doctor(store: StoreUrl = "", as_json: AsJson = False) -> int:
    """Look at Python, SQLite, the disk, the policy and the store for what would go wrong.

    \b
    Examples:
      orderfold doctor
      orderfold doctor --store ./shop --json

    Exit code 1 when something must be put right.
    """
    from engine.cli import screen

    found = list(_looked(store))
    if as_json:
        screen.emit_lines(
            {"severity": one[0], "what": one[1], "found": one[2], "remedy": one[3]} for one in found
        )
    else:
        _show(found)
    return 1 if any(one[0] == BAD for one in found) else 0


def _show(found: list[Found]) -> None:
    from rich.text import Text

    from engine.cli.screen import sheet

    signs = {OK: ("●", "green"), WARN: ("▲", "dark_orange"), BAD: ("✖", "bold red")}
    rows = []
    for severity, what, said, remedy in found:
        sign, style = signs[severity]
        text = Text(f"{sign} ", style=style)
        text.append(said, style="" if severity == OK else style)
        if remedy and severity != OK:
            text.append(f"\n  {remedy}")
        rows.append((what, text))
    sheet(rows)


def _looked(store: str) -> Iterator[Found]:
    from engine.errors import OrderfoldError

    checks: list[Callable[[str], Iterator[Found]]] = [_python, _sqlite, _disk, _policy, _store]
    for check in checks:
        try:
            yield from check(store)
        except OrderfoldError as error:
            yield BAD, check.__name__.strip("_"), error.detail, error.remedy


def _python(store: str) -> Iterator[Found]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= PYTHON_MIN
    yield OK if good else BAD, "python", version, "Install Python 3.11 or newer."


def _sqlite(store: str) -> Iterator[Found]:
    import sqlite3

    good = sqlite3.sqlite_version_info >= SQLITE_MIN
    needed = ".".join(map(str, SQLITE_MIN))
    yield (
        OK if good else BAD,
        "sqlite",
        sqlite3.sqlite_version,
        f"A Python built with SQLite {needed} or newer is needed.",
    )


def _disk(store: str) -> Iterator[Found]:
    from engine.store.database import store_directory

    place = store_directory(store).resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    yield (
        OK if free >= DISK_MIN_BYTES else WARN,
        "disk",
        f"{free / 2**30:,.1f} GiB free at {place}",
        "Make room: a million events take about 1.5 GiB with their views.",
    )


def _policy(store: str) -> Iterator[Found]:
    from engine.cli.writing import POLICY_FILE, policy_text
    from engine.policy.check import check
    from engine.views.queries import wall_clock

    findings = check(policy_text(), wall_clock())
    errors = sum(finding.severity == "error" for finding in findings)
    said = f"{POLICY_FILE}: {errors} errors, {len(findings) - errors} warnings"
    yield BAD if errors else WARN if findings else OK, "policy", said, "`orderfold check` names them."


def _store(store: str) -> Iterator[Found]:
    from engine.cli.writing import reading
    from engine.errors import NotFound
    from engine.policy.compile import ending
    from engine.views.projections import progress

    try:
        with reading(store) as look:
            yield OK, "store", f"{Path(look.store.directory)}, {look.kind}, policy {look.policy.name}", ""
            holder = look.store.lock.holder()
            if holder is not None:
                yield OK, "writer", f"{holder.command} (pid {holder.pid}) {holder.address}".rstrip(), ""
            with look.store.read() as cursor:
                said = cursor.execute("PRAGMA quick_check(1)").fetchone()[0]
                waiting = cursor.execute(
                    "SELECT count(*) FROM dead_letters WHERE status = 'waiting'"
                ).fetchone()[0]
            yield (
                OK if said == "ok" else BAD,
                "database",
                f"quick check: {said}",
                "Restore the store from a backup.",
            )
            found = progress(look)
            behind = sum(one.log - one.position for one in found.partitions)
            yield (
                WARN if behind and holder is None else OK,
                "views",
                f"{behind:,} records behind the log" if behind else "level with the log",
                "The next command that writes folds them; `orderfold projection rebuild` makes them anew.",
            )
            if soon := ending(look.policy, look.now):
                yield (
                    WARN,
                    "calendars",
                    f"{', '.join(soon)} end within 60 days; beyond their end every hour counts as open",
                    "Give the policy a new `name` in streams.yaml and publish it: it is then compiled two years ahead again.",
                )
            if found.faults:
                yield (
                    WARN,
                    "faults",
                    f"a fold failed on {len(found.faults)} keys",
                    "`orderfold projection list` names them.",
                )
            if waiting:
                yield WARN, "dead", f"{waiting:,} dead letters wait", "`orderfold dead list` shows them."
    except NotFound as error:
        yield WARN, "store", error.detail, error.remedy
