"""What a clone installs: every dependency pinned, from no index in particular, and the files a wheel needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "deploy" / "constraints.txt").read_text(encoding="utf-8")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_constraints_pin_releases_and_name_no_index() -> None:
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line)] == []


def test_every_dependency_is_pinned() -> None:
    project = PROJECT["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {_plain(re.split(r"[<>=!~\[; ]", one)[0]) for one in asked}
    pinned = {_plain(line.partition("==")[0]) for line in CONSTRAINTS.splitlines() if "==" in line}

    assert names - pinned == set()


def test_the_policy_to_begin_with_is_installed_beside_the_packages() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["force-include"] == {"streams.yaml": "streams.yaml"}
    assert all((ROOT / package / "__init__.py").exists() for package in wheel["packages"])


def test_the_changelog_knows_the_next_release() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in changelog or f"## [{PROJECT['project']['version']}]" in changelog
