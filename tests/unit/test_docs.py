"""README.md names every command, event type, route, metric, policy key and exit code, and none that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar

from engine import errors
from engine.api import commands as api_commands
from engine.api import condition, deliveries, events, health, merges, operate, orders, pages, todo
from engine.cli.main import NOUNS
from schemas.policy import PolicyText
from schemas.registry import TYPES
from tests.readme import PATH, commands, made

README = PATH.read_text(encoding="utf-8")
COMMANDS = list(commands())


def _routes() -> Iterator[str]:
    """`METHOD /path` of every route, pages among them, as the README writes paths: `{id}`, not `{id_:int}`."""
    app = Litestar(
        [
            *events.HANDLERS,
            *api_commands.HANDLERS,
            *orders.HANDLERS,
            *todo.HANDLERS,
            *merges.HANDLERS,
            *operate.HANDLERS,
            *deliveries.HANDLERS,
            *condition.HANDLERS,
            *health.HANDLERS,
            *pages.HANDLERS,
        ],
        openapi_config=None,
    )
    for route in app.routes:
        path = re.sub(r"\{(\w+?)_?:\w+\}", r"{\1}", route.path)
        yield from (f"{method} {path}" for method in getattr(route, "methods", ()))


def test_made_parts_are_what_is_made_today() -> None:
    """Tables of commands and metrics, and what the examples' orders print."""
    assert made(README) == README, "README.md has drifted: python -m tests.readme"


def test_commands_have_help_with_an_example() -> None:
    silent = [
        f"{noun} {verb}" for noun, verb, text in COMMANDS if f"orderfold {noun} {verb}".strip() not in text
    ]

    assert silent == []


def test_commands_the_readme_names_exist() -> None:
    nouns = {noun: {verb for of, verb, _ in COMMANDS if of == noun} for noun in NOUNS}
    for noun, verb in re.findall(r"orderfold ([a-z]+)(?: ([a-z]+))?", README):
        assert noun in nouns, f"README speaks of `orderfold {noun}`"
        assert nouns[noun] == {""} or verb in nouns[noun] | {""}, (
            f"README speaks of `orderfold {noun} {verb}`"
        )


@pytest.mark.parametrize("name", TYPES)
def test_event_types_are_documented(name: str) -> None:
    assert f"`{name.rpartition('.')[0]}`" in README


def test_routes_are_documented() -> None:
    def told(route: str) -> bool:
        method, _, path = route.partition(" ")
        # OPTIONS and HEAD go with their path; pages are named by their path alone.
        return (
            f"`{route}`" in README
            or method in ("OPTIONS", "HEAD")
            or (method == "GET" and f"`{path}`" in README)
        )

    assert [route for route in _routes() if not told(route) and not route.endswith(".css")] == []


def test_routes_the_readme_names_exist() -> None:
    named = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`?]*)`", README))

    assert named - set(_routes()) == set()


def test_policy_keys_are_documented() -> None:
    section = README.partition("## streams.yaml")[2].partition("\n## ")[0]
    keys = "".join(row.split("|")[1] for row in section.splitlines() if row.startswith("| `"))

    assert set(re.findall(r"`(\w+)`", keys)) == set(PolicyText.__struct_fields__)


def test_exit_codes_are_documented() -> None:
    codes = {
        found.exit_code
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, errors.OrderfoldError)
    }
    told = {int(code) for code in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}

    assert codes | {0, 3, 130} <= told
