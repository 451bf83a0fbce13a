"""Endpoints told of decisions, against real servers: signed, filtered, tried by the standard's schedule, disabled, replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from engine.deliver import again
from engine.deliver.listing import endpoints, log, totals
from engine.deliver.providers import RETRY_AFTER_MOST, answered, later
from engine.deliver.signing import Unverified, verify
from engine.errors import NotFound, Refused
from engine.policy.check import examine
from schemas.policy import PolicyText, duration
from tests.delivering import ENVIRON, SECRET, World, webhook, world
from tests.receivers import Receiver, Reply, receiver
from tests.serving import START
from tests.streams import NOW

TYPES = ', types: ["order.*"]'
STANDARD = ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
OTHER_SECRET = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIDI0IGJ5dGVz"


@pytest.fixture
def erp() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def test_a_decision_is_told_at_once_as_a_signed_cloudevent(tmp_path: Path, erp: Receiver) -> None:
    with world(tmp_path, webhook(erp.url, TYPES)) as night:
        night.freeze("jd:1")
        night.rounds()

        doubted, frozen = sorted(erp.requests, key=lambda request: str(request.json["type"]))
        assert frozen.path == "/hook"
        assert frozen.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
        verify(frozen.headers, frozen.body, [SECRET], night.api.clock.now // 1_000_000)
        with pytest.raises(Unverified):
            verify(frozen.headers, doubted.body, [SECRET], night.api.clock.now // 1_000_000)
        event = frozen.json
        assert {
            name: event[name] for name in ("specversion", "type", "source", "subject", "datacontenttype")
        } == {
            "specversion": "1.0",
            "type": "order.frozen.v1",
            "source": "/orderfold/lifecycle",
            "subject": "order/jd:1",
            "datacontenttype": "application/json",
        }
        assert event["timestamp"] == event["time"]
        assert event["id"] == frozen.headers["webhook-id"]
        assert event["data"]["event_type"] == "fulfilment.dispatched.v1"
        assert doubted.json["type"] == "order.doubted.v1"


def test_an_endpoint_is_told_what_it_asked_for(tmp_path: Path, erp: Receiver) -> None:
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1", "work.*"]')) as night:
        night.freeze("jd:1")
        night.rounds()

        assert sorted(request.json["type"] for request in erp.requests) == [
            "order.frozen.v1",
            "work.opened.v1",
        ]


def test_a_dry_run_tells_nothing_and_says_so(tmp_path: Path, erp: Receiver) -> None:
    with world(
        tmp_path, webhook(erp.url), ("[HOOK_SECRET], dry_run: false", "[HOOK_SECRET], dry_run: true")
    ) as night:
        night.freeze("jd:1")
        night.rounds()

        assert erp.requests == []
        assert {intent.status for intent in night.outbox.intents("WHERE via='webhook'")} == {
            "suppressed: dry run"
        }


def test_a_secret_is_changed_without_a_gap(tmp_path: Path, erp: Receiver) -> None:
    both = ("secrets: [HOOK_SECRET]", "secrets: [HOOK_SECRET, HOOK_SECRET_NEW]")
    environ = ENVIRON | {"HOOK_SECRET_NEW": OTHER_SECRET}
    with world(tmp_path, webhook(erp.url, TYPES), both, environ=environ) as night:
        night.freeze("jd:1")
        night.rounds()

        request = erp.requests[0]
        for secret in (SECRET, OTHER_SECRET):
            verify(request.headers, request.body, [secret], night.api.clock.now // 1_000_000)


def test_it_is_tried_by_the_standards_schedule_under_one_id(tmp_path: Path, erp: Receiver) -> None:
    erp.reply = Reply(500)
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"]')) as night:
        night.freeze("jd:1")
        night.rounds()
        waits = []
        while night.outbox.messages("WHERE status = 'waiting'"):
            (message,) = night.outbox.messages("")
            waits.append(message.next_at - night.api.clock.now)
            night.api.clock.now = message.next_at
            night.rounds()

        assert len(erp.requests) == 10
        for wait, wanted in zip(waits, STANDARD, strict=True):
            assert duration(wanted) <= wait <= duration(wanted) * 11 // 10
        assert len({request.headers["webhook-id"] for request in erp.requests}) == 1
        assert len({request.body for request in erp.requests}) == 1
        stamps = [int(request.headers["webhook-timestamp"]) for request in erp.requests]
        assert stamps == sorted(set(stamps)), "each attempt is stamped anew"
        last = erp.requests[-1]
        verify(last.headers, last.body, [SECRET], stamps[-1])
        assert night.outbox.messages("")[0].status == "failed: 500 Internal Server Error"
        assert totals(night.store) == {("webhook:erp", "failed"): 10}


def test_429_with_retry_after_holds_back_the_whole_endpoint_for_so_long(
    tmp_path: Path, erp: Receiver
) -> None:
    erp.replies = [Reply(429, {"Retry-After": "120"})]
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"]')) as night:
        night.freeze("jd:1")
        night.rounds()
        night.freeze("jd:2")  # 121 s later, of which the endpoint had 120: it is asked again
        assert len(erp.requests) == 1
        night.api.clock.now -= 3_000_000
        night.rounds()
        assert len(erp.requests) == 1, "two more seconds"

        night.pass_seconds(4)
        night.rounds()
        assert len(erp.requests) == 3
        assert [one.outcome for one in night.attempts] == ["throttled", "ok", "ok"]


@pytest.mark.parametrize("status", [429, 502, 504])
def test_what_means_too_much_pauses_the_endpoint(tmp_path: Path, erp: Receiver, status: int) -> None:
    erp.replies = [Reply(status)]
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"], retry: [10m]')) as night:
        night.freeze("jd:1")
        night.rounds()
        night.freeze("jd:2")
        night.rounds()
        assert len(erp.requests) == 1
        (found,) = endpoints(night.store, _text(night), night.api.clock.now)
        assert found.state.startswith("paused until 2020-09-13 12:3")

        night.pass_seconds(660)
        night.rounds()
        assert len(erp.requests) == 3


def test_a_redirect_is_not_followed(tmp_path: Path, erp: Receiver) -> None:
    with receiver() as elsewhere:
        erp.reply = Reply(302, {"Location": f"{elsewhere.url}/hook"})
        with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"]')) as night:
            night.freeze("jd:1")
            night.rounds()

            assert [(one.outcome, one.status) for one in night.attempts] == [("redirected", 302)]
            assert elsewhere.requests == []
            assert night.outbox.messages("")[0].status == "waiting"


def test_410_disables_the_endpoint_until_its_url_changes_or_a_person_says_so(
    tmp_path: Path, erp: Receiver
) -> None:
    erp.replies = [Reply(500), Reply(410)]
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"], per_minute: 1')) as night:
        night.freeze("jd:1")
        night.rounds()
        night.freeze("jd:2")
        night.rounds()  # jd:1 again: gone
        night.freeze("jd:3")
        night.rounds()

        assert len(erp.requests) == 2
        assert [intent.status for intent in night.outbox.intents("WHERE via='webhook' ORDER BY at")] == [
            "failed: 410 Gone",
            "suppressed: endpoint disabled",
            "suppressed: endpoint disabled",
        ]
        (found,) = endpoints(night.store, _text(night), night.api.clock.now)
        assert found.state.startswith("disabled since 2020-09-13 12:3")
        assert found.state.endswith("it answered 410 Gone")

        again.enable(night.store, "erp", night.api.clock.now, "ann", "it is back")
        night.freeze("jd:4")
        night.rounds()
        assert erp.requests[-1].json["subject"] == "order/jd:4"
        with pytest.raises(Refused):
            again.enable(night.store, "erp", night.api.clock.now, "ann", "once more")


def test_a_replay_sends_the_same_under_the_same_ids(tmp_path: Path, erp: Receiver) -> None:
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"]')) as night:
        night.freeze("jd:1")
        night.rounds()
        middle = night.api.clock.now + 1_000_000
        night.freeze("jd:2", "jd:3")
        night.rounds()
        now = night.api.clock.now

        done = again.replay(night.store, "erp", middle, now + 1, False, now, "ann", "a lost day")
        night.rounds()

        assert done.count == 2
        first, two, three, *replayed = (request.json["subject"] for request in erp.requests)
        assert (first, {two, three}, set(replayed)) == (
            "order/jd:1",
            {"order/jd:2", "order/jd:3"},
            {"order/jd:2", "order/jd:3"},
        )
        assert len({request.headers["webhook-id"] for request in erp.requests}) == 3
        asked = [one for one in log(night.store, "erp") if one.outcome == "asked"]
        assert {one.detail for one in asked} == {"ann: a lost day"}
        with pytest.raises(NotFound):
            again.replay(night.store, "crm", START, now, False, now, "ann", "who?")


def test_one_endpoint_that_hangs_keeps_no_other_waiting(tmp_path: Path, erp: Receiver) -> None:
    erp.reply = Reply(hang=True)
    with receiver() as crm:
        more = f', types: ["order.frozen.v1"], timeout: 300ms}}, crm: {{url: "{crm.url}/hook", secrets: [HOOK_SECRET], dry_run: false, types: ["order.frozen.v1"]'
        with world(tmp_path, webhook(erp.url, more)) as night:
            night.freeze("jd:1")
            night.deliverer.step()
            assert crm.has(1)
            night.rounds()

            assert totals(night.store) == {("webhook:crm", "ok"): 1, ("webhook:erp", "timeout"): 1}


def test_without_its_secret_nothing_is_sent(tmp_path: Path, erp: Receiver) -> None:
    with world(tmp_path, webhook(erp.url), environ={}) as night:
        night.freeze("jd:1")
        night.rounds()

        assert erp.requests == []
        assert {one.detail for one in night.attempts} == {"None of HOOK_SECRET is set."}


def test_the_log_tells_of_every_attempt(tmp_path: Path, erp: Receiver) -> None:
    erp.replies = [Reply(500)]
    with world(tmp_path, webhook(erp.url, ', types: ["order.frozen.v1"]')) as night:
        night.freeze("jd:1")
        night.rounds()
        night.pass_seconds(6)
        night.rounds()

        ok, failed = log(night.store, "erp")
        assert (ok.outcome, ok.status, ok.subject, ok.type) == ("ok", 200, "order/jd:1", "order.frozen.v1")
        assert (failed.outcome, failed.detail) == ("failed", "500 Internal Server Error")
        assert ok.message == failed.message == erp.requests[0].headers["webhook-id"]
        assert log(night.store, "erp", failed=True) == [failed]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "ok"), (204, "ok"), (301, "redirected"), (400, "refused"), (404, "refused"), (410, "gone"),
     (429, "throttled"), (500, "failed"), (502, "throttled"), (503, "failed"), (504, "throttled"), (599, "failed")],
)  # fmt: skip
def test_what_a_status_means(status: int, outcome: str) -> None:
    assert answered(status).outcome == outcome


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("", 0),
        ("120", 120_000_000),
        ("0", 0),
        ("-5", 0),
        ("soon", 0),
        ("9" * 40, RETRY_AFTER_MOST),
        (formatdate(START / 1e6 + 90, usegmt=True), 90_000_000 - 0),
        (formatdate(START / 1e6 - 90, usegmt=True), 0),
    ],
)
def test_how_long_a_retry_after_asks_for(said: str, wait: int) -> None:
    assert later(said, START) == wait


def test_personal_fields_are_masked(tmp_path: Path, erp: Receiver) -> None:
    with world(tmp_path, webhook(erp.url)) as night:
        customer = {"name": "王小明", "phone": "+8613812345678"}
        line = {"line": "1", "sku": "s", "quantity": 1, "unit_price": 1_000}
        placed = {
            "currency": "CNY",
            "lines": [line],
            "customer": customer,
            "address": {"text": "Somewhere 1"},
        }
        night.api.send(
            {"specversion": "1.0", "id": "e1", "source": "/channels/jd/s", "type": "order.placed.v1", "subject": "order/jd:1",
             "data": placed}
        )  # fmt: skip
        night.freeze("jd:2")
        night.rounds()

        sent = json.dumps([request.json for request in erp.requests], ensure_ascii=False)
        assert "13812345678" not in sent
        assert "王小明" not in sent


def _text(night: World) -> PolicyText:
    text, _ = examine(night.api.service.book.text(night.api.engine.appender.owned[0].policy), NOW)
    assert text is not None
    return text
