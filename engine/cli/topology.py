"""`orderfold topology`: what is folded from what, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson

if TYPE_CHECKING:
    from projections.kernel import Fold

    Stages = tuple[tuple[str, Fold[Any]], ...]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def topology(
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flow chart.")] = False,
    as_json: AsJson = False,
) -> None:
    """The way of an event: intake, append, log, the folds in their order with what each reads and decides, views.

    \b
    Examples:
      orderfold topology
      orderfold topology --mermaid > topology.mmd
      orderfold topology --json | jq '.[] | select(.name == "sla") | .reads'
    """
    from engine.cli import screen
    from engine.views.projections import folds
    from projections.stages import STAGE_TWO

    found = folds()
    if as_json:
        screen.emit(found)
        return
    if mermaid:
        print("\n".join(_mermaid()))
        return
    print("upstream → intake → append → log → stage 1 → facts → stage 2 → views → API, CLI")
    print("                ↘ dead letters        ↘ decisions ↙ → receipts → notices, webhooks")
    for pipeline, kinds in _pipelines():
        subjects = ", ".join(f"{kind}/…" for kind in kinds)
        print(f"\nStage 1, one row for each {subjects}: {' → '.join(fold.name for _, fold in pipeline)}")
        screen.sheet(
            (f"  {line.name} v{line.version}", ", ".join(_families(line.reads)))
            for line in found
            if line.stage == 1 and line.kind == kinds[0]
        )
    print(f"\nStage 2, over the facts of all streams: {' → '.join(fold.name for fold in STAGE_TWO)}")
    screen.sheet(
        (f"  {line.name} v{line.version}", ", ".join(_families(line.reads)))
        for line in found
        if line.stage == 2
    )


def _families(types: list[str]) -> list[str]:
    """Event types, shortened by family: `payment (received, refunded)`."""
    families: dict[str, list[str]] = {}
    for name in types:
        noun, _, verb = name.rpartition(".v")[0].partition(".") if ".v" in name else name.partition(".")
        families.setdefault(noun, []).append(verb)
    return [f"{noun} ({', '.join(sorted(verbs))})" for noun, verbs in sorted(families.items())]


def _pipelines() -> list[tuple[Stages, list[str]]]:
    """Stage 1's pipelines, each with the kinds of subject that go through it."""
    from projections.row import PIPELINES

    found: list[tuple[Stages, list[str]]] = []
    for kind, pipeline in PIPELINES.items():
        if found and found[-1][0] is pipeline:
            found[-1][1].append(kind)
        else:
            found.append((pipeline, [kind]))
    return found


def _mermaid() -> Iterator[str]:
    from projections.stages import STAGE_TWO

    yield "flowchart LR"
    yield "  upstream --> intake --> append --> log[(log)]"
    yield "  intake -.-> dead[(dead letters)]"
    for pipeline, kinds in _pipelines():
        yield f"  subgraph {kinds[0]}_streams [{', '.join(kinds)} streams]"
        earlier: list[str] = []
        for _, fold in pipeline:
            yield f"    {fold.name}[{fold.name} v{fold.version}]"
            for name in earlier:
                told = sorted(type_.rpartition(".v")[0] for type_ in fold.handlers if _decides(name, type_))
                if told or name == earlier[-1]:
                    yield f"    {name} {_arrow(told)} {fold.name}"
            earlier.append(fold.name)
        yield "  end"
        yield f"  log --> {earlier[0]}"
        yield f"  {earlier[-1]} --> views[(views)]"
        yield f"  {earlier[-1]} --> receipts[(receipts)]"
        yield f"  {earlier[-1]} --> facts[(facts)]"
    yield "  subgraph stage_two [stage 2]"
    for before, after in pairwise(STAGE_TWO):
        yield f"    {before.name} --> {after.name}"
    yield "  end"
    yield f"  facts --> {STAGE_TWO[0].name}"
    yield f"  {STAGE_TWO[-1].name} --> receipts"


def _arrow(told: list[str]) -> str:
    return f"-- {', '.join(told)} -->" if told else "-->"


def _decides(fold: str, type_: str) -> bool:
    """Whether a type is a decision of that fold."""
    return type_.startswith("sla.") if fold == "sla" else fold == "lifecycle" and type_ in _LIFECYCLE


_LIFECYCLE = frozenset(("order.doubted.v1", "order.doubt_cleared.v1", "order.frozen.v1", "order.thawed.v1"))
