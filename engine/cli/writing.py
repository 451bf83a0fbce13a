"""How a command reads and writes a store: with whoever holds the lock, or by taking it.

Readers never need the lock. A command that writes goes to the holder's HTTP API when it has one; a holder without one (an
ingest) is waited for, 30 s, then Busy names it; with no holder the command takes the lock itself.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from engine import errors
from engine.cli.screen import say
from engine.errors import Busy, NotFound, OrderfoldError, UsageError
from engine.store.database import Store
from engine.store.lock import Holder, this_process
from engine.views.queries import Reading

WAIT_SECONDS = 30.0
ANSWER_SECONDS = 120.0
POLICY_FILE = "streams.yaml"


@contextmanager
def reading(url: str) -> Iterator[Reading]:
    """An existing store, for reading. NotFound where there is none."""
    store = Store.open(url)
    try:
        yield Reading(store)
    finally:
        store.close()


def holder_of(url: str) -> Holder | None:
    """Who writes the store now, None when nobody does, or there is no store."""
    try:
        store = Store.open(url)
    except NotFound:
        return None
    try:
        return store.lock.holder()
    finally:
        store.close()


@contextmanager
def holding(
    url: str, command: str, kind: str = "", policy: bytes = b"", create: bool = False, **sizes: Any
) -> Iterator[Any]:
    """The store's Engine, this process being its writer until the end of the block. Without `create` the store must be
    there; `sizes` are Engine.open's. Raises Busy naming the holder once 30 s are over, at once when it serves an API."""
    from engine.workers.embedded import Engine

    if not create:
        Store.open(url).close()
    wait_for_holder(url)
    engine = Engine.open(
        url, kind, policy, holder=this_process(f"orderfold {command}"), wait_seconds=WAIT_SECONDS, **sizes
    )
    try:
        yield engine
    finally:
        engine.close()


def wait_for_holder(url: str) -> None:
    """Say that whoever writes the store will be waited for. Raises Busy at once where that is a server: it will not end."""
    holder = holder_of(url)
    if holder is not None and holder.address:
        raise Busy(
            f"The store is held by `{holder.command}` (pid {holder.pid}), which serves {holder.address}.",
            "This needs the store to itself: stop it, and try again.",
        )
    if holder is not None:
        say(f"Waiting for `{holder.command}` (pid {holder.pid}), which is writing the store …", style="dim")


def policy_text(path: str = "") -> bytes:
    """The policy file named, else streams.yaml here, else the one that comes with the release."""
    if path:
        return _read(Path(path))
    for candidate in (
        Path(POLICY_FILE),
        *(parent / POLICY_FILE for parent in list(Path(__file__).parents)[1:4]),
    ):
        if candidate.exists():
            return _read(candidate)
    raise NotFound(f"There is no {POLICY_FILE} here.", "Name one with --policy FILE.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name another file.") from None


def text_in_force(store: Store) -> Any:
    """The policy in force as text (`PolicyText`): what intake goes by. NotFound in a store that has none yet."""
    from engine.policy.check import examine
    from engine.policy.load import PolicyError

    look = Reading(store)
    raw = look.book.text(bytes.fromhex(look.policy.hash))
    text, findings = examine(raw, look.now)
    if text is None:
        raise PolicyError(findings)
    return text


# The holder's API


def ask(
    address: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Any:
    """The JSON the holder answers. A problem it answers is raised as the error it is; Busy where it cannot be reached."""
    request = Request(
        f"{address.rstrip('/')}{path}", data=body, method=method, headers={"Accept": "application/json"}
    )
    request.add_header("Content-Type", "application/json")
    if token := os.environ.get("ORDERFOLD_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.loads(answer.read() or b"{}")
    except HTTPError as error:
        raise problem_of(error.code, error.read()) from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise Busy(
            f"The holder of the store at {address} does not answer: {error}.",
            "Is it still starting, or stopping? Try again.",
        ) from None


def problem_of(status: int, body: bytes) -> OrderfoldError:
    """A problem document → the error it was made of, by its slug, else by its status."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    slug = str(problem.get("type", "")).rpartition(":")[2]
    kinds = {kind.slug: kind for kind in _kinds(OrderfoldError)}
    by_status = {
        401: errors.Forbidden,
        403: errors.Forbidden,
        404: errors.NotFound,
        412: errors.Stale,
        503: errors.Busy,
    }
    kind = kinds.get(slug) or by_status.get(status) or (errors.Refused if status < 500 else OrderfoldError)
    members = {
        name: value
        for name, value in problem.items()
        if name not in ("type", "title", "status", "detail", "instance", "remedy")
    }
    return kind(str(problem.get("detail") or f"The holder answered {status}."), "", **members)


def _kinds(kind: type[OrderfoldError]) -> Iterator[type[OrderfoldError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)


def free_of_holder(url: str) -> Holder | None:
    """The holder whose API to go to, or None when there is nobody, or nobody any more after a wait of at most 30 s."""
    deadline = time.monotonic() + WAIT_SECONDS
    told = False
    while (holder := holder_of(url)) is not None and not holder.address:
        if not told:
            say(
                f"Waiting for `{holder.command}` (pid {holder.pid}), which is writing the store …",
                style="dim",
            )
            told = True
        if time.monotonic() >= deadline:
            raise Busy(
                f"The store is being written by `{holder.command}` (pid {holder.pid}).",
                "Wait for it to end, or stop it, and try again.",
            )
        time.sleep(0.2)
    return holder
