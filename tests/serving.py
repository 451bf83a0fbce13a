"""A served store in one process, on a virtual clock: requests go straight into the application, the writer is real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from engine.api.app import make_app
from engine.api.service import Service
from engine.append.appender import Limits
from engine.store.database import LIVE, Store
from engine.workers.embedded import Engine
from engine.workers.writer import Writer
from tests.streams import HOUSE

BASE = "http://127.0.0.1:8700"
START = 1_600_000_000_000_000
"""2020-09-13T12:26:40Z, where the clock begins, in µs."""

SECOND = 1_000_000
STRUCTURED = "application/cloudevents+json"


class Clock:
    """The present, in µs; it moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: int) -> None:
        self.now += seconds * SECOND


class Api:
    """The API of one store. Every request is answered before the call returns; `together` sends several at once."""

    def __init__(self, service: Service, clock: Clock, base: str) -> None:
        self.service = service
        self.clock = clock
        self.engine = service.writer.engine
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(cast(Any, make_app(service))), base_url=base
        )

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def together(self, *asked: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """(method, path, further arguments of httpx) each; the answers in the same order."""

        async def all_of() -> list[httpx.Response]:
            return await asyncio.gather(
                *(self._client.request(method, path, **more) for method, path, more in asked)
            )

        return self._loop.run_until_complete(all_of())

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.together((method, path, more))[0]

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def send(self, *events: dict[str, Any]) -> None:
        """Events that must be taken."""
        answer = self.post("/v1/events", json=list(events))
        assert answer.status_code == 200, answer.text
        assert answer.json()["counts"] == {"accepted": len(events)}, answer.text

    def command(self, order: str, key: str, type_: str, version: int = 0, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} | ({"If-Match": f'"{version}"'} if version else {})
        return self.post(f"/v1/orders/{order}/commands", json={"type": type_, **body}, headers=headers)

    def tick(self) -> None:
        """Let the engine notice what time it is."""

        def pass_time(engine: Engine) -> None:
            engine.tick()
            engine.flush()

        self.service.writer.call(pass_time).result(10)


@contextmanager
def served(
    directory: Path,
    *,
    kind: str = LIVE,
    policy: str = HOUSE,
    local: bool = True,
    environ: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    waiting_max: int = 50_000,
    base: str = BASE,
) -> Iterator[Api]:
    """A store of its own, served until the end of the block."""
    clock = Clock()
    url = str(directory / "store")
    engine = Engine.open(url, kind, policy.encode(), clock=clock, partitions=4, limits=limits or Limits())
    writer = Writer(engine, waiting_max=waiting_max)
    store = Store.open(url)
    try:
        service = Service(writer, store, local=local, environ=environ or {}, version="1.2.3")
        writer.start()
        with closing(Api(service, clock, base)) as api:
            yield api
    finally:
        writer.stop()
        store.close()


def told(type_: str, order: str = "jd:1", id_: str = "", **data: Any) -> dict[str, Any]:
    """A structured event of an order; its id is its type unless one is given."""
    return {
        "specversion": "1.0",
        "id": id_ or f"{order} {type_}",
        "source": "/channels/jd/shop-1",
        "type": f"{type_}.v1",
        "subject": f"order/{order}",
        "data": data,
    }


def placed(order: str = "jd:1", price: int = 1_000, **more: Any) -> dict[str, Any]:
    """An order of one general line."""
    line = {"line": "1", "sku": "sku-1", "quantity": 1, "unit_price": price}
    return told("order.placed", order, currency="CNY", lines=[line], address={"text": "Somewhere 1"}, **more)


def paid(order: str = "jd:1", amount: int = 1_000) -> dict[str, Any]:
    """All of its money."""
    return told("payment.received", order, payment=f"pay-{order}", amount=amount, currency="CNY")
