"""A server killed under its senders: whatever it acknowledged is there, once, and nothing else is missing."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engine.replay.verify import verify
from engine.store.database import Store
from tests.faults.processes import SECONDS, Reply, Server, ask, kept, post
from tests.serving import paid, placed, told

KILLS = 4
SENDERS = 3
BATCHES = 60
ORDERS_IN_A_BATCH = 4


def batches(sender: int) -> Iterator[list[dict[str, Any]]]:
    """Orders of one sender: each placed, paid, dispatched (which is illegal, so it is doubted) and scanned under its
    waybill, every other time before the order has named it."""
    for n in range(BATCHES):
        batch = []
        for k in range(ORDERS_IN_A_BATCH):
            number = f"{sender}{n:03d}{k}"
            order, waybill = f"jd:{number}", f"SF{number}"
            scan = told("fulfilment.moved", order, id_=f"scan-{number}", waybill=waybill, scan="hub")
            scan["subject"] = f"alias/waybill:{waybill}"
            sent = told("fulfilment.dispatched", order, waybill=waybill)
            batch += [placed(order), paid(order), *([scan, sent] if k % 2 else [sent, scan])]
        yield batch


class Sender(Thread):
    """Sends its batches in turn, each until it is acknowledged, and now and then a note on an order."""

    def __init__(self, number: int, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.acknowledged: list[tuple[str, str]] = []
        """(stream, id) as answered."""
        self.notes: dict[str, str] = {}
        """order → id of the event its note was acknowledged with."""
        self.outcomes: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        """Outcomes of batches sent, and of those sent again though they had been acknowledged."""
        self.batches = 0
        self.cut_off = 0
        self._number = number

    def run(self) -> None:
        before: list[dict[str, Any]] = []
        for batch in batches(self._number):
            answer, cut_off = self._until_acknowledged(batch)
            self.acknowledged += [(event["subject"], event["id"]) for event in answer.data["events"]]
            self.outcomes.update(answer.data["counts"])
            if cut_off and before:
                self.cut_off += 1
                # The one before was acknowledged by a server that is no more: whoever forgot that sends it again.
                self.repeated.update(self._until_acknowledged(before)[0].data["counts"])
            before = batch
            self.batches += 1
            if not self.batches % 5:
                self._note(batch[0]["subject"])

    def _until_acknowledged(self, batch: list[dict[str, Any]]) -> tuple[Reply, bool]:
        """Send until it is answered for, and whether that took more than once."""
        cut_off = False
        while (answer := post(self.server.address, batch)) is None or answer.status != 200:
            cut_off = True
            time.sleep(0.02)
        return answer, cut_off

    def _note(self, subject: str) -> None:
        order = subject.removeprefix("order/")
        while True:
            answer = ask(
                self.server.address, "POST", f"/v1/orders/{order}/commands",
                {"type": "note", "reason": "seen"}, {"Idempotency-Key": f"note {order}"},
            )  # fmt: skip
            if answer is not None and answer.status == 200:
                self.notes[subject] = answer.data["event"]
                return
            # The views that find an order follow its events within half a second.
            assert answer is None or answer.status in (404, 503), answer.body
            time.sleep(0.02)


@pytest.mark.parametrize("seed", [3])
def test_what_was_acknowledged_is_kept_once_whenever_the_server_is_killed(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    store = tmp_path / "store"
    server = Server(store)
    senders = [Sender(number, server) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(KILLS):
            wanted = sum(sender.batches for sender in senders) + moment.randrange(5, 30)
            give_up = time.monotonic() + SECONDS
            while sum(sender.batches for sender in senders) < wanted:
                assert time.monotonic() < give_up, "the senders get nowhere"
                time.sleep(0.001)
            time.sleep(moment.random() * 0.02)
            server.kill()
            server = Server(store)
            for sender in senders:
                sender.server = server
        for sender in senders:
            sender.join(SECONDS)
        assert [sender.batches for sender in senders] == [BATCHES] * SENDERS
        assert all(sender.cut_off for sender in senders), "every one of them lost a server"
        assert server.stop().code == 0
    finally:
        server.__exit__()

    found = kept(store)
    for sender in senders:
        assert sender.outcomes.keys() <= {"accepted", "duplicate"}
        assert sender.repeated.keys() == {"duplicate"}
        for subject, id_ in sender.acknowledged:
            assert Counter(found[subject])[("/channels/jd/shop-1", id_)] == 1, (subject, id_)
        for subject, id_ in sender.notes.items():
            assert [event for _, event in found[subject] if event == id_] == [id_]
    orders = [subject for subject in found if subject.startswith("order/")]
    assert len(orders) == SENDERS * BATCHES * ORDERS_IN_A_BATCH
    for subject in orders:
        # Its own three, the scan that came by its waybill, and its note where it has one: nothing twice.
        noted = sum(subject in sender.notes for sender in senders)
        assert len(found[subject]) == len(set(found[subject])) == 4 + noted, subject
    opened = Store.open(str(store))
    try:
        report = verify(opened)
    finally:
        opened.close()
    assert report.differences == []
    assert report.rows >= len(orders)
