"""Serving one store: the writer's lock with the API's address in it, one writer thread, uvicorn until it is told to stop.

SIGINT (Ctrl-C) and SIGTERM end it the same way: no new requests, what was taken is committed, the views are written, the
lock is let go. The first returns 130, the second 0.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import FrameType

import uvicorn

from engine.api.access import is_local, tokens_of
from engine.api.app import make_app
from engine.api.service import Service
from engine.errors import Busy, UsageError
from engine.policy.load import load_policy
from engine.settings import limits_of
from engine.store.database import Store
from engine.store.lock import this_process
from engine.views.queries import wall_clock
from engine.workers.delivering import Delivery
from engine.workers.embedded import Engine
from engine.workers.writer import Writer
from schemas.policy import PolicyText, duration

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8700
INTERRUPTED = 130
SHUTDOWN_SECONDS = 5
ALIVE_EVERY_SECONDS = 0.5
SWITCH_SECONDS = 0.001
"""How long the writer may keep the interpreter while a request waits for it; Python's own 5 ms would be most of an
answer's time."""


def serve(
    store_url: str,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    policy_text: bytes,
    wait_seconds: float = 30.0,
    started: Callable[[str], None] = lambda address: None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Serve a store (made live where there is none) until a signal; returns the exit code: 130 after Ctrl-C, 0 after
    SIGTERM, 1 when the writer died. `port` 0 takes a free one; `started` is told the base URL once requests are answered.

    For the main thread, which alone gets signals. Raises UsageError for no address of this machine, or one beyond it
    without tokens; Busy for a port that is taken, or a store another process holds; PolicyError."""
    _, text = load_policy(policy_text, now=wall_clock())
    local = is_local(host)
    with _listening(host, port) as listener:
        bound = listener.getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        engine = Engine.open(
            store_url,
            "",
            policy_text,
            holder=this_process("orderfold up", address),
            partitions=text.store.partitions,
            wait_seconds=wait_seconds,
            rows_bytes=text.views.hot_bytes,
            heads_bytes=text.store.head_bytes,
            limits=limits_of(text),
        )
        return _serve(engine, store_url, listener, address, local, text, started, environ)


def _serve(
    engine: Engine,
    store_url: str,
    listener: socket.socket,
    address: str,
    local: bool,
    text: PolicyText,
    started: Callable[[str], None],
    environ: Mapping[str, str],
) -> int:
    writer = Writer(
        engine, group_events=text.store.commit_events, group_seconds=duration(text.store.commit_after) / 1e6
    )
    store = Store.open(store_url)
    delivery: Delivery | None = None
    try:
        delivery = Delivery(engine, engine.clock, environ, address)
        service = Service(writer, store, local=local, environ=environ, version=release())
        if not local and not tokens_of(service.in_force.text, environ):
            raise UsageError(
                f"{address} can be reached from other machines, and no token is set.",
                "Add `tokens` to streams.yaml and publish it (or set the variables they name), or serve 127.0.0.1.",
            )
        writer.observe = service.metrics.committed
        writer.start()
        delivery.start()
        return _run(service, listener, address, started)
    finally:
        if delivery is not None:
            delivery.stop()
        writer.stop()
        store.close()


def _run(service: Service, listener: socket.socket, address: str, started: Callable[[str], None]) -> int:
    """uvicorn on this thread, until a signal or the writer's death."""
    config = uvicorn.Config(
        make_app(service),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        backlog=512,
    )
    server = _Server(config)
    caught: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        server.should_exit = True
        server.force_exit = len(caught) > 1

    async def until_stopped() -> None:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            _announce(address)
            started(address)
        while not serving.done():
            if not service.writer.alive:
                server.should_exit = True
            await asyncio.wait([serving], timeout=ALIVE_EVERY_SECONDS)
        await serving

    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        asyncio.run(until_stopped())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.setswitchinterval(interval)
    if caught:
        return INTERRUPTED if caught[0] == signal.SIGINT else 0
    return 0 if service.writer.alive else 1


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, which would end the process before the views are written."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _announce(address: str) -> None:
    for line in (
        f"Orderfold serves {address}",
        f"  overview   {address}/",
        f"  events     {address}/v1/events",
        f"  metrics    {address}/metrics",
        f"  API        {address}/openapi.json",
        "Ctrl-C ends it.",
    ):
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address: taken before the store is, so that a second server ends at once."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol: asyncio switches Nagle's delay (40 ms an answer) off only where it is known to be TCP.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError as error:
        raise UsageError(
            f"{host} is no address of this machine: {error.strerror}.", "Try --host 127.0.0.1."
        ) from None
    try:
        listener.bind(where)
    except OSError as error:
        listener.close()
        raise Busy(
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            "Another server runs there? Stop it, or choose another with --port.",
        ) from None
    return listener


def release() -> str:
    """The installed release, or `source` when run from a clone."""
    try:
        return version("orderfold")
    except PackageNotFoundError:
        return "source"
