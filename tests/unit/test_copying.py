"""`store copy`: the same log in another store, with other partitions, and with what was not derived before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.errors import Refused
from engine.intake.importing import Import
from engine.intake.model import DeadLetter, Incoming
from engine.intake.normalise import derive
from engine.policy.load import load_policy
from engine.replay.verify import verify
from engine.settings import rules_of
from engine.simulate import simulate, terms_of, write
from engine.store.copying import Copied, Fill, copy_store
from engine.store.database import HISTORY, Store
from engine.store.record import decode
from engine.workers.embedded import Engine
from schemas.derived import Derived
from schemas.envelope import Event
from tests.worlds import POLICY, Outcome

END = 1_762_905_600_000_000
CHANGED = POLICY.replace(b"name: house-1", b"name: house-2", 1).replace(b"half: 500", b"half: 400", 1)


def night(directory: Path, *, derived: bool = True, orders: int = 200, scenario: str = "stock-down") -> Store:
    """A simulated night in a store of 3 partitions; without `derived`, as a release that derived nothing took it in."""
    policy, written = load_policy(POLICY, now=END)
    lines = directory / "night.jsonl"
    write(simulate(orders, 4, scenario, END, terms_of(policy)), lines)
    engine = Engine.open(str(directory / "old"), HISTORY, POLICY, partitions=3, wait_seconds=0)
    with Import([str(lines)], "cloudevents", rules_of(written), now=END, historical=True) as items:
        for _ in engine.ingest(items if derived else underived(items)):
            pass
    engine.publish(CHANGED, "yellow sooner", "user", "lin.yue")
    engine.close()
    return Store.open(str(directory / "old"))


def underived(items: Import) -> Iterator[Incoming | DeadLetter]:
    for item in items:
        if isinstance(item, Incoming):
            item.event.derived = None
        yield item


def fill(event: Event) -> Derived | None:
    return derive(event.type, event.data, "CN", event.channel)


def copied(
    store: Store, directory: Path, partitions: int = 0, filled: Fill | None = None
) -> tuple[Store, Copied]:
    target = directory / "new"
    found = copy_store(store, str(target), partitions, filled, END, "more room", lambda *_: None)
    return Store.open(str(target)), found


def outcome(store: Store) -> Outcome:
    """Views and decisions, those of the partitions' own policy streams aside: their number is not the same."""
    found = Outcome(store)
    found.rows = {subject: row for subject, row in found.rows.items() if not subject.startswith("policy/")}
    found.decisions = [one for one in found.decisions if not one[2].startswith("policy/")]
    return found


def inputs(store: Store) -> dict[tuple[str, int], tuple[Event, bytes, bytes, int]]:
    """(subject, version) → the event with its stamps, the data as received, the policy, when it was recorded."""
    return {
        (record.event.subject, record.event.streamversion): (
            msgspec.structs.replace(record.event, number=0),
            record.data,
            record.policy,
            record.recordedtime,
        )
        for partition in range(store.partitions)
        for _, key, state in store.log(partition, 0, -1)
        if not key.endswith("!") and "/policy/" not in key
        for record in [decode(key, state)]
    }


def table(store: Store, name: str, columns: str = "*") -> list[tuple[object, ...]]:
    with store.read() as cursor:
        return sorted(tuple(row) for row in cursor.execute(f"SELECT {columns} FROM {name}"))


@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_a_copy_has_the_same_inputs_views_and_decisions(partitions: int, tmp_path: Path) -> None:
    old = night(tmp_path, scenario="sales-night")
    new, found = copied(old, tmp_path, partitions)

    assert new.partitions == found.partitions == partitions
    assert inputs(new) == inputs(old)
    assert outcome(new).differs(outcome(old)) == []
    report = verify(new)
    assert (report.found, report.differences) == (0, [])
    for name in ("aliases", "policies", "commands", "unknown_fields"):
        assert table(new, name) == table(old, name)
    letters = "at, reason, detail, subject, type, event_id, source, raw, stored, status"
    assert table(new, "dead_letters", letters) == table(old, "dead_letters", letters)
    assert new.setting("kind") == HISTORY
    assert new.setting("last_ingest") == old.setting("last_ingest")


def test_the_heads_of_the_old_store_are_kept(tmp_path: Path) -> None:
    old = night(tmp_path, orders=40)
    new, _ = copied(old, tmp_path, 2)

    kept = json.loads(new.setting("copied_from"))
    assert kept["heads"] == [[own.partition, own.position, own.hash.hex()] for own in old.ownership()]
    assert kept["reason"] == "more room"
    assert Path(kept["directory"]) == old.directory.absolute()


def test_the_copy_goes_on_where_the_old_store_stood(tmp_path: Path) -> None:
    """Sent again, everything is a duplicate, and what diverges is the same dead letter; what is new is taken."""
    old = night(tmp_path, scenario="sales-night")
    letters = len(table(old, "dead_letters"))
    new, _ = copied(old, tmp_path, 5)
    stood = max(max(own.streamtime, own.watermark) for own in new.ownership())
    new.close()
    _, written = load_policy(POLICY, now=END)
    engine = Engine.open(str(tmp_path / "new"), HISTORY, b"", wait_seconds=0)
    with Import(
        [str(tmp_path / "night.jsonl")], "cloudevents", rules_of(written), now=END, historical=True
    ) as items:
        statuses = {outcome.status for _, outcomes in engine.ingest(items) for outcome in outcomes}

    assert engine.stands_at == stood
    assert statuses == {"duplicate", "divergent", "dead"}
    assert len(table(engine.store, "dead_letters")) == letters
    engine.close()


