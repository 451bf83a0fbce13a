"""The parts of README.md that are made: `python -m tests.readme` writes them, tests/unit/test_docs.py holds them.

A part stands between `<!-- made: NAME -->` and `<!-- end -->`. `commands` and `metrics` are tables; any other name is a command
line, run against a store made of the examples, and shown with what it prints; after `world:` against a simulated world, in the
middle of what goes wrong there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import typer

from engine.cli.main import NOUNS
from engine.metrics import METRICS

ROOT = Path(__file__).parent.parent
PATH = ROOT / "README.md"
PART = re.compile(r"(<!-- made: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

EXAMPLES = ("examples/one-order.jsonl", "examples/trouble.jsonl", "examples/together.jsonl")
PARTLY_DONE = 3

WORLD = "world: "
SIMULATED = "simulate --orders 600 --seed 7 --scenario node-failing --end 2026-03-08T12:00:00Z"
CUT = "2026-03-08T03:00:00Z"
"""The world is shown as it stood then: the node has failed since about an hour."""


def commands() -> Iterator[tuple[str, str, str]]:
    """(noun, verb or "", help) of everything the command line can do."""
    for noun, (module, _, line) in NOUNS.items():
        command = typer.main.get_command(import_module(module).app)
        verbs = getattr(command, "commands", None)
        if verbs is None or getattr(command, "invoke_without_command", False):
            yield noun, "", command.help or line
        if verbs is not None:
            for verb, under in verbs.items():
                yield noun, verb, under.help or ""


def made(text: str) -> str:
    """The text with all its made parts made anew."""
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        names = {name for _, name, _ in PART.findall(text)} - set(_TABLES)
        if any(not name.startswith(WORLD) for name in names):
            _printed(f"ingest {' '.join(EXAMPLES)} --historical", f"{folder}/examples", PARTLY_DONE)
        if any(name.startswith(WORLD) for name in names):
            _simulated(Path(folder))
        return PART.sub(lambda part: f"{part[1]}{_part(part[2], folder)}{part[3]}", text)


def _simulated(folder: Path) -> None:
    """Ingest the world up to CUT: a file of `simulate` is in order of arrival."""
    whole, cut = folder / "whole.jsonl", folder / "cut.jsonl"
    _printed(f"{SIMULATED} --to {whole}", "", 0)
    with whole.open(encoding="utf-8") as lines, cut.open("w", encoding="utf-8") as kept:
        kept.writelines(takewhile(lambda line: _arrived(line) < CUT, lines))
    _printed(f"ingest {cut} --historical", str(folder / "world"), 0)


def _arrived(line: str) -> str:
    event = json.loads(line)
    return str(event.get("arrivedtime", event["time"]))


def _part(name: str, folder: str) -> str:
    if name in _TABLES:
        return _TABLES[name]()
    store = f"{folder}/world" if name.startswith(WORLD) else f"{folder}/examples"
    name = name.removeprefix(WORLD)
    printed = "".join(f"    {line}".rstrip() + "\n" for line in _printed(name, store, 0).splitlines())
    return f"\n    $ orderfold {name}\n{printed}\n"


def _printed(command: str, store: str, code: int) -> str:
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "ORDERFOLD_STORE": store}
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *command.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done.stdout.strip("\n")


def _commands_table() -> str:
    rows = ["| command | |", "|---|---|"]
    for noun, verb, text in commands():
        # The first paragraph's first sentence; what follows is for `--help`.
        first = re.split(r"(?<=\.)\s|\n\n|:\s", " ".join(text.split("\n\n")[0].split()))[0]
        rows.append(f"| `{f'{noun} {verb}'.strip()}` | {first.rstrip('.')} |")
    return "\n".join(rows) + "\n"


def _metrics_table() -> str:
    rows = ["| metric | |", "|---|---|"]
    for name, (kind, text, labels) in METRICS.items():
        full = name + ("_total" if kind == "counter" else "")
        by = f" by {', '.join(labels)}" if labels else ""
        rows.append(f"| `{full}`{by} | {text} |")
    return "\n".join(rows) + "\n"


_TABLES = {"commands": _commands_table, "metrics": _metrics_table}


if __name__ == "__main__":
    PATH.write_text(made(PATH.read_text(encoding="utf-8")), encoding="utf-8")
