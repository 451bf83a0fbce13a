"""streams.yaml as text: what YAML is read, at which lines, and what of it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.policy.check import check
from engine.policy.document import DEPTH_MAX, Unreadable, dotted, read
from engine.policy.load import PolicyError, load_policy
from tests.streams import NOW, edited


def test_every_path_has_its_line() -> None:
    document = read("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")

    assert document.tree == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    assert {dotted(path): line for path, line in document.lines.items()} == {
        "": 1,
        "a": 1,
        "b": 2,
        "b[0]": 3,
        "b[1]": 4,
        "b[1].c": 4,
        "b[1].d": 5,
    }
    assert document.line(("b", 1, "missing")) == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("10:00-18:00", "10:00-18:00"),
        ("2026-01-01", "2026-01-01"),
        ("0o17", "0o17"),
        ("017", "017"),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("true", True),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_words_stay_words_and_times_are_no_numbers(text: str, value: object) -> None:
    assert read(f"key: {text}").tree == {"key": value}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (b"a: \xff", 1, "not UTF-8"),
        ("a: 1\na: 2", 2, "the key a stands twice, first on line 1"),
        ("a:\n\t- 1", 2, "not YAML here"),
        ("a: [1,\n2", 3, "not YAML here.*a flow sequence that begins on line 1"),
        ("a: &x 1\nb: *x", 1, "anchors and aliases"),
        ("a: 1\nb: *x", 2, "anchors and aliases"),
        ("a: !!python/object:os.system 1", 1, "tag"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("? [a, b]\n: 1", 1, "plain name"),
        ("a: 1\nb: \x00", 2, "character YAML does not allow"),
        ("[" * 100_000, 1, f"nested deeper than {DEPTH_MAX}"),
        ("a: " + "x" * 2_000_000, 0, "longer than"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str | bytes, line: int, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem) as raised:
        read(text)
    assert raised.value.line == line
    assert raised.value.remedy

    (finding,) = check(text, NOW)
    assert (finding.line, finding.severity) == (line, "error")


@pytest.mark.parametrize("text", ["", "# only a remark", "- a\n- b", "words"])
def test_a_file_without_settings_is_one_finding(text: str) -> None:
    (finding,) = check(text, NOW)

    assert finding.problem == "it holds no settings"


def test_all_that_does_not_fit_is_found_at_once_each_at_its_line() -> None:
    text = edited(("  settle: 2s", "  settle: 2 seconds\n  setle: 2s"), ("partitions: 16", "partitions: 0"))
    found = {finding.path: finding for finding in check(text, NOW)}

    assert set(found) == {"timers.settle", "timers.setle", "store.partitions"}
    assert found["timers.settle"].line == line_of(text, "settle: 2 seconds")
    assert found["timers.settle"].remedy == "Write a duration such as 120s, 45m, 2h or 1h30m."
    assert found["timers.setle"].problem == "unknown key 'setle'"
    assert found["timers.setle"].remedy == "Did you mean 'settle'?"
    assert found["store.partitions"].remedy == "Write a whole number from 1 to 1024."


@pytest.mark.parametrize(
    ("old", "new", "path", "problem", "remedy"),
    [
        ("version: 1 ", "version: 2 ", "version", "2 is not taken", "Write 1."),
        ("name: house-1", "name: 7", "name", "7 is not taken: it reads as a number", "Write a name of"),
        ("warn: 800", "warn: lots", "sla.warn", "'lots' is not taken", "Write a whole number, in per mille."),
        ("earliest: 2016-01-01T00:00:00Z", "earliest: 2016-01-01T00:00:00", "intake.earliest", "not taken", "an instant"),
        ("known_until: 2027-12-31", "known_until: 2027-13-31", "calendars.office.known_until", "not taken", "a date"),
        ('["08:00-22:00"]', '["8-22"]', "calendars.warehouse.hours.mon[0]", "'8-22' is not taken", "opening hours"),
        ("      mon: [", "      monday: [", "calendars.office.hours.monday", "not taken", "Did you mean 'mon'?"),
        ("    - awaiting_payment", "    - awaiting_payments", "sla.pausing_holds[1]", "not taken", "'awaiting_payment'"),
        ("{after: 0s, to: owner,", "{after: 0s, to: boss,", "sla.ladders.default[0].to", "'boss' is not", "backup"),
        ("    start: placed", "    begin: placed", "lifecycles.standard", "'start' is missing", "Write start: a name"),
        ("sources: [\"/channels/jd/*\"]", "sources: /channels/jd/*", "channels.jd.sources", "not taken", "Write a list."),
        ("within: 5m}", "within: [5m]}", "sla.stages.pay.within", "a list is not taken", "a duration such as 45m"),
        ("within: 30m}", "within: soon}", "sla.stages.accept.within", "'soon' is no duration", "45m or 2h"),
        ("{fresh: 45m,", "{fresh: soon,", "sla.stages.pick.within.fresh", "'soon' is not taken", "a duration"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind(old: str, new: str, path: str, problem: str, remedy: str) -> None:
    text = edited((old, new))
    found = [finding for finding in check(text, NOW) if finding.path == path]

    assert len(found) == 1
    assert problem in found[0].problem
    assert remedy in found[0].remedy
    assert found[0].line > 0


def test_a_token_is_never_taken_from_the_file() -> None:
    text = edited(("tokens: []", "tokens:\n  - {name: jd, secret: s3cret, roles: [viewer]}"))
    found = {finding.path: finding for finding in check(text, NOW)}

    assert found["tokens[0].secret"].problem == "a token is never written here"
    assert not any("s3cret" in str(finding) for finding in found.values())


def test_unknown_keys_do_not_hide_what_is_wrong_elsewhere() -> None:
    text = edited(("default_channel: other", "default_channel: othr\nextra: 1"))

    assert {finding.path for finding in check(text, NOW)} == {"default_channel", "extra"}


def test_loading_raises_with_every_finding() -> None:
    text = edited(("default_channel: other", "default_channel: othr"), ("warn: 800", "warn: 1000"))
    with pytest.raises(PolicyError) as raised:
        load_policy(text, now=NOW)

    assert [finding.path for finding in raised.value.findings] == ["default_channel", "sla.warn"]
    assert raised.value.detail.startswith("2 errors in the policy:\nerror: line ")
    assert raised.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load_policy(tmp_path / "streams.yaml", now=NOW)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1
