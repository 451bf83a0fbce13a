"""The command line: what is data and what is talk, what every command costs to ask for, and how each ends."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from engine.cli import writing
from engine.cli.main import NOUNS, app
from engine.store.database import HISTORY, LIVE, Store
from engine.store.lock import this_process
from engine.workers.embedded import Engine
from tests.build import MINUTE, SECOND, event, paid, placed
from tests.worlds import POLICY

ROOT = Path(__file__).parent.parent.parent
ORDER = "order/taobao:880001"


class Result:
    """A command that ran: its exit code, stdout and stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def orderfold(*args: str | Path, store: Path | None = None, stdin: bytes = b"") -> Result:
    """Run a command in this process."""
    given = [str(arg) for arg in args] + (["--store", str(store)] if store else [])
    found = CliRunner().invoke(app, given, input=stdin)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Result(found.exit_code, found.stdout, found.stderr)


def commands() -> Iterator[tuple[str, Any]]:
    """(name, command) of every command and group."""
    for noun, (module, _, _) in NOUNS.items():
        command: Any = typer.main.get_command(import_module(module).app)
        yield noun, command
        for verb, under in getattr(command, "commands", {}).items():
            yield f"{noun} {verb}", under


COMMANDS = dict(commands())
WRITING = [
    "order hold", "order release", "order unfreeze", "order note", "order assign", "order review", "order cancel",
    "todo take", "todo assign", "todo note", "todo done", "merge accept", "merge refuse", "merge undo", "policy publish", "clock advance", "dead replay", "dead drop", "projection rebuild", "projection retry",
]  # fmt: skip


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of history with one frozen order."""
    directory = tmp_path_factory.mktemp("cli") / "store"
    engine = Engine.open(str(directory), HISTORY, POLICY, partitions=2, wait_seconds=0)
    dispatched = event("fulfilment.dispatched", ORDER, SECOND, {"waybill": "SF1"}, channel="taobao")
    beat = event("channel.heartbeat", "channel/taobao/2020-09-13", 10 * MINUTE)
    list(engine.ingest([placed(ORDER, 0, price=9_900, channel="taobao"), dispatched, beat]))
    engine.close()
    return directory


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A live store with one order, as of the wall clock."""
    directory = tmp_path / "live"
    engine = Engine.open(str(directory), LIVE, POLICY, partitions=1, wait_seconds=0)
    now = engine.clock()
    for item in (placed(ORDER, channel="taobao"), paid(ORDER, 1, channel="taobao")):
        item.event.time, item.event.historical, item.arrived = now, False, 0
        engine.submit([item])
    engine.close()
    return directory


# Help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_with_examples(name: str) -> None:
    command = COMMANDS[name]
    text = command.help or ""

    assert text, "says what it does"
    assert f"orderfold {name}" in text
    listed = command.get_short_help_str(64) if " " in name else NOUNS[name][2]
    assert len(listed) <= 72, "it fits the list of commands"
    assert not listed.endswith("..."), "and is whole there"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    assert [
        p.name for p in COMMANDS[name].params if getattr(p, "opts", [""])[0].startswith("-") and not p.help
    ] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if not getattr(COMMANDS[name], "commands", None)])
def test_every_command_gives_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}

    assert name in ("up", "bench") or "--json" in options


@pytest.mark.parametrize("name", WRITING)
def test_what_writes_takes_a_reason_and_a_dry_run(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}

    assert {"--reason", "--dry-run"} <= options


