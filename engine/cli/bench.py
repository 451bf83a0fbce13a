"""`orderfold bench`: what an event costs on this machine."""

from __future__ import annotations

from importlib import import_module

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> int:
    """Measure what an event costs here, against the floor.

    \b
    Examples:
      orderfold bench --quick
      orderfold bench --orders 5000 --repeats 1

    It lies in a clone, not in the installed package; its own options are those of `python -m bench --help`.
    """
    from engine.errors import NotFound

    try:
        measured = import_module("bench.__main__")
    except ModuleNotFoundError as error:
        if error.name not in ("bench", "bench.__main__"):
            raise
        raise NotFound(
            "The bench is not installed with the package.", "Run it in a clone: `make bench`."
        ) from None
    return int(measured.main(context.args))
