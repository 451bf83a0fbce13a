"""`orderfold up`: the engine and its API on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def up(
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Where to listen; beyond this machine with tokens only."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="The port; 0 takes a free one.", min=0, max=65535)
    ] = 8700,
    policy: Annotated[
        str,
        typer.Option("--policy", metavar="FILE", help="First policy of a new store. Default: streams.yaml."),
    ] = "",
    store: StoreUrl = "",
) -> int:
    """Run the engine and its API on this machine, until Ctrl-C.

    \b
    Examples:
      orderfold up
      orderfold up --store ./shop --port 8701

    It holds the store meanwhile: other commands that write go to it by themselves, readers never need to.
    """
    from engine.api.server import serve
    from engine.cli.writing import wait_for_holder

    wait_for_holder(store)
    return serve(store, host, port, policy_text=_in_force(store, policy))


def _in_force(store: str, policy: str) -> bytes:
    """The text of the policy in force, which a store that is there goes by; the file's where there is none yet."""
    from engine.cli.writing import policy_text, reading
    from engine.errors import NotFound

    try:
        with reading(store) as look:
            return look.book.text(bytes.fromhex(look.policy.hash))
    except NotFound:
        return policy_text(policy)
