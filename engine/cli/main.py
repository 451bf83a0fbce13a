"""The entry: which nouns there are, what every error becomes, and nothing that takes time to import.

`orderfold --help` is answered from the table below; a noun's module is imported when it is named. Commands return None or
an exit code; errors are raised, and said here once: on the terminal what, why and the way out, with --json as a problem
document (RFC 9457) on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from engine.errors import OrderfoldError, StoreError, StoreNewer

NOUNS: dict[str, tuple[str, str, str]] = {
    "up": ("engine.cli.up", "run", "Run the engine and its API on this machine"),
    "simulate": (
        "engine.cli.simulate",
        "run",
        "Write a seeded world of orders, and what a correct engine finds in it",
    ),
    "ingest": ("engine.cli.ingest", "run", "Put files of events into the store"),
    "summary": ("engine.cli.summary", "look", "The whole store on one page"),
    "order": ("engine.cli.order", "look", "List, show and explain orders; hold, release, unfreeze, cancel …"),
    "todo": ("engine.cli.todo", "look", "Work that waits for somebody, oldest first"),
    "merge": (
        "engine.cli.merge",
        "look",
        "Orders that may travel together: list, show, why, accept, refuse, undo",
    ),
    "customer": ("engine.cli.customer", "look", "Who ordered what in the last days, and what links it"),
    "sla": ("engine.cli.sla", "look", "Deadlines that run, and those that were missed"),
    "health": ("engine.cli.health", "look", "Whether channels and nodes do well, and why"),
    "notices": ("engine.cli.notices", "look", "Who was to be told of what, and what became of it"),
    "webhook": (
        "engine.cli.webhook",
        "look",
        "Endpoints that are told of decisions: list, log, replay, enable",
    ),
    "dead": ("engine.cli.dead", "look", "What could not be taken in: list, show, replay, drop"),
    "check": ("engine.cli.check", "rule", "Check a policy before it is used"),
    "policy": ("engine.cli.policy", "rule", "List, show and publish policies"),
    "topology": ("engine.cli.topology", "rule", "What is folded from what, in which order"),
    "replay": ("engine.cli.replay", "keep", "Verify that all that is recorded follows from the log"),
    "projection": (
        "engine.cli.projection",
        "keep",
        "How far the views are; rebuild them; retry a faulted order",
    ),
    "store": ("engine.cli.store", "keep", "What a store holds, and who writes it"),
    "clock": ("engine.cli.clock", "keep", "Move the clock of a store of history"),
    "bench": ("engine.cli.bench", "keep", "Measure what an event costs on this machine"),
    "doctor": ("engine.cli.doctor", "keep", "Look for what is wrong with this machine and this store"),
}
"""Noun → (module, section of the help, one line). A module has `app`, a Typer of its commands."""

SECTIONS = {
    "run": "Take events in",
    "look": "Look at orders",
    "rule": "Rules",
    "keep": "Keep the store",
}

EXAMPLES = """\
Examples:
  orderfold simulate --orders 20000 --seed 7 --scenario sales-night --output night.jsonl
  orderfold ingest night.jsonl --historical
  orderfold summary
  orderfold order list --frozen
  orderfold order why 1743650786728319 frozen
  orderfold up"""

EXIT_CODES = """\
Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done, 4 not found, 5 refused, 6 stale or busy,
7 verification found a difference, 130 interrupted."""


class Nouns(TyperGroup):
    """The root: finds a noun's commands when it is named, and turns errors into words and exit codes."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = dict.fromkeys(NOUNS)  # type: ignore[assignment] # names are enough to suggest one by

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(NOUNS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        if cmd_name not in NOUNS:
            return None
        module = import_module(NOUNS[cmd_name][0])
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for section, title in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(noun, line) for noun, (_, of, line) in NOUNS.items() if of == section])

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        formatter.write_paragraph()
        for line in EXAMPLES.splitlines():
            formatter.write(f"  {line}\n")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        formatter.write_paragraph()
        for line in EXIT_CODES.splitlines():
            formatter.write(f"{line}\n")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(
                given, prog_name or "orderfold", complete_var, False, windows_expand_args, **extra
            )
        except Exception as error:
            code = _said(error, "--json" in given)
            if code is None:
                raise
        code = code if isinstance(code, int) else 0
        _flush()
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    cls=Nouns,
    name="orderfold",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"orderfold {version('orderfold')}")
        except PackageNotFoundError:
            print("orderfold (from a clone, not installed)")
        raise typer.Exit


def _plain(asked: bool) -> None:
    if asked:
        os.environ["NO_COLOR"] = "1"


@app.callback()
def root(
    store: Annotated[
        str,
        typer.Option("--store", metavar="URL", help="The store, for every command. [env: ORDERFOLD_STORE]"),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Data as JSON, errors as problem documents.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", callback=_plain, help="No colours. [env: NO_COLOR, TERM=dumb]")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which release this is.")
    ] = False,
) -> None:
    """Orders as append-only streams of events, folded into states, deadlines and health."""


def main() -> None:
    """The console script."""
    app()


def _said(error: Exception, as_json: bool) -> int | None:
    """Say an error on stderr; its exit code, or None for a bug, which deserves its traceback."""
    known = _known(error)
    if known is not None:
        _say_error(known, as_json)
        return known.exit_code
    if isinstance(error, typer.Abort):
        print("Stopped.", file=sys.stderr)
        return 130
    # A usage error of Typer's own: an option it does not know, an argument that is missing.
    exit_code, format_message = getattr(error, "exit_code", None), getattr(error, "format_message", None)
    if exit_code is None or format_message is None:
        return None
    if as_json:
        from engine.errors import UsageError

        _say_error(UsageError(format_message()), as_json)
    else:
        error.show()  # type: ignore[attr-defined]
    return int(exit_code)


def _known(error: Exception) -> OrderfoldError | None:
    """The error as one of ours: a database or a stored row that cannot be read is one, wherever it is noticed."""
    if isinstance(error, OrderfoldError):
        return error
    sqlite = sys.modules.get("sqlite3")
    if sqlite is not None and isinstance(error, sqlite.DatabaseError):
        return StoreError(f"The store cannot be read: {error}.", "`orderfold doctor` looks for the cause.")
    packed = sys.modules.get("msgspec")
    if packed is not None and isinstance(error, packed.DecodeError):
        return StoreNewer(
            f"What the store holds has another shape than this release knows: {error}.",
            "Use the release that wrote it; `orderfold projection rebuild` makes views anew.",
        )
    return None


def _say_error(error: OrderfoldError, as_json: bool) -> None:
    if as_json:
        import json

        problem = {
            "type": f"urn:orderfold:problem:{error.slug}",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "remedy": error.remedy,
            **error.members,
        }
        print(json.dumps(problem, ensure_ascii=False, default=str), file=sys.stderr)
        return
    from engine.cli.screen import say

    say(f"{error.title}: {error.detail}", style="bold red", first=len(error.title) + 1)
    if error.remedy:
        say(error.remedy)


def _flush() -> None:
    """Write what is left; a reader that has gone away (`| head`) is no failure of ours."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