def test_help_imports_nothing_heavy() -> None:
    """`orderfold --help` stays under 200 ms because it loads neither engine, database nor terminal libraries."""
    code = (
        "import sys; from engine.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('rich', 'msgspec', 'sqlite3', 'yaml', 'litestar', 'httpx', 'eventsourcing') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
    assert "orderfold ingest night.jsonl --historical" in done.stdout
    assert all(noun in done.stdout for noun in NOUNS)


def test_a_wrong_noun_is_usage_and_names_the_right_one() -> None:
    wrong = orderfold("sumary")

    assert wrong.code == 2
    assert "summary" in wrong.err
    assert wrong.out == ""


# Data and talk


def test_the_summary_has_the_keys_everything_counts_on(frozen: Path) -> None:
    shown = orderfold("summary", "--json", store=frozen)

    assert shown.code == 0
    assert shown.err == ""
    assert set(shown.data) >= {
        "events", "orders", "by_state", "frozen", "in_doubt", "limbo", "late_facts", "duplicates", "repeats", "dead", "sla",
        "money", "seconds", "events_per_second", "as_of", "kind", "conflicts", "held", "work", "breaches", "unknown_types",
        "unknown_fields", "divergent", "notices",
    }  # fmt: skip
    assert set(shown.data["sla"]) == {"green", "yellow", "orange", "red", "excused"}
    assert shown.data["money"]["CNY"]["receivable"] == 9_900
    assert (shown.data["events"], shown.data["orders"], shown.data["frozen"]) == (3, 1, 1)


def test_lists_are_json_lines_and_the_way_on_is_talk(frozen: Path) -> None:
    listed = orderfold("order", "list", "--frozen", "--json", store=frozen)

    assert [line["order"] for line in listed.lines] == [ORDER]
    assert listed.lines[0]["since"].endswith("Z")
    assert listed.err == ""


def test_the_store_may_be_named_before_the_command_or_by_the_environment(
    frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert orderfold("--store", frozen, "--json", "order", "list").lines
    monkeypatch.setenv("ORDERFOLD_STORE", str(frozen))
    assert orderfold("order", "list", "--json").lines
    assert orderfold("--store", "/nowhere", "order", "list").code == 4


def test_one_screen_says_why_an_order_is_frozen(frozen: Path) -> None:
    shown = orderfold("order", "show", "SF1", store=frozen)

    assert shown.code == 0
    for told in (
        "FROZEN placed",
        "shipped while placed: payment is missing",
        "paid.full → stock.locked",
        "orderfold order unfreeze taobao:880001",
        "99.00 CNY",
    ):
        assert told in shown.out
    assert len(shown.out.splitlines()) < 40
    why = orderfold("order", "why", "880001", store=frozen)
    assert "frozen = yes" in why.out
    assert "lifecycle.wake" in why.out


@pytest.mark.parametrize(
    "command",
    [
        ("summary",), ("order", "list"), ("order", "show", "880001"), ("order", "history", "880001"),
        ("order", "history", "880001", "--full"), ("order", "why", "880001", "state"), ("order", "diff", "880001", "--from", "0"),
        ("todo",), ("todo", "--notices"), ("sla", "list"), ("sla", "report"), ("dead", "list"), ("policy", "list"),
        ("topology",), ("topology", "--mermaid"), ("replay", "verify"), ("projection", "list"), ("store", "info"), ("doctor",),
        ("check",),
    ],
)  # fmt: skip
def test_off_a_terminal_there_are_no_escape_codes(frozen: Path, command: tuple[str, ...]) -> None:
    store = frozen if command[0] != "topology" else None
    shown = orderfold(*command, store=store)

    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out + shown.err
    if "--mermaid" not in command:
        plain = orderfold(*command, "--json", store=store)
        assert plain.code == 0
        for line in plain.out.splitlines():
            json.loads(line)


def test_colours_are_for_terminals_that_want_them(frozen: Path) -> None:
    """A pseudo-terminal gets colours, unless NO_COLOR or TERM=dumb says otherwise."""

    def on_terminal(**environment: str) -> str:
        pty = pytest.importorskip("pty")
        parent, child = pty.openpty()
        base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "order", "show", "880001", "--store", str(frozen)],
            stdout=child, stderr=child, cwd=ROOT, env=base | {"TERM": "xterm-256color", "COLUMNS": "90"} | environment,
        )  # fmt: skip
        os.close(child)
        read = b""
        while True:
            try:
                part = os.read(parent, 65_536)
            except OSError:
                break
            if not part:
                break
            read += part
        process.wait()
        os.close(parent)
        return read.decode()

    assert "\x1b[" in on_terminal()
    assert "\x1b[" not in on_terminal(NO_COLOR="1")
    assert "\x1b[" not in on_terminal(TERM="dumb")


