"""`orderfold customer`: who ordered what in the last days."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def customer() -> None:
    """Customers, by an order, a phone or an account: what they ordered in the last days.

    \b
    Examples:
      orderfold customer show jd:1743650786728319
      orderfold customer show 13800001234
    """


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ORDER|PHONE|ACCOUNT",
            help="Any number of an order, a phone, a login account, an e-mail or an id number.",
            show_default=False,
        ),
    ],
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """A customer's orders of the last days, and what links them.

    Links are followed three deep, each with its evidence; personal fields are masked.

    \b
    Examples:
      orderfold customer show jd:1743650786728319
      orderfold customer show 13800001234 --json
    """
    from engine.cli import merge_screens, screen
    from engine.cli.writing import reading
    from engine.views.customers import customer as known

    with reading(store) as look:
        found = known(look, name)
    if as_json:
        screen.emit(found)
    else:
        merge_screens.customer(found)
