"""POST /v1/events: an outcome for each event, once it is durable; and what is not taken, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.append.appender import Limits
from engine.errors import StoreFull
from engine.store.database import HISTORY
from tests.serving import STRUCTURED, Api, paid, placed, served, told
from tests.streams import edited

SMALL = (
    ("max_event_bytes: 65536", "max_event_bytes: 2000"),
    ("max_body_bytes: 8388608", "max_body_bytes: 2000"),
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        yield found


def test_one_event_is_answered_with_where_it_is_kept(api: Api) -> None:
    answer = api.post("/v1/events", json=placed())

    assert answer.status_code == 200
    partition = answer.json().pop("partition")
    assert answer.json() == {
        "outcome": "accepted",
        "id": "jd:1 order.placed",
        "subject": "order/jd:1",
        "partition": partition,
        "position": 2,  # the policy is the first entry of every partition
        "version": 1,
    }
    assert api.engine.store.stream("order/jd:1")[0].event.type == "order.placed.v1"


def test_the_same_again_is_a_duplicate_and_still_welcome(api: Api) -> None:
    api.send(placed())

    answer = api.post("/v1/events", json=placed())

    assert (answer.status_code, answer.json()["outcome"]) == (200, "duplicate")
    assert len(api.engine.store.stream("order/jd:1")) == 1


def test_the_same_id_with_other_data_is_refused_and_kept_as_a_dead_letter(api: Api) -> None:
    api.send(placed(price=1_000))

    answer = api.post("/v1/events", json=placed(price=2_000))

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:orderfold:problem:divergent"
    assert api.get("/v1/dead-letters").json()["reasons"] == {"divergent": 1}


def test_a_single_event_intake_refuses_is_a_problem_that_names_the_place(api: Api) -> None:
    event = placed()
    event["data"]["lines"][0]["quantity"] = -1

    answer = api.post("/v1/events", json=event)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "bad-data"
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/data/lines/0/quantity"]
    assert api.get("/v1/dead-letters").json()["total"] == 1


def test_a_bad_event_sent_twice_is_one_dead_letter(api: Api) -> None:
    for _ in range(2):
        api.post("/v1/events", json=told("order.placed", "jd:1", currency="yuan"))

    assert api.get("/v1/dead-letters").json()["total"] == 1


def test_a_batch_is_answered_event_by_event(api: Api) -> None:
    api.send(placed())

    answer = api.post("/v1/events", json=[placed(), paid(), {**paid(), "id": 7}, {}])

    assert answer.status_code == 200
    assert answer.json()["counts"] == {"duplicate": 1, "accepted": 1, "dead": 2}
    assert [(one["outcome"], one.get("reason")) for one in answer.json()["events"]] == [
        ("duplicate", None),
        ("accepted", None),
        ("dead", "bad-attribute"),
        ("dead", "bad-attribute"),
    ]
    taken = answer.json()["events"][1]
    assert answer.json()["position"] == f"{taken['partition']}:{taken['position']}"


def test_an_empty_batch_is_an_empty_answer(api: Api) -> None:
    assert api.post("/v1/events", json=[]).json() == {"counts": {}, "position": "", "events": []}


def test_waiting_adds_what_the_folds_made_of_it(api: Api) -> None:
    answer = api.post("/v1/events?wait=views", json=placed())

    order = answer.json()["order"]
    assert (order["state"], order["frozen"], order["in_doubt"], order["colour"]) == (
        "placed",
        False,
        False,
        "green",
    )
    assert order["money"] == {"currency": "CNY", "receivable": 1_000, "received": 0, "refunded": 0}


def test_waiting_adds_it_to_every_event_of_a_batch(api: Api) -> None:
    answer = api.post(
        "/v1/events?wait=true", json=[placed(), told("fulfilment.dispatched", waybill="SF1"), {}]
    )

    assert [(one.get("order") or {}).get("in_doubt") for one in answer.json()["events"]] == [True, True, None]


def test_what_to_wait_for_must_be_a_position(api: Api) -> None:
    assert api.post("/v1/events?wait=soon", json=placed()).status_code == 400
    assert api.engine.store.stream("order/jd:1") == []


def test_requests_at_once_each_get_their_own_answer(api: Api) -> None:
    events = [placed(f"jd:{n}") for n in range(30)]

    answers = api.together(*(("POST", "/v1/events", {"json": event}) for event in events))

    assert [answer.json()["subject"] for answer in answers] == [event["subject"] for event in events]


def test_the_trace_of_the_request_goes_with_events_that_name_none(api: Api) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    own = "00-11111111111111111111111111111111-2222222222222222-00"

    api.post("/v1/events", json=[placed(), {**paid(), "traceparent": own}], headers={"traceparent": trace})
    api.post("/v1/events", json=told("stock.locked"), headers={"traceparent": "nonsense"})

    assert [record.event.traceparent for record in api.engine.store.stream("order/jd:1")] == [trace, own, ""]


def test_who_sends_is_set_from_the_credential_never_by_the_sender(api: Api) -> None:
    api.send({**placed(), "authid": "the-boss", "authtype": "system"})

    event = api.engine.store.stream("order/jd:1")[0].event
    assert (event.authtype, event.authid.split(":")[0]) == ("unknown", "local")
    assert event.claimedby == "authid:the-boss"


def test_a_persons_type_must_come_as_a_command(api: Api) -> None:
    answer = api.post("/v1/events", json=told("order.unfrozen", reason="please"))

    assert (answer.status_code, answer.json()["reason"]) == (422, "person-type")


# Limits


def test_bodies_and_batches_have_limits(tmp_path: Path) -> None:
    with served(tmp_path, policy=edited(*SMALL, ("max_batch: 1000", "max_batch: 2"))) as api:
        long_body = api.post("/v1/events", json={**placed(), "id": "x" * 3_000})
        long_batch = api.post("/v1/events", json=[{}, {}, {}])

        assert [(a.status_code, a.json()["type"]) for a in (long_body, long_batch)] == [
            (413, "urn:orderfold:problem:too-large"),
            (413, "urn:orderfold:problem:too-large"),
        ]


def test_a_body_without_a_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    async def endless() -> Any:
        for _ in range(10):
            yield b" " * 1_000

    with served(tmp_path, policy=edited(*SMALL)) as api:
        answer = api.post("/v1/events", content=endless(), headers={"content-type": STRUCTURED})

        assert answer.status_code == 413


def test_a_source_may_open_only_so_many_streams_a_minute(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(2)) as api:
        api.send(placed("jd:1"), placed("jd:2"))

        third = api.post("/v1/events", json=placed("jd:3"))
        all_new = api.post("/v1/events", json=[placed("jd:3"), placed("jd:4")])
        mixed = api.post("/v1/events", json=[placed("jd:3"), paid("jd:1")])

        assert third.status_code == all_new.status_code == 429
        assert 1 <= int(third.headers["retry-after"]) <= 60
        assert mixed.json()["counts"] == {"refused": 1, "accepted": 1}
        assert mixed.json()["events"][0]["reason"] == "too-many-streams"
        api.clock.pass_seconds(60)
        api.send(placed("jd:3"))


def test_more_than_may_wait_is_answered_503(tmp_path: Path) -> None:
    with served(tmp_path, waiting_max=1) as api:
        api.service.writer.waiting = 5  # as if the disk were slow

        answer = api.post("/v1/events", json=placed())

        api.service.writer.waiting = 0
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:orderfold:problem:overloaded")
        assert answer.headers["retry-after"] == "1"


# The store


def test_a_full_disk_is_answered_503_and_nothing_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    store = api.engine.store
    write = store.write

    def full() -> None:
        raise StoreFull("The disk is full.", "Make room, then send again.")

    monkeypatch.setattr(store, "write", full)
    answer = api.post("/v1/events", json=placed())

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:orderfold:problem:store-full")
    assert answer.headers["retry-after"] == "1"
    assert api.get("/readyz").status_code == 503
    monkeypatch.setattr(store, "write", write)
    api.send(placed())
    assert api.get("/readyz").status_code == 200
    assert [record.event.streamversion for record in store.stream("order/jd:1")] == [1]


def test_a_store_of_history_takes_no_live_events(tmp_path: Path) -> None:
    with served(tmp_path, kind=HISTORY) as api:
        for body in (placed(), [placed()]):
            answer = api.post("/v1/events", json=body)

            assert answer.status_code == 409
            assert "`orderfold clock advance now` makes it live" in answer.json()["detail"]
            assert answer.json()["stands_at"] == "2016-01-01T00:00:00Z"


def test_a_live_store_takes_no_history(api: Api) -> None:
    historical = {**placed(), "arrivedtime": "2018-01-01T00:00:00Z"}

    single = api.post("/v1/events", json=historical)
    batch = api.post("/v1/events", json=[historical, placed("jd:2")])

    assert single.status_code == 409
    assert "orderfold ingest FILE --historical" in single.json()["detail"]
    assert batch.json()["counts"] == {"refused": 1, "accepted": 1}
    assert batch.json()["events"][0]["reason"] == "historical"
    assert api.get("/v1/dead-letters").json()["total"] == 0


def test_a_field_that_only_mentions_arrivedtime_is_no_history(api: Api) -> None:
    api.send(told("order.cancelled", reason='the "arrivedtime" was wrong'))
