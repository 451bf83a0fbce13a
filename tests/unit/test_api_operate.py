"""What an operator does over HTTP: policies, the clock of history, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import HISTORY
from tests import build
from tests.serving import Api, placed, served, told
from tests.streams import HOUSE, edited


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        yield found


def test_a_published_policy_is_in_force_in_every_partition(api: Api) -> None:
    text = edited(
        ("name: house-1", "name: house-2"),
        ("max_batch: 1000", "max_batch: 1"),
        ("new_streams_per_minute: 60000", "new_streams_per_minute: 1"),
    )

    answer = api.post("/v1/policy", json={"text": text, "reason": "smaller batches"})

    assert answer.json()["name"] == "house-2"
    assert {own.policy.hex() for own in api.engine.appender.owned} == {answer.json()["hash"]}
    assert api.post("/v1/events", json=[placed(), placed("jd:2")]).status_code == 413
    assert [api.post("/v1/events", json=placed(f"jd:{n}")).status_code for n in range(2)] == [200, 429]
    published = api.engine.store.stream("policy/0")[-1].event
    assert (published.data.reason, published.authid.split(":")[0]) == ("smaller batches", "local")


def test_a_policy_that_does_not_pass_is_refused_with_its_lines(api: Api) -> None:
    answer = api.post("/v1/policy", json={"text": HOUSE.replace("grace: 120s", "grace: soon"), "reason": "x"})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:orderfold:problem:policy")
    assert "line " in answer.json()["detail"]


def test_a_policy_that_is_in_force_already_is_refused(api: Api) -> None:
    assert api.post("/v1/policy", json={"text": HOUSE, "reason": "x"}).status_code == 409


def test_the_clock_of_history_is_moved_and_judges_what_is_due(tmp_path: Path) -> None:
    with served(tmp_path, kind=HISTORY) as api:
        shipped_unpaid = build.event("fulfilment.dispatched", "order/shop:1", build.SECOND)
        api.service.writer.call(
            lambda engine: list(engine.ingest([build.placed("order/shop:1"), shipped_unpaid]))
        ).result(10)
        assert api.get("/v1/orders/shop:1").json()["in_doubt"]

        moved = api.post("/v1/clock", json={"to": "2020-09-13T13:00:00Z"})
        back = api.post("/v1/clock", json={"to": "2020-09-13T12:00:00Z"})

        assert moved.json() == {"stands_at": "2020-09-13T13:00:00Z", "kind": "history"}
        assert api.get("/v1/orders/shop:1").json()["frozen"]
        assert back.status_code == 409
        api.clock.pass_seconds(86_400)
        live = api.post("/v1/clock", json={"to": "now"})
        assert live.json()["kind"] == "live"
        api.send(placed("jd:1"))
        assert api.post("/v1/clock", json={"to": "now"}).status_code == 409


@pytest.mark.parametrize("to", ["soon", "2020-09-13T13:00:00", "", 5])
def test_an_instant_that_is_none_is_told(api: Api, to: object) -> None:
    answer = api.post("/v1/clock", json={"to": to})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/to")


# Dead letters


def test_dead_letters_are_listed_with_their_reasons_and_shown_with_their_bytes(api: Api) -> None:
    api.post("/v1/events", json=placed("jd:1", price=-5))
    api.post("/v1/events", content=b"{not json", headers={"content-type": "application/cloudevents+json"})

    found = api.get("/v1/dead-letters").json()
    shown = api.get(f"/v1/dead-letters/{found['letters'][1]['id']}").json()

    assert (found["total"], found["reasons"]) == (2, {"bad-data": 1, "broken-json": 1})
    assert [letter["subject"] for letter in found["letters"]] == ["order/jd:1", ""]
    assert shown["raw"] == "{not json"
    assert api.get("/v1/dead-letters?reason=bad-data").json()["total"] == 1
    assert api.get("/v1/dead-letters?limit=1").json()["after"] == found["letters"][0]["id"]
    assert api.get("/v1/dead-letters?status=lost").status_code == 400
    assert api.get("/v1/dead-letters/99").status_code == 404


def test_personal_fields_of_a_letter_are_masked(api: Api) -> None:
    api.post("/v1/events", json=placed(price=-5, customer={"name": "Zhang Wei", "phone": "13800138000"}))

    raw = api.get("/v1/dead-letters/1").json()["raw"]

    assert '"phone":"138****8000"' in raw.replace(" ", "")
    assert "Zhang Wei" not in raw


def test_a_letter_is_sent_again_under_the_policy_in_force_now(api: Api) -> None:
    early = {**placed("jd:1"), "time": "2015-06-01T00:00:00Z"}
    api.post("/v1/events", json=early)
    assert api.post("/v1/dead-letters/replay", json={"ids": [1]}).json()[0]["outcome"] == "dead"

    text = edited(("name: house-1", "name: house-2"), ("earliest: 2016-01-01", "earliest: 2015-01-01"))
    assert api.post("/v1/policy", json={"text": text, "reason": "older orders"}).status_code == 200
    sent = api.post("/v1/dead-letters/replay", json={"ids": [1]}).json()

    assert [(one["id"], one["outcome"], one["subject"]) for one in sent] == [(1, "accepted", "order/jd:1")]
    assert api.get("/v1/dead-letters").json()["total"] == 0
    assert api.get("/v1/dead-letters?status=replayed").json()["total"] == 1
    assert api.get("/v1/orders/jd:1").json()["state"] == "placed"


def test_what_is_no_whole_event_cannot_be_sent_again(api: Api) -> None:
    api.send(placed(price=1_000))
    api.post("/v1/events", json=placed(price=2_000))

    sent = api.post("/v1/dead-letters/replay", json={"ids": [1]}).json()

    assert sent[0]["outcome"] == "refused"
    assert '"unit_price":1000' in api.get("/v1/dead-letters/1").json()["stored"].replace(" ", "")


def test_letters_are_dropped(api: Api) -> None:
    api.post("/v1/events", json=[told("order.placed", "jd:1"), {}])

    assert api.post("/v1/dead-letters/drop", json={"ids": [1]}).json() == {"dropped": 1}
    assert api.post("/v1/dead-letters/drop", json={"ids": [1]}).json() == {"dropped": 0}
    assert api.get("/v1/dead-letters").json()["total"] == 1
    assert api.post("/v1/dead-letters/drop", json={"ids": [1, 99]}).status_code == 404
    assert api.post("/v1/dead-letters/replay", json={"ids": []}).status_code == 422
