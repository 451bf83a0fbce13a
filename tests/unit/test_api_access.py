"""Who may ask what: an open API on this machine that no web page can use, tokens and roles beyond it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine.api.access import is_local
from tests.serving import BASE, Api, placed, served
from tests.streams import edited

TOKENS = f"""tokens:
  - {{name: jd-connector, env: ORDERFOLD_TOKEN_JD, roles: [sender], sources: ["/channels/jd/*"]}}
  - {{name: lin.yue, sha256: {sha256(b"clerk-secret").hexdigest()}, roles: [clerk], authtype: user}}
  - {{name: boss, sha256: {sha256(b"boss-secret").hexdigest()}, roles: [admin], authtype: user, sources: ["*"]}}
  - {{name: nobody, env: ORDERFOLD_TOKEN_UNSET, roles: [admin], sources: ["*"]}}
"""
POLICY = edited(("tokens: []", TOKENS.strip()))
ENVIRON = {"ORDERFOLD_TOKEN_JD": "jd-secret"}


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path, policy=POLICY, environ=ENVIRON) as api:
        yield api


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Api]:
    with served(
        tmp_path, policy=POLICY, environ=ENVIRON, local=False, base="http://orders.example:8700"
    ) as api:
        yield api


def bearer(token: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def basic(token: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Basic {b64encode(f'anyone:{token}'.encode()).decode()}"}}


def command(api: Api, type_: str, token: str) -> int:
    headers = {"Idempotency-Key": f"{type_} {token}"} | bearer(token)["headers"]
    body = {"type": type_, "reason": "other"}
    return api.post("/v1/orders/jd:1/commands", json=body, headers=headers).status_code


def test_which_addresses_are_this_machine_only() -> None:
    assert [is_local(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")] == [True] * 4
    assert [is_local(host) for host in ("0.0.0.0", "::", "10.0.0.1", "orders.example")] == [False] * 4


# On this machine


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:8700", "LOCALHOST", "[::1]:8700"])
def test_this_machine_has_several_names(local: Api, host: str) -> None:
    assert local.get("/v1/summary", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8700", "192.168.1.5:8700", "", "[::1"]
)
def test_a_name_that_was_bound_to_this_machine_is_refused(local: Api, host: str) -> None:
    for path in ("/v1/summary", "/", "/healthz", "/metrics"):
        assert local.get(path, headers={"Host": host}).status_code == 403
    assert local.post("/v1/events", json=placed(), headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8700"]
)
def test_a_page_of_somebody_else_may_not_use_the_api(local: Api, origin: str) -> None:
    posted = local.post("/v1/events", json=placed(), headers={"Origin": origin})
    read = local.get("/v1/summary", headers={"Origin": origin})
    asked = local.request("OPTIONS", "/v1/events", headers={"Origin": origin})

    assert [posted.status_code, read.status_code, asked.status_code] == [403, 403, 403]
    assert local.engine.store.stream("order/jd:1") == []


def test_its_own_pages_may(local: Api) -> None:
    assert local.post("/v1/events", json=placed(), headers={"Origin": BASE}).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_form_can_send_is_not_taken(local: Api, content_type: str) -> None:
    body = b'{"type": "note", "reason": "x"}'
    headers = {"Content-Type": content_type, "Idempotency-Key": "k"}
    for path in (
        "/v1/events",
        "/v1/orders/jd:1/commands",
        "/v1/policy",
        "/v1/clock",
        "/v1/dead-letters/drop",
    ):
        assert local.post(path, content=body, headers=headers).status_code == 415


def test_whoever_is_here_may_do_everything(local: Api) -> None:
    local.send(placed())

    assert local.command("jd:1", "k", "cancel", reason="x").status_code == 200


def test_a_credential_that_is_shown_must_be_right_even_here(local: Api) -> None:
    assert local.get("/v1/summary", **bearer("wrong")).status_code == 401
    assert local.post("/v1/events", json=placed(), **bearer("jd-secret")).status_code == 200
    event = local.engine.store.stream("order/jd:1")[0].event
    assert (event.authtype, event.authid) == ("service_account", "jd-connector")


# Beyond it


def test_beyond_this_machine_nothing_is_told_without_a_token(remote: Api) -> None:
    for path in (
        "/v1/summary",
        "/v1/orders",
        "/",
        "/orders/1",
        "/metrics",
        "/openapi.json",
        "/v1/dead-letters",
    ):
        answer = remote.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["type"] == "urn:orderfold:problem:unauthenticated"
        assert "Bearer" in answer.headers["www-authenticate"]
    assert remote.post("/v1/events", json=placed()).status_code == 401


def test_supervisors_need_no_token(remote: Api) -> None:
    assert remote.get("/healthz").status_code == 200
    assert remote.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer ", "Bearer wrong", "Basic !!!", "Basic d3Jvbmc=", "Digest x", "jd-secret", "Bearer jd-secre"],
)
def test_what_is_no_known_token_opens_nothing(remote: Api, authorization: str) -> None:
    assert remote.get("/v1/summary", headers={"Authorization": authorization}).status_code == 401


def test_a_token_whose_variable_is_not_set_is_nobodys(remote: Api) -> None:
    assert remote.get("/v1/summary", **bearer("")).status_code == 401


def test_a_sender_sends_from_its_own_sources_and_sees_nothing(remote: Api) -> None:
    own = remote.post("/v1/events", json=placed(), **bearer("jd-secret"))
    other = remote.post(
        "/v1/events", json={**placed("taobao:1"), "source": "/channels/taobao/1"}, **bearer("jd-secret")
    )
    both = remote.post(
        "/v1/events",
        json=[placed("jd:2"), {**placed("jd:3"), "source": "/x"}, {"source": "/x"}],
        **bearer("jd-secret"),
    )

    assert own.status_code == 200
    assert (other.status_code, other.json()["reason"]) == (403, "source")
    assert [one.get("reason") for one in both.json()["events"]] == [None, "source", "source"]
    assert remote.get("/v1/summary", **bearer("jd-secret")).status_code == 403
    assert remote.get("/v1/dead-letters", **bearer("boss-secret")).json()["total"] == 0


def test_a_role_says_which_commands(remote: Api) -> None:
    remote.post("/v1/events", json=placed(), **bearer("jd-secret"))

    assert command(remote, "hold", "clerk-secret") == 200
    assert command(remote, "cancel", "clerk-secret") == 403
    assert command(remote, "hold", "jd-secret") == 403
    assert command(remote, "cancel", "boss-secret") == 200
    assert remote.engine.store.stream("order/jd:1")[1].event.authid == "lin.yue"
    assert remote.engine.store.stream("order/jd:1")[1].event.authtype == "user"


def test_publishing_and_operating_need_a_role(remote: Api) -> None:
    for path, body in (
        ("/v1/policy", {"text": "", "reason": "x"}),
        ("/v1/clock", {"to": "now"}),
        ("/v1/dead-letters/drop", {"ids": [1]}),
        ("/v1/dead-letters/replay", {"ids": [1]}),
    ):
        assert remote.post(path, json=body, **bearer("clerk-secret")).status_code == 403
        assert remote.post(path, json=body, **bearer("boss-secret")).status_code not in (401, 403)
    assert remote.get("/v1/dead-letters/1", **bearer("clerk-secret")).status_code == 403


def test_a_browser_shows_pages_with_the_token_as_password_but_cannot_write(remote: Api) -> None:
    assert remote.get("/", **basic("clerk-secret")).status_code == 200
    assert remote.post("/v1/events", json=placed(), **basic("boss-secret")).status_code == 401


def test_a_changed_role_is_in_force_at_once(remote: Api) -> None:
    text = edited(
        ("tokens: []", TOKENS.strip()),
        ("clerk: {actions: [read, order.held,", "clerk: {actions: [order.held,"),
    )

    assert remote.get("/v1/summary", **bearer("clerk-secret")).status_code == 200
    published = remote.post("/v1/policy", json={"text": text, "reason": "less"}, **bearer("boss-secret"))
    assert published.status_code == 200, published.text
    assert remote.get("/v1/summary", **bearer("clerk-secret")).status_code == 403


def test_keys_of_commands_are_each_persons_own(remote: Api) -> None:
    remote.post("/v1/events", json=placed(), **bearer("jd-secret"))
    asked: Any = {"json": {"type": "note", "reason": "x"}}
    for token in ("clerk-secret", "boss-secret"):
        headers = {"Idempotency-Key": "1"} | bearer(token)["headers"]
        answer = remote.post("/v1/orders/jd:1/commands", headers=headers, **asked)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (200, False)