# Ends


def test_errors_say_what_why_and_the_way_out(tmp_path: Path) -> None:
    plain = orderfold("summary", store=tmp_path / "none")
    problem = orderfold("summary", "--json", store=tmp_path / "none")

    assert (plain.code, plain.out) == (4, "")
    assert plain.err.startswith("Not found: There is no store at ")
    assert "orderfold ingest" in plain.err
    told = json.loads(problem.err)
    assert problem.out == ""
    assert (told["type"], told["status"], told["title"]) == (
        "urn:orderfold:problem:not-found",
        404,
        "Not found",
    )
    assert told["detail"].startswith("There is no store")
    assert told["remedy"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("order", "show", "999999"), 4),
        (("order", "why", "880001", "nonsense"), 2),
        (("order", "list", "--limit", "0"), 2),
        (("order", "list", "--colour", "blue"), 2),
        (("order", "list", "--bogus"), 2),
        (("order", "diff", "880001"), 2),
        (("order", "hold", "880001"), 2),
        (("order", "assign", "880001", "--reason", "x"), 2),
        (("order", "release", "880001", "--reason", "x"), 2),
        (("order", "cancel", "880001", "--reason", "x"), 5),
        (("order", "note", "880001", "--reason", "x", "--if-version", "9"), 6),
        (("clock", "advance", "2001-01-01T00:00:00Z", "--reason", "x"), 5),
        (("clock", "advance", "yesterday", "--reason", "x"), 2),
        (("policy", "publish", str(ROOT / "streams.yaml"), "--reason", "x"), 5),
        (("policy", "show", "ffffffff"), 4),
        (("dead", "show", "7"), 4),
        (("dead", "drop", "--reason", "x"), 2),
        (("dead", "drop", "--all", "--reason", "x"), 4),
        (("projection", "retry", "880001", "--reason", "x"), 2),
        (("ingest", "/nowhere.jsonl", "--historical"), 1),
    ],
)
def test_exit_codes_say_how_it_ended(frozen: Path, command: tuple[str, ...], code: int) -> None:
    ended = orderfold(*command, store=frozen)

    assert ended.code == code
    assert ended.out == ""
    assert ended.err


def test_a_store_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "orderfold.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)

    ended = orderfold("summary", store=tmp_path)
    assert ended.code == 1
    assert "is not a store" in ended.err


def test_a_holder_without_an_api_is_waited_for_and_named(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.3)
    store = Store.open(str(live))
    store.lock.take(this_process("orderfold ingest"), 0)
    busy = orderfold("order", "note", "880001", "--reason", "x", store=live)
    read = orderfold("order", "show", "880001", store=live)
    store.close()

    assert busy.code == 6
    assert "Waiting for `orderfold ingest`" in busy.err
    assert f"(pid {os.getpid()})" in busy.err
    assert read.code == 0, "readers never wait"


def test_verify_ends_with_7_and_names_the_place(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=1, wait_seconds=0)
    list(engine.ingest([placed(ORDER, 0, channel="taobao")]))
    engine.close()
    assert orderfold("replay", "verify", store=tmp_path).code == 0
    store = Store.open(str(tmp_path))
    with store.write() as cursor:
        cursor.execute("UPDATE rows SET state = 'paid'")
    store.close()

    found = orderfold("replay", "verify", store=tmp_path)
    assert found.code == 7
    assert "state" in found.out
    assert "taobao:880001" in found.out
    assert orderfold("replay", "verify", "--json", store=tmp_path).data["found"] == 1
    assert orderfold("projection", "rebuild", "--reason", "tampered with", store=tmp_path).code == 0
    assert orderfold("replay", "verify", store=tmp_path).code == 0


# Writing


