"""`orderfold check`: a policy before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def check(
    file: Annotated[
        str,
        typer.Argument(metavar="[FILE]", help="The policy. Default: streams.yaml here.", show_default=False),
    ] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> int:
    """Check a policy before it is used: every finding with its line and the way out.

    \b
    Examples:
      orderfold check
      orderfold check new-rules.yaml --store ./shop

    Where there is a store it also says how many open orders the policy would re-target, and how many deadlines would have
    passed already. Exit code 1 when there are errors; warnings alone let it be published.
    """
    from engine.cli import screen
    from engine.cli.writing import policy_text
    from engine.policy.check import check as checked
    from engine.views.queries import wall_clock

    raw = policy_text(file)
    findings = checked(raw, wall_clock())
    errors = sum(finding.severity == "error" for finding in findings)
    reached = None if errors else _effects(raw, store)
    if as_json:
        screen.emit(
            {"errors": errors, "warnings": len(findings) - errors, "findings": findings, "effects": reached}
        )
        return 1 if errors else 0
    _show(file or str(Path("streams.yaml")), findings)
    if reached is not None:
        print(sentence(reached))
    return 1 if errors else 0


def _effects(raw: bytes, store: str) -> Any:
    """What it would do to the orders of the store, None where there is no store or it is in force already."""
    from hashlib import sha256

    from engine.cli.writing import reading
    from engine.errors import NotFound
    from engine.policy.load import load_policy
    from engine.views.policies import effects
    from engine.views.queries import wall_clock

    try:
        with reading(store) as look:
            if look.policy.hash == sha256(raw).hexdigest():
                return None
            return effects(look, load_policy(raw, now=max(look.now, wall_clock()))[0])
    except NotFound:
        return None


def _show(name: str, findings: list[Any]) -> None:
    from rich.text import Text

    from engine.cli.screen import out, plural, sheet

    rows = []
    for finding in findings:
        text = Text()
        text.append(
            "✖ error  " if finding.severity == "error" else "▲ warning  ",
            style="bold red" if finding.severity == "error" else "dark_orange",
        )
        text.append(finding.path or "the file", style="bold")
        text.append(f"\n{finding.problem}.\n{finding.remedy}")
        rows.append((f"line {finding.line}" if finding.line else "", text))
    if rows:
        sheet(rows)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if not findings:
        out().print(Text(f"{name}: all is well.", style="green"))
    else:
        said = f"{name}: {plural(errors, 'error')}, {plural(warnings, 'warning')}."
        out().print(Text(said + ("" if errors else " It may be published."), style="bold"))


def sentence(found: Any) -> str:
    """What publishing would do, in a sentence (`Effects`)."""
    from engine.cli.screen import plural, short

    said = f"Published now it would re-target {found.touched:,} of {plural(found.open, 'open order')}"
    if not found.passed:
        return f"{said}; no deadline would have passed already."
    late = ", ".join(short(order) for order in found.examples)
    return (
        f"{said}; {plural(found.passed, 'deadline')} of {plural(found.late_orders, 'order')} would have passed already "
        f"and breach at once, as {late}."
    )
