"""/openapi.json: every route described, for people and for generators of clients."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import served

METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with served(tmp_path_factory.mktemp("openapi")) as api:
        yield api.get("/openapi.json").json()


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_it_is_openapi_3_1_and_names_every_route(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    assert sorted(operations(schema)) == [
        "GET /healthz",
        "GET /metrics",
        "GET /readyz",
        "GET /v1/commands/{key}",
        "GET /v1/customers",
        "GET /v1/dead-letters",
        "GET /v1/dead-letters/{id}",
        "GET /v1/health",
        "GET /v1/health/channels/{name}",
        "GET /v1/health/golden",
        "GET /v1/health/nodes/{name}",
        "GET /v1/merges",
        "GET /v1/merges/why",
        "GET /v1/merges/{merge}",
        "GET /v1/notices",
        "GET /v1/notices/{id}",
        "GET /v1/orders",
        "GET /v1/orders/{order}",
        "GET /v1/orders/{order}/history",
        "GET /v1/summary",
        "GET /v1/todo",
        "GET /v1/todo/{item}",
        "GET /v1/webhooks",
        "GET /v1/webhooks/{endpoint}/log",
        "POST /v1/clock",
        "POST /v1/dead-letters/drop",
        "POST /v1/dead-letters/replay",
        "POST /v1/events",
        "POST /v1/merges/commands",
        "POST /v1/notices/retry",
        "POST /v1/orders/{order}/commands",
        "POST /v1/policy",
        "POST /v1/todo/{item}/commands",
        "POST /v1/webhooks/{endpoint}/enable",
        "POST /v1/webhooks/{endpoint}/replay",
    ]


def test_every_route_says_what_it_does_and_is_named_once(schema: dict[str, Any]) -> None:
    found = operations(schema)

    assert [
        name for name, one in found.items() if len(one.get("description", "")) < 10 or not one["tags"]
    ] == []
    assert len({one["operationId"] for one in found.values()}) == len(found)


def test_the_version_and_the_key_of_a_command_are_parameters(schema: dict[str, Any]) -> None:
    parameters = schema["paths"]["/v1/orders/{order}/commands"]["post"]["parameters"]

    assert {(one["in"], one["name"]) for one in parameters} == {
        ("path", "order"),
        ("header", "Idempotency-Key"),
        ("header", "If-Match"),
        ("query", "dry_run"),
    }


def test_bodies_that_are_taken_are_described(schema: dict[str, Any]) -> None:
    found = operations(schema)

    assert [name for name in found if name.startswith("POST") and "requestBody" not in found[name]] == []
    assert "application/cloudevents+json" in found["POST /v1/events"]["requestBody"]["content"]
    assert schema["components"]["schemas"]["CommandBody"]["required"] == ["type"]


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    references = set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(schema)))

    assert references <= set(schema["components"]["schemas"])


def test_every_error_is_described_as_a_problem(schema: dict[str, Any]) -> None:
    found = operations(schema)
    problems = {
        name: one["responses"]["default"]["content"]["application/problem+json"]
        for name, one in found.items()
    }

    assert {
        name for name, content in problems.items() if content["schema"]["$ref"].endswith("/Problem")
    } == set(found)
    assert "detail" in schema["components"]["schemas"]["Problem"]["required"]


def test_answers_are_described(schema: dict[str, Any]) -> None:
    summary = schema["components"]["schemas"]["Summary"]["properties"]

    assert {
        "events",
        "orders",
        "by_state",
        "frozen",
        "in_doubt",
        "limbo",
        "late_facts",
        "sla",
        "money",
    } <= set(summary)
