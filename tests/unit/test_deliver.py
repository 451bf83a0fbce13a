"""Notices and webhooks against real servers on this machine, on a virtual clock: each once, grouped, bounded, retried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.deliver.deliverer import Deliverer, claim
from engine.deliver.listing import counts, notices
from engine.deliver.outbox import FILE, Outbox
from engine.fold.judge import Ruling
from engine.replay.rebuild import rebuild
from engine.replay.verify import verify
from engine.store.database import HISTORY
from engine.workers.embedded import Engine
from projections.keyed import KeyedDecision
from schemas.events.decisions import ChannelResumed, ChannelSilent
from tests.build import MINUTE as MINUTE_MICROS
from tests.build import START, event, placed
from tests.delivering import ENVIRON, FROZEN, MINUTE, ordered, webhook, wecom, world
from tests.receivers import Receiver, Reply, receiver
from tests.serving import paid as sent_paid
from tests.streams import edited

HOUR = 3_600
STAGES = ("placed", "paid")
SHORT = ("is frozen in {state}: {reason}. Ways out: {ways_out}", "is frozen in {state}")
DAY = 24 * HOUR


@pytest.fixture
def robot() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


# Who is told what


def test_who_is_concerned_is_told_once_in_the_policys_words(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1")
        night.rounds()
        assert robot.requests == [], "its minute is not over"

        night.deliver()
        night.deliver()
        night.deliverer = night.anew()
        night.deliver()

        (request,) = robot.requests
        assert request.path == "/cgi-bin/webhook/send?key=k-1"
        assert request.json["msgtype"] == "text"
        assert request.json["text"]["content"].startswith("jd:1 is frozen in placed: ")
        assert "Ways out: paid.full → " in request.json["text"]["content"]
        assert night.status_of("jd:1") == "sent"
        (attempt,) = night.attempts
        assert (attempt.outcome, attempt.status, attempt.target) == ("ok", 200, "wecom")
        assert attempt.duration > 0


def test_up_to_ten_of_a_minute_are_one_message_and_more_a_digest(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url), SHORT) as night:
        night.freeze(*(f"jd:{n}" for n in range(10)))
        night.deliver()
        night.freeze(*(f"jd:{n}" for n in range(10, 21)))
        night.deliver()

        few, many = (request.json["text"]["content"] for request in robot.requests)
        assert [line.split(" ")[0] for line in few.splitlines()] == [f"jd:{n}" for n in range(10)]
        assert many.startswith("11 times frozen from 2020-09-13 20:")
        assert "The oldest: jd:10 is frozen in placed" in many
        assert many.endswith("http://board/orders?frozen=true")
        assert night.statuses["sent"] == 21


def test_what_a_robot_would_cut_is_a_digest_too(tmp_path: Path, robot: Receiver) -> None:
    long = ("is frozen in {state}: {reason}. Ways out: {ways_out}", "冻" * 300)
    with world(tmp_path, wecom(robot.url), long) as night:
        night.freeze("jd:1", "jd:2", "jd:3")
        night.deliver()

        (request,) = robot.requests
        assert request.json["text"]["content"].startswith("3 times frozen from ")
        assert len(request.json["text"]["content"].encode()) < 2_048


def test_one_message_is_for_one_recipient_and_one_kind(tmp_path: Path, robot: Receiver) -> None:
    breached = ("  breached: {via: [],", "  breached: {via: [wecom],")
    with world(tmp_path, wecom(robot.url), breached) as night:
        # Never paid: overdue after 5 min, of which the owner is told twice, by the ladder and as a kind of its own.
        night.api.send(*(ordered(f"jd:{n}") for n in range(2)))
        night.freeze("jd:9")
        night.pass_seconds(5 * MINUTE)
        night.deliver()

        texts = sorted(request.json["text"]["content"] for request in robot.requests)
        assert [len(text.splitlines()) for text in texts] == [2, 2, 1]
        assert [text.split(" ")[0] for text in texts] == ["jd:0", "jd:0:", "jd:9"]


def test_the_contact_of_whoever_is_told_is_mentioned(tmp_path: Path, robot: Receiver) -> None:
    members = ("gao.yi: {group: risk,", "gao.yi: {contacts: {wecom: gao.yi}, group: risk,")
    with world(tmp_path, wecom(robot.url), members) as night:
        night.freeze("jd:1")
        night.deliver()

        assert robot.requests[0].json["text"]["mentioned_list"] == ["gao.yi"]


# Who is not


def test_nobody_is_told_of_what_is_over(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1", "jd:2")
        answer = night.api.command("jd:1", "k", "unfreeze", reason="looked at")
        assert answer.status_code == 200, answer.text
        night.deliver()

        assert night.status_of("jd:1") == "suppressed: resolved"
        assert night.status_of("jd:2") == "sent"
        (request,) = robot.requests
        assert "jd:1 " not in request.json["text"]["content"]


def test_what_is_over_before_it_got_through_is_not_tried_again(tmp_path: Path, robot: Receiver) -> None:
    robot.reply = Reply(500)
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1")
        night.deliver()
        night.api.command("jd:1", "k", "unfreeze", reason="looked at")
        night.deliver()

        assert night.status_of("jd:1") == "suppressed: resolved"
        assert len(robot.requests) == 1


def test_a_work_item_that_is_done_and_a_deadline_that_was_met_late_are_over(
    tmp_path: Path, robot: Receiver
) -> None:
    work = ("  work: {via: [],", "  work: {via: [wecom],")
    with world(tmp_path, wecom(robot.url), work) as night:
        night.api.send(ordered("jd:1"))
        night.pass_seconds(5 * MINUTE + 1)
        night.api.send(sent_paid("jd:1"))
        night.deliver()

        # Overdue for a second: the payment closed the work item and ended the clock.
        found = {(one.kind, one.status) for one in notices(night.store, via="wecom")}
        assert found >= {("work", "suppressed: resolved"), ("escalated", "suppressed: resolved")}
        assert robot.requests == []


def test_a_channel_that_is_heard_again_was_silent_and_is_so_no_more(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        now = night.api.clock.now
        silent = [
            ChannelSilent("jd", stage, now, 1, 2, "hour", 9, 9, stage, "service", ["wecom"])
            for stage in STAGES
        ]
        heard = ChannelResumed("jd", "placed", 3, "placed is heard", "service", [])
        for n, data in enumerate([*silent, heard]):
            type_ = f"channel.{'resumed' if data is heard else 'silent'}.v1"
            decision = KeyedDecision(
                "channel_health", type_, "channel/jd/2020-09-13", "jd", "minute", 0, data
            )
            ruling = Ruling(f"{n:032x}", now, decision)
            night.api.service.writer.call(lambda engine, one=ruling: engine.receipts.judged(one)).result(10)
        night.api.tick()
        night.deliver()

        found = {one.id[:32]: one.status for one in notices(night.store)}
        assert found == {f"{0:032x}": "suppressed: resolved", f"{1:032x}": "sent"}
        assert robot.requests[0].json["text"]["content"] == "jd is silent: paid"


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([], "not switched on"),
        ([("dry_run: false, provider: wecom", "dry_run: true, provider: wecom")], "dry run"),
        ([(FROZEN, "  frozen: {dry_run: true, via: [wecom],")], "dry run"),
        ([('key=${WECOM_KEY}"', 'key={to}"')], "no contact"),
    ],
    ids=["channel off", "channel dry", "rule dry", "no contact"],
)
def test_why_a_notice_is_not_sent_is_recorded(
    tmp_path: Path, robot: Receiver, edits: list[tuple[str, str]], why: str
) -> None:
    on = [wecom(robot.url)] if edits else []
    with world(tmp_path, *on, *edits) as night:
        night.freeze("jd:1")
        night.deliver()

        assert night.status_of("jd:1") == f"suppressed: {why}"
        assert robot.requests == []


def test_what_is_older_than_a_day_is_not_sent(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1")
        night.api.clock.pass_seconds(25 * HOUR)
        night.rounds()

        assert night.status_of("jd:1") == "suppressed: expired"
        assert robot.requests == []


def test_history_is_told_to_nobody(tmp_path: Path, robot: Receiver) -> None:
    policy = edited(wecom(robot.url), webhook(robot.url)).encode()
    engine = Engine.open(str(tmp_path), HISTORY, policy, partitions=2)
    early = [placed("order/jd:1", channel="jd"), event("fulfilment.dispatched", "order/jd:1", channel="jd")]
    list(engine.ingest(early))
    engine.advance(START + 60 * MINUTE_MICROS)
    with Outbox.open(tmp_path) as outbox:
        claim(engine.store, outbox)
        deliverer = Deliverer(engine.store, outbox, lambda: START + 120 * MINUTE_MICROS, ENVIRON)
        deliverer.step()

        assert counts(engine.store).keys() == {"suppressed: history"}
        assert deliverer.flying == 0
    engine.close()
    assert robot.requests == []


def test_verifying_and_rebuilding_send_nothing(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url), webhook(robot.url)) as night:
        night.freeze("jd:1")
        night.deliver()
        sent = len(robot.requests)

        def replay(engine: Engine) -> None:
            verify(engine.store)
            rebuild(engine.store, lambda done, total: None)

        night.api.service.writer.call(replay).result(60)
        night.deliverer = night.anew()
        night.rounds()

        assert sent > 1
        assert len(robot.requests) == sent
        assert night.statuses == {"sent": 1}


def test_a_store_without_its_deliver_db_does_not_send_everything_again(
    tmp_path: Path, robot: Receiver
) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1")
        night.deliver()
        night.freeze("jd:2")

        other = tmp_path / "elsewhere"
        other.mkdir()
        with Outbox.open(other) as lost:
            night.api.service.writer.call(lambda engine: claim(engine.store, lost)).result(10)
            night.outbox, kept = lost, night.outbox
            night.deliverer = night.anew()
            night.deliver()
            assert {one.status for one in lost.intents("")} == {"suppressed: delivery state lost"}
            night.outbox = kept

        assert (other / FILE).exists()
        assert len(robot.requests) == 1, "what was sent before it was lost"


# What goes wrong on the way


def test_a_failure_is_tried_again_on_schedule_then_given_up(tmp_path: Path, robot: Receiver) -> None:
    robot.reply = Reply(500)
    with world(tmp_path, wecom(robot.url, ", retry: [10s, 1m]")) as night:
        night.freeze("jd:1")
        night.deliver()
        night.pass_seconds(9)
        night.rounds()
        assert len(robot.requests) == 1
        night.pass_seconds(2)
        night.rounds()
        assert len(robot.requests) == 2
        assert night.status_of("jd:1") == "waiting"
        night.pass_seconds(67)
        night.rounds()

        assert [attempt.outcome for attempt in night.attempts] == ["failed"] * 3
        assert night.status_of("jd:1") == "failed: 500 Internal Server Error"
        night.pass_seconds(HOUR)
        night.rounds()
        assert len(robot.requests) == 3


def test_a_robot_that_turns_a_message_away_with_200_has_not_taken_it(tmp_path: Path, robot: Receiver) -> None:
    robot.replies = [
        Reply(body=b'{"errcode":93000,"errmsg":"invalid webhook url"}'),
        Reply(body=b'{"errcode":45009,"errmsg":"api freq out of limit"}'),
        Reply(body=b"<html>"),
    ]
    with world(tmp_path, wecom(robot.url, ", retry: [5s, 5s, 5s]")) as night:
        night.freeze("jd:1")
        for _ in range(4):
            night.deliver()

        assert [(a.outcome, a.status) for a in night.attempts] == [
            ("refused", 200),
            ("throttled", 200),
            ("failed", 200),
            ("ok", 200),
        ]
        assert night.attempts[0].detail == "93000 invalid webhook url"
        assert night.status_of("jd:1") == "sent"


def test_a_target_that_is_bounded_makes_messages_wait_and_loses_none(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url, ", per_minute: 2"), ("  gather: 1m", "  gather: 1s")) as night:
        for n in range(5):
            night.freeze(f"jd:{n}")
        night.rounds()
        sent = [len(robot.requests)]
        for _ in range(2):
            night.pass_seconds(MINUTE + 1)
            night.rounds()
            sent.append(len(robot.requests))

        assert sent == [2, 4, 5]
        assert night.statuses["sent"] == 5


def test_one_that_hangs_keeps_nobody_else_waiting(tmp_path: Path, robot: Receiver) -> None:
    robot.reply = Reply(hang=True)
    with receiver() as other:
        both = ("  frozen: {via: [wecom],", "  frozen: {via: [wecom, sms],")
        sms = (
            "  sms: {dry_run: true}",
            f'  sms: {{dry_run: false, url: "json://127.0.0.1:{other.port}/sms"}}',
        )
        with world(tmp_path, wecom(robot.url, ", timeout: 300ms"), sms, both) as night:
            night.freeze("jd:1")
            night.pass_seconds(MINUTE)
            night.deliverer.step()
            assert other.has(1)
            night.rounds()

            assert night.status_of("jd:1", "sms") == "sent"
            assert night.status_of("jd:1") == "waiting"
            hung = next(attempt for attempt in night.attempts if attempt.target == "wecom")
            assert (hung.outcome, hung.detail) == ("timeout", "no answer within 0.3 s")
            assert hung.duration >= 300_000


def test_a_variable_that_is_not_set_is_named_and_waited_for(tmp_path: Path, robot: Receiver) -> None:
    environ = dict[str, str]()
    with world(tmp_path, wecom(robot.url), environ=environ) as night:
        night.freeze("jd:1")
        night.deliver()
        assert night.attempts[0].outcome == "misconfigured"
        assert night.attempts[0].detail == "The environment variable WECOM_KEY is not set."

        environ["WECOM_KEY"] = "k-2"
        night.deliver()
        assert night.status_of("jd:1") == "sent"
        assert robot.requests[0].path.endswith("key=k-2")


def test_nobody_listening_is_no_reason_to_give_up(tmp_path: Path) -> None:
    with receiver() as gone:
        url = gone.url
    with world(tmp_path, wecom(url)) as night:
        night.freeze("jd:1")
        night.deliver()

        assert night.attempts[0].outcome == "unreachable"
        assert night.status_of("jd:1") == "waiting"


def test_what_was_begun_and_never_noted_is_sent_again_as_it_was(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url, ", timeout: 5s")) as night:
        night.freeze("jd:1")
        robot.reply = Reply(hang=True)
        night.pass_seconds(MINUTE)
        night.deliverer.step()
        assert robot.has(1)

        robot.reply = Reply()
        night.api.service.writer.call(lambda engine: claim(engine.store, night.outbox)).result(10)
        night.deliverer = night.anew()
        night.deliver()

        one, two = robot.requests
        assert one.body == two.body
        assert [attempt.outcome for attempt in night.attempts] == ["unknown", "ok"]
        assert len({attempt.message for attempt in night.attempts}) == 1


def test_what_was_sent_is_forgotten_in_time_and_never_sent_again(tmp_path: Path, robot: Receiver) -> None:
    with world(tmp_path, wecom(robot.url)) as night:
        night.freeze("jd:1")
        night.deliver()
        night.pass_seconds(31 * DAY)
        night.rounds()

        assert night.outbox.intents("WHERE type = 'order.frozen.v1'") == []
        assert all(attempt.at > night.api.clock.now - 30 * DAY * 1_000_000 for attempt in night.attempts)
        assert sum("jd:1 is frozen" in request.body.decode() for request in robot.requests) == 1
