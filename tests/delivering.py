"""Orders that freeze in a served store on a virtual clock, and deliver's rounds over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.deliver.deliverer import Deliverer, claim
from engine.deliver.listing import counts, notices
from engine.deliver.outbox import Attempt, Outbox
from engine.store.database import Store
from tests.serving import Api, served, told
from tests.streams import edited

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRON = {
    "WECOM_KEY": "k-1",
    "HOOK_SECRET": SECRET,
    "DINGTALK_TOKEN": "t/1",
    "DINGTALK_SECRET": "SEC1",
    "SMS": "s",
}
GRACE = 121
MINUTE = 60

WECOM = "  wecom: {dry_run: true}"
FROZEN = "  frozen: {via: [wecom],"


def wecom(url: str, more: str = "") -> tuple[str, str]:
    """The edit that switches the robot on."""
    return (
        WECOM,
        f'  wecom: {{dry_run: false, provider: wecom, url: "{url}/cgi-bin/webhook/send?key=${{WECOM_KEY}}"{more}}}',
    )


def webhook(url: str, more: str = "", name: str = "erp") -> tuple[str, str]:
    """The edit that adds an endpoint."""
    return (
        "webhooks: {}",
        f'webhooks: {{{name}: {{url: "{url}/hook", secrets: [HOOK_SECRET], dry_run: false{more}}}}}',
    )


def ordered(order: str) -> dict[str, Any]:
    """An order of one general line, to an address that can be read: what cannot is told about too."""
    line = {"line": "1", "sku": "sku-1", "quantity": 1, "unit_price": 1_000}
    where = {
        "country": "CN",
        "region": "上海市",
        "city": "上海市",
        "district": "浦东新区",
        "postcode": "200120",
    }
    return told(
        "order.placed", order, currency="CNY", lines=[line], address=where | {"text": "世纪大道100号"}
    )


class World:
    """A served store, and deliver's own tables beside it."""

    def __init__(self, api: Api, store: Store, outbox: Outbox, environ: Mapping[str, str]) -> None:
        self.api = api
        self.store = store
        self.outbox = outbox
        self.environ = environ
        self.deliverer = self.anew()

    def anew(self) -> Deliverer:
        """As after a restart: nothing is known but what the tables hold."""
        return Deliverer(self.store, self.outbox, self.api.clock, self.environ, "http://board")

    def freeze(self, *orders: str) -> None:
        """Each is shipped unpaid; when the grace is over, risk control is told that it is frozen."""
        for order in orders:
            self.api.send(ordered(order), told("fulfilment.dispatched", order))
        self.pass_seconds(GRACE)

    def pass_seconds(self, seconds: int) -> None:
        self.api.clock.pass_seconds(seconds)
        self.api.tick()

    def rounds(self) -> None:
        """Deliver's rounds, until nothing more is to be done now."""
        while True:
            self.deliverer.step()
            if not self.deliverer.flying:
                return
            while self.deliverer.flying:
                assert self.deliverer.settle(10), "a send does not end"

    def deliver(self) -> None:
        """The minute passes, and what it brought is sent."""
        self.pass_seconds(MINUTE)
        self.rounds()

    @property
    def statuses(self) -> dict[str, int]:
        return counts(self.store)

    @property
    def attempts(self) -> list[Attempt]:
        return self.outbox.attempts("ORDER BY n")

    def status_of(self, order: str, via: str = "wecom") -> str:
        """Of the notice that the order is frozen."""
        (found,) = [
            one.status
            for one in notices(self.store, via=via, limit=1_000)
            if one.order == f"order/{order}" and one.kind == "frozen"
        ]
        return found


@contextmanager
def world(
    directory: Path, *edits: tuple[str, str], environ: Mapping[str, str] = ENVIRON, **more: str
) -> Iterator[World]:
    """A live store of its own under the delivered policy with these edits."""
    with served(directory, policy=edited(*edits), **more) as api:
        url = str(directory / "store")
        store = Store.open(url)
        outbox = Outbox.open(directory / "store")
        try:
            api.service.writer.call(lambda engine: claim(engine.store, outbox)).result(10)
            yield World(api, store, outbox, environ)
        finally:
            outbox.close()
            store.close()
