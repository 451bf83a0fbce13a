"""Notices and webhooks over HTTP, and by the command line without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivering import World, webhook, wecom, world
from tests.receivers import Receiver, Reply, receiver
from tests.unit.test_cli import orderfold


@pytest.fixture
def robot() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def night(tmp_path: Path, robot: Receiver) -> Iterator[World]:
    """A freeze the robot did not take, and did not the second time; the endpoint took it."""
    robot.replies = [Reply(), Reply(500), Reply(500)]
    only = webhook(robot.url, ', types: ["order.frozen.v1"]')
    with world(tmp_path, wecom(robot.url, ", retry: [10s]"), only) as found:
        found.freeze("jd:1")
        found.rounds()
        found.deliver()
        found.deliver()
        yield found


def test_notices_are_listed_and_shown_with_every_attempt(night: World) -> None:
    (listed,) = night.api.get("/v1/notices?status=failed").json()
    assert (listed["order"], listed["kind"], listed["recipient"], listed["via"]) == (
        "order/jd:1", "frozen", "risk", "wecom",
    )  # fmt: skip
    shown = night.api.get(f"/v1/notices/{listed['id'][:10]}").json()

    assert shown["text"].startswith("jd:1 is frozen in placed")
    assert shown["key"] == listed["id"]
    assert [one["outcome"] for one in shown["attempts"]] == ["failed", "failed"]
    assert night.api.get("/v1/notices/none").status_code == 404


def test_what_failed_is_sent_again_by_a_person_who_says_why(night: World, robot: Receiver) -> None:
    answer = night.api.post("/v1/notices/retry", json={"failed": True, "reason": "the robot is back"})
    assert answer.json()["count"] == 1
    night.rounds()

    (sent,) = night.api.get("/v1/notices?status=sent").json()
    shown = night.api.get(f"/v1/notices/{sent['id']}").json()
    assert [one["outcome"] for one in shown["attempts"]] == ["failed", "failed", "asked", "ok"]
    assert shown["attempts"][2]["detail"].endswith(": the robot is back")
    again = night.api.post("/v1/notices/retry", json={"ids": [sent["id"]], "reason": "once more"})
    assert again.status_code == 409


def test_endpoints_are_listed_logged_and_replayed(night: World, robot: Receiver) -> None:
    (erp,) = night.api.get("/v1/webhooks").json()
    assert (erp["name"], erp["state"], erp["messages"], erp["attempts"]) == (
        "erp",
        "on",
        {"sent": 1},
        {"ok": 1},
    )
    answer = night.api.post(
        "/v1/webhooks/erp/replay", json={"since": "2020-09-13T00:00:00Z", "reason": "a lost day"}
    )
    assert answer.json()["count"] == 1
    night.rounds()

    assert [one["outcome"] for one in night.api.get("/v1/webhooks/erp/log").json()] == ["ok", "asked", "ok"]
    ids = {request.headers["webhook-id"] for request in robot.requests if request.path == "/hook"}
    assert len(ids) == 1
    unknown = night.api.post("/v1/webhooks/crm/replay", json={"since": "2020-09-13T00:00:00Z", "reason": "x"})
    assert unknown.status_code == 404
    assert night.api.post("/v1/webhooks/erp/enable", json={"reason": "x"}).status_code == 409


def test_what_was_attempted_is_measured_and_summed_up(night: World) -> None:
    told = night.api.get("/metrics").text
    assert 'orderfold_webhook_attempts_total{endpoint="erp",outcome="ok"} 1.0' in told
    assert 'orderfold_notice_attempts_total{outcome="failed",via="wecom"} 2.0' in told
    assert 'orderfold_notices{status="failed"} 1.0' in told
    assert night.api.get("/v1/summary").json()["notices"]["failed"] == 1


def test_the_command_line_tells_the_same(tmp_path: Path, night: World) -> None:
    # Read by another process; what writes would go to the holder, which has no address here.
    store = tmp_path / "store"
    listed = orderfold("notices", "list", "--status", "failed", "--json", store=store)
    (one,) = [json.loads(line) for line in listed.out.splitlines()]
    assert one["status"] == "failed: 500 Internal Server Error"
    shown = orderfold("notices", "show", one["id"][:8], store=store).out
    assert "jd:1 is frozen in placed" in shown
    assert "failed 500" in shown
    again = orderfold("notices", "retry", "--failed", "--dry-run", store=store)
    assert again.out == "Would send 1 notice again.\n"
    assert orderfold("webhook", "list", store=store).out.splitlines()[1].startswith("erp")
    assert "order.frozen" in orderfold("webhook", "log", "erp", store=store).out
    replay = orderfold(
        "webhook", "replay", "erp", "--since", "2020-09-13T00:00:00Z", "--dry-run", store=store
    )
    assert replay.out == "Would send 1 message again.\n"