def test_a_command_is_recorded_with_who_and_why(live: Path) -> None:
    held = orderfold("order", "hold", "880001", "--reason", "awaiting_customer", "--json", store=live)

    assert held.code == 0
    assert (held.data["type"], held.data["version"], held.data["order"]["held"]) == ("order.held.v1", 3, 1)
    released = orderfold("order", "release", "880001", "--reason", "customer called", store=live)
    assert "taobao:880001 is paid" in released.out
    told = orderfold("order", "history", "880001", "--json", store=live).data["entries"]
    assert [
        (e["type"], e["reason"]) for e in told if e["type"].startswith("order.") and e["version"] > 2
    ] == [
        ("order.held.v1", "awaiting_customer"),
        ("order.released.v1", "customer called"),
    ]
    assert all(e["actor"].startswith("local:") for e in told if e["version"] > 2)


def test_a_dry_run_prints_the_event_and_appends_nothing(live: Path) -> None:
    dry = orderfold("order", "cancel", "880001", "--reason", "changed their mind", "--dry-run", store=live)

    assert dry.code == 0
    assert (dry.data["type"], dry.data["subject"]) == ("order.cancelled.v1", ORDER)
    assert dry.data["data"] == {"reason": "changed their mind"}
    assert orderfold("order", "show", "880001", "--json", store=live).data["version"] == 2


def test_assigning_changes_whose_it_is(live: Path) -> None:
    orderfold("order", "assign", "880001", "--owner", "zhou.min", "--reason", "knows them", store=live)

    shown = orderfold("order", "show", "880001", "--json", store=live).data
    assert (shown["owner"], shown["group"], shown["assigned"]) == ("zhou.min", "service", True)
    assert orderfold("order", "list", "--owner", "zhou.min", "--json", store=live).lines


