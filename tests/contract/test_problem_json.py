"""RFC 9457: every error is a problem document, whichever part of the engine made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import OrderfoldError
from tests.serving import Api, placed, served

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

KEY = {"Idempotency-Key": "k"}

ASKED: list[tuple[int, str, str, str, dict[str, Any]]] = [
    (404, "not-found", "GET", "/nowhere", {}),
    (404, "not-found", "GET", "/v1/orders/jd:404", {}),
    (404, "not-found", "GET", "/v1/commands/none", {}),
    (405, "method-not-allowed", "DELETE", "/v1/orders", {}),
    (400, "bad-request", "GET", "/v1/orders?limit=many", {}),
    (400, "usage", "GET", "/v1/orders?colour=mauve", {}),
    (400, "unreadable", "POST", "/v1/events", {"content": b"[{,", "headers": {"content-type": "application/json"}}),
    (422, "event-refused", "POST", "/v1/events", {"json": {"specversion": "1.0"}}),
    (422, "event-refused", "POST", "/v1/events", {"json": 5}),
    (409, "divergent", "POST", "/v1/events", {"json": placed(price=2)}),
    (409, "refused", "POST", "/v1/events", {"json": {**placed("jd:7"), "arrivedtime": "2018-01-01T00:00:00Z"}}),
    (412, "stale", "POST", "/v1/events", {"json": {**placed(), "id": "x", "expectedversion": 9}}),
    (415, "unsupported-media-type", "POST", "/v1/events", {"content": b"a,b", "headers": {"content-type": "text/csv"}}),
    (413, "too-large", "POST", "/v1/events", {"json": {}, "headers": {"content-length": "999999999"}}),
    (403, "forbidden", "GET", "/v1/orders", {"headers": {"host": "evil.example"}}),
    (401, "unauthenticated", "GET", "/v1/orders", {"headers": {"authorization": "Bearer x"}}),
    (400, "key-missing", "POST", "/v1/orders/jd:1/commands", {"json": {"type": "note"}}),
    (400, "usage", "POST", "/v1/orders/jd:1/commands", {"json": {"type": "explode"}, "headers": KEY}),
    (422, "invalid", "POST", "/v1/orders/jd:1/commands", {"json": {}, "headers": KEY}),
    (409, "illegal-transition", "POST", "/v1/orders/jd:1/commands", {"json": {"type": "complete"}, "headers": KEY}),
    (412, "stale", "POST", "/v1/orders/jd:1/commands", {"json": {"type": "note", "reason": "x"}, "headers": {**KEY, "If-Match": "9"}}),
    (422, "policy", "POST", "/v1/policy", {"json": {"text": "x", "reason": "y"}}),
    (409, "refused", "POST", "/v1/clock", {"json": {"to": "now"}}),
]  # fmt: skip


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served(tmp_path_factory.mktemp("problems")) as found:
        found.send(placed())
        yield found


@pytest.mark.parametrize(
    ("status", "slug", "method", "path", "more"), ASKED, ids=[f"{row[0]} {row[2]} {row[3]}" for row in ASKED]
)
def test_an_error_is_a_problem_document(
    api: Api, status: int, slug: str, method: str, path: str, more: dict[str, Any]
) -> None:
    more = {**more, "headers": {**more.get("headers", {}), "traceparent": TRACE}}

    answer = api.request(method, path, **more)

    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (status, status)
    assert problem["type"] == f"urn:orderfold:problem:{slug}"
    assert problem["title"]
    assert len(problem["detail"]) > 15
    assert problem["instance"] == path.partition("?")[0]
    assert problem["traceid"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    for error in problem.get("errors", []):
        assert set(error) in ({"pointer", "detail"}, {"parameter", "detail"})
        assert error.get("pointer", "") == "" or error["pointer"].startswith("/")


def test_without_a_trace_none_is_made_up(api: Api) -> None:
    assert "traceid" not in api.get("/nowhere").json()
    assert "traceid" not in api.get("/nowhere", headers={"traceparent": "abc"}).json()


def test_an_error_of_our_own_is_a_problem_that_tells_no_secrets(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("a path like /etc/secret")

    monkeypatch.setattr(api.service, "summary", broken)

    answer = api.get("/v1/summary")

    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:orderfold:problem:failed"
    assert "secret" not in answer.text


def test_every_error_has_a_slug_and_a_title_of_its_own() -> None:
    def kinds(kind: type[OrderfoldError]) -> Iterator[type[OrderfoldError]]:
        for child in kind.__subclasses__():
            if child.__module__.startswith("engine."):
                yield child
                yield from kinds(child)

    found = list(kinds(OrderfoldError))

    assert len(found) > 15
    assert len({kind.slug for kind in found}) == len(found)
    assert all(400 <= kind.status < 600 for kind in found)
    assert all(kind.exit_code in range(1, 8) for kind in found)
