"""A server killed between sending and noting it: the next one repeats that one send, under the same id, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivering import SECRET, webhook
from tests.faults import processes
from tests.faults.processes import Server, orderfold, post
from tests.receivers import Reply, receiver
from tests.serving import placed, told
from tests.streams import edited


def test_a_kill_between_sending_and_noting_repeats_that_send_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(processes.ENVIRONMENT, "HOOK_SECRET", SECRET)
    store, policy = tmp_path / "store", tmp_path / "streams.yaml"
    with receiver() as erp:
        erp.replies = [Reply(), Reply(hang=True)]
        told_of = webhook(erp.url, ', types: ["order.doubted.v1", "order.frozen.v1"]')
        policy.write_text(edited(told_of, ("    grace: 120s", "    grace: 1s")), encoding="utf-8")
        with Server(store) as server:
            published = orderfold("policy", "publish", policy, "--reason", "told", store=store)
            assert published.code == 0, published.err
            taken = post(server.address, [placed("jd:1"), told("fulfilment.dispatched", "jd:1")])
            assert taken is not None
            assert taken.status == 200
            assert erp.has(2), "the doubt was told, and the freeze is being told"
            server.kill()

        with Server(store) as server:
            assert erp.has(3)
            metrics = processes.ask(server.address, "GET", "/metrics")
            server.stop()

        doubted, frozen, again = erp.requests
        assert (doubted.json["type"], frozen.json["type"]) == ("order.doubted.v1", "order.frozen.v1")
        assert again.headers["webhook-id"] == frozen.headers["webhook-id"]
        assert again.body == frozen.body
        log = orderfold("webhook", "log", "erp", "--json", store=store).lines
        assert [line["outcome"] for line in log] == ["ok", "unknown", "ok"]
        (listed,) = orderfold("webhook", "list", "--json", store=store).lines
        assert (listed["state"], listed["messages"], listed["attempts"]) == ("on", {"sent": 2}, {"ok": 2})
        assert metrics is not None
        assert 'orderfold_webhook_attempts_total{endpoint="erp",outcome="ok"}' in metrics.body.decode()