def test_publishing_says_what_it_would_touch_then_does_it(live: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_bytes(
        POLICY.replace(b"name: house-1", b"name: house-2").replace(b"within: 30m", b"within: 1s")
    )

    checked = orderfold("check", rules, store=live)
    assert checked.code == 0
    assert "re-target 1 of 1 open order" in checked.out
    dry = orderfold("policy", "publish", rules, "--reason", "stricter", "--dry-run", "--json", store=live)
    assert (dry.data["effects"]["open"], dry.data["effects"]["touched"]) == (1, 1)
    done = orderfold("policy", "publish", rules, "--reason", "stricter", store=live)
    assert done.code == 0
    assert [
        (line["name"], line["in_force"]) for line in orderfold("policy", "list", "--json", store=live).lines
    ] == [
        ("house-1", False),
        ("house-2", True),
    ]
    assert orderfold("policy", "show", "house-2", store=live).out.encode() == rules.read_bytes()


def test_a_policy_with_errors_is_told_by_line_and_not_published(live: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_bytes(POLICY.replace(b"to: shipped, within: 1h", b"to: shiped, within: 1h"))

    checked = orderfold("check", rules, store=live)
    assert checked.code == 1
    assert "line " in checked.out
    assert "shiped" in checked.out
    found = orderfold("check", rules, "--json", store=live).data
    assert found["errors"] > 0
    assert found["effects"] is None
    assert {"path", "line", "problem", "remedy", "severity"} <= set(found["findings"][0])
    assert orderfold("policy", "publish", rules, "--reason", "x", store=live).code == 1


def test_the_clock_of_history_is_moved_and_says_what_is_due(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=1, wait_seconds=0)
    list(engine.ingest([placed(ORDER, 0, channel="taobao")]))
    engine.close()

    dry = orderfold("clock", "advance", "2020-09-13T13:00:00Z", "--dry-run", "--json", store=tmp_path)
    assert (dry.data["stands_at"], dry.data["timers"]) == ("2020-09-13T12:26:40Z", 1)
    assert orderfold("clock", "advance", "2020-09-13T13:00:00Z", "--reason", "x", store=tmp_path).code == 0
    assert orderfold("summary", "--json", store=tmp_path).data["sla"]["red"] == 1
    now = orderfold("clock", "advance", "now", "--reason", "goes live", "--json", store=tmp_path)
    assert now.data["kind"] == "live"


# Taking in


def night(*more: str) -> str:
    lines = [
        {
            "specversion": "1.0", "id": f"e{n}", "source": "/channels/taobao/shop-1", "type": "order.placed.v1",
            "subject": f"order/taobao:{n}", "time": f"2024-01-01T00:00:0{n}Z", "data": {"currency": "CNY"},
        }
        for n in range(5)
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in [*(json.dumps(line) for line in lines), *more])


def test_ingest_ends_with_a_receipt_and_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "night.jsonl"
    file.write_text(night())
    store = tmp_path / "store"
    done = orderfold("ingest", file, "--historical", store=store)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Ingested 5 events in ")
    assert "5 accepted." in done.out
    summary = orderfold("summary", "--json", store=store).data
    assert (summary["events"], summary["orders"]) == (5, 5)
    assert summary["seconds"] > 0
    assert summary["events_per_second"] > 0
    again = orderfold("ingest", file, "--historical", "--json", store=store)
    assert again.code == 0
    assert (again.data["accepted"], again.data["duplicates"]) == (0, 5)
    assert orderfold("summary", "--json", store=store).data["orders"] == 5


def test_what_cannot_be_taken_is_kept_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "night.jsonl"
    file.write_text(night("{broken", json.dumps({"specversion": "1.0"})))
    store = tmp_path / "store"
    done = orderfold("ingest", file, "--historical", store=store)

    assert done.code == 3
    assert "5 accepted, 2 dead" in done.out
    assert "orderfold dead list" in done.err
    letters = orderfold("dead", "list", "--json", store=store).lines
    assert [letter["reason"] for letter in letters] == ["broken-json", "bad-attribute"]
    assert letters[0]["origin"] == f"{file}:6"
    assert orderfold("dead", "show", "1", "--json", store=store).data["raw"] == "{broken"
    dry = orderfold("dead", "replay", "--all", "--dry-run", "--json", store=store)
    assert dry.data == {"letters": 2, "would": {"still broken-json": 1, "still bad-attribute": 1}}
    assert orderfold("dead", "replay", "1", "--reason", "once more", store=store).code == 3
    dropped = orderfold(
        "dead", "drop", "--all", "--because", "broken-json", "--reason", "a wrong file", store=store
    )
    assert dropped.out == "Dropped 1 letter.\n"
    assert orderfold("summary", "--json", store=store).data["dead"] == 1
    assert [
        one["status"] for one in orderfold("dead", "list", "--status", "all", "--json", store=store).lines
    ] == [
        "dropped",
        "waiting",
    ]


def test_a_truncated_file_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = gzip.compress(night().encode())
    file = tmp_path / "night.jsonl.gz"
    file.write_bytes(whole[:-20])
    done = orderfold("ingest", file, "--historical", store=tmp_path / "store")

    assert done.code == 3
    assert "ends early" in done.err
    assert "Lines 1 to " in done.err


def test_a_store_is_of_history_or_live_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "night.jsonl"
    file.write_text(night())
    store = tmp_path / "store"
    orderfold("ingest", file, "--historical", store=store)
    refused = orderfold("ingest", file, store=store)

    assert refused.code == 5
    assert "orderfold clock advance now" in refused.err


def test_standard_input_is_a_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "ingest", "-", "--historical", "--store", str(tmp_path / "store")],
        input=night().encode(), capture_output=True, cwd=ROOT,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"5 accepted" in done.stdout


def test_a_simulated_night_is_written_with_its_answers(tmp_path: Path) -> None:
    file = tmp_path / "night.jsonl"
    done = orderfold(
        "simulate", "--orders", "20", "--seed", "3", "--end", "2024-01-01T00:00:00Z", "--to", file, "--json"
    )

    assert done.code == 0
    assert done.data["events"] == len(file.read_text().splitlines())
    answers = json.loads((tmp_path / "night.answers.json").read_text())
    assert answers["simulated"] == 20
    assert orderfold("simulate", "--scenario", "calm", "--to", file).code == 2