def test_nobody_is_told_again(tmp_path: Path) -> None:
    old = night(tmp_path, orders=120)
    with old.write() as cursor:
        cursor.execute("UPDATE intents SET status='waiting' WHERE seq % 3 = 0")
        cursor.execute("DELETE FROM intents WHERE seq % 3 = 1")
    new, _ = copied(old, tmp_path, 2)

    columns = "seq, id, at, subject, type, kind, recipient, via, status"
    kept = table(old, "intents", columns)
    anew = table(new, "intents", columns)
    assert anew[: len(kept)] == kept
    assert len(anew) > len(kept)
    assert {row[-1] for row in anew[len(kept) :]} == {"suppressed: copied"}
    for partition, position, subject in table(new, "intents", "partition, position, subject"):
        with new.read() as cursor:
            place = new.recorders[int(str(partition))].at(cursor, int(str(position)))
        assert place is not None
        assert place[0].endswith(f"/{subject}!")


def test_a_store_of_a_release_that_kept_no_intents(tmp_path: Path) -> None:
    old = night(tmp_path, orders=40)
    with old.write() as cursor:
        cursor.execute("DROP TABLE intents")
    new, _ = copied(old, tmp_path)

    assert {row[0] for row in table(new, "intents", "status")} == {"suppressed: copied"}


def test_refused_commands_are_copied_for_they_follow_from_nothing(tmp_path: Path) -> None:
    night(tmp_path, orders=40).close()
    engine = Engine.open(str(tmp_path / "old"), HISTORY, b"", wait_seconds=0)
    with engine.store.read() as cursor:
        subject = cursor.execute("SELECT subject FROM rows WHERE version > 3 AND kind='order'").fetchone()[0]
    held = engine.store.stream(subject)[0].event
    for number in range(2):
        event = Event(
            "order.note_added.v1",
            subject,
            f"note-{number}",
            "/console",
            END,
            None,
            held.channel,
            historical=True,
        )
        event.expectedversion = 1
        engine.submit([Incoming(event, b'{"text":"x"}', END)])
    engine.close()
    old = Store.open(str(tmp_path / "old"))
    new, _ = copied(old, tmp_path, 4)

    def refused(store: Store) -> list[tuple[str, bytes]]:
        return [
            (record.event.id, record.data)
            for record in store.stream(subject, receipts=True)
            if record.event.type == "command.refused.v1"
        ]

    assert len(refused(old)) == 2
    assert refused(new) == refused(old)
    assert outcome(new).differs(outcome(old)) == []
    assert verify(new).found == 0


def test_what_an_earlier_release_did_not_derive_is_derived_and_then_merged(tmp_path: Path) -> None:
    old = night(tmp_path, derived=False)
    plain, _ = copied(old, tmp_path)
    shutil.rmtree(tmp_path / "new")
    new, found = copied(old, tmp_path, 2, fill)

    def pairs(store: Store) -> set[str]:
        return {
            one[2] for one in outcome(store).decisions if one[1] in ("merge.made.v1", "merge.suggested.v1")
        }

    orders = sum(row[0] == "order" for row in table(new, "rows", "kind"))
    assert pairs(old) == pairs(plain) == set()
    assert found.derived >= 190 <= orders
    assert len(pairs(new)) > 2
    assert verify(new).found == 0
    again = tmp_path / "again"
    again.mkdir()
    fresh = night(again)
    assert pairs(new) == pairs(fresh)


def test_nothing_is_overwritten_and_nothing_half_made_is_left(tmp_path: Path) -> None:
    old = night(tmp_path, orders=40)
    copied(old, tmp_path)
    with pytest.raises(Refused, match="already"):
        copied(old, tmp_path)

    def fails(event: Event) -> Derived | None:
        raise RuntimeError("no such table")

    before = sorted(tmp_path.iterdir())
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(RuntimeError):
        copy_store(
            night(plain, derived=False, orders=40), str(tmp_path / "other"), 0, fails, END, "x", _nothing
        )
    assert sorted(tmp_path.iterdir()) == sorted([*before, plain])


def _nothing(stage: str, done: int, total: int) -> None:
    pass


def test_the_command_line(tmp_path: Path) -> None:
    night(tmp_path, orders=40, derived=False).close()
    source, target = str(tmp_path / "old"), str(tmp_path / "new")

    def orderfold(*words: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["store", "copy", *words])
        return found.exit_code, found.output

    assert orderfold(source, target)[0] == 2, "it needs a reason"
    code, said = orderfold(source, target, "--dry-run", "--partitions", "6")
    assert (code, Path(target).exists()) == (0, False)
    assert "6 partitions" in said
    code, said = orderfold(
        source, target, "--partitions", "6", "--derive", "--reason", "more writers", "--json"
    )
    assert code == 0, said
    assert json.loads(said)["derived"] >= 35
    assert Store.open(target).partitions == 6
    assert orderfold(source, target, "--reason", "again")[0] == 5
    assert orderfold(str(tmp_path / "none"), target, "--reason", "x")[0] == 4
