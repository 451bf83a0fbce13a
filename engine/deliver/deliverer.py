"""The delivery worker's round: take intents from its own position on, compose messages, send what is due, note what came of it.

At least once: an attempt is noted before it is made, and what it came to before anything else is done with its message. Each send
has a thread of its own, so that an endpoint that hangs keeps nobody but itself waiting; one at a time for people, a few for an
endpoint. Bounds make a target's messages wait, never go.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from queue import Empty, SimpleQueue
from threading import Thread

import msgspec

from engine.deliver.composing import DISABLED, HISTORY_LOST, Composer, contact_of
from engine.deliver.outbox import ASKED, FAILED, SENT, Intent, Message, Outbox, Target
from engine.deliver.providers import GONE, MISCONFIGURED, OK, THROTTLED, Answer, to_endpoint, to_people
from engine.fold.intents import SUPPRESSED, WEBHOOK
from engine.policy.check import examine
from engine.store.database import Store
from engine.views.queries import Reading
from schemas.policy import DeliveryText, PolicyText, WebhookText, duration

TAKEN_AT_ONCE = 1_000
THREADS = 8
THREADS_PER_ENDPOINT = 4
MINUTE = 60_000_000
PRUNE_EVERY = 60 * MINUTE
JITTER = 10
"""A wait is up to a tenth longer, so that what failed together is not tried again together."""

POSITION = "position"
CLAIMED = "deliver"
"""The store's setting that says that something has delivered from it: a store restored or copied without its deliver.db does
not send everything once more."""

_log = logging.getLogger("orderfold.deliver")


def claim(store: Store, outbox: Outbox) -> None:
    """Begin to deliver from a store. Whoever calls this holds its writer's lock."""
    with outbox.write():
        outbox.execute(
            "UPDATE attempts SET outcome = 'unknown', detail = 'the process ended during it' WHERE outcome = ''"
        )
    if outbox.setting(POSITION):
        return
    if store.setting(CLAIMED):
        _log.warning(
            "%s is new, but its store was delivered from before: nothing decided till now is sent",
            outbox.path,
        )
        with store.read() as cursor:
            (last,) = cursor.execute("SELECT coalesce(max(seq), 0) FROM intents").fetchone()
        while _take(store, outbox, f"{SUPPRESSED}: {HISTORY_LOST}", last):
            pass
    with outbox.write():
        outbox.set(POSITION, outbox.setting(POSITION) or "0")
    with store.write() as cursor:
        store.set_setting(cursor, CLAIMED, "yes")


def _take(store: Store, outbox: Outbox, status: str = "", upto: int = 2**62) -> int:
    """Copy intents beyond the position, and move it; how many were taken."""
    position = int(outbox.setting(POSITION) or 0)
    with store.read() as cursor:
        (last,) = cursor.execute("SELECT coalesce(max(seq), 0) FROM intents").fetchone()
        if last <= position:
            return 0
        rows = cursor.execute(
            "SELECT seq, id, partition, position, at, subject, type, kind, recipient, via, status FROM intents "
            "WHERE seq > ? AND seq <= ? AND status = 'waiting' ORDER BY seq LIMIT ?",
            (position, upto, TAKEN_AT_ONCE),
        ).fetchall()
    taken = [Intent(*row[1:]) for row in rows]
    if status:
        taken = [msgspec.structs.replace(intent, status=status) for intent in taken]
    reached = rows[-1][0] if len(rows) == TAKEN_AT_ONCE else min(last, upto)
    with outbox.write():
        outbox.take(taken)
        outbox.set(POSITION, str(max(reached, position)))
    return len(taken)


class Deliverer:
    """`step` again and again from one thread. `base` is where the board is reached if the policy does not say."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        clock: Callable[[], int],
        environ: Mapping[str, str],
        base: str = "",
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._environ = environ
        self._base = base
        self._flying: dict[str, str] = {}
        """Messages being sent, and their targets."""
        self._ended: SimpleQueue[tuple[Message, int, Answer, int]] = SimpleQueue()
        self._in_force: tuple[bytes, PolicyText] | None = None
        self._pruned_at = 0

    @property
    def flying(self) -> int:
        """Sends that have not ended."""
        return len(self._flying)

    def step(self) -> None:
        """Note what has ended, take what is new, compose, and begin to send what is due."""
        self.settle()
        now = self._clock()
        reading = Reading(self._store, clock=self._clock)
        while _take(self._store, self._outbox) == TAKEN_AT_ONCE:
            pass
        self._prune(reading, now)
        if not self._pending():
            return
        composer = Composer(self._outbox, reading, self._text(reading, now), now, self._base)
        composer.compose()
        self._send(composer, now)

    def settle(self, seconds: float = 0.0) -> bool:
        """Note what has ended, waiting up to so long for the first; whether anything had."""
        some = False
        while self._flying:
            try:
                message, n, answer, took = (
                    self._ended.get(timeout=seconds) if seconds else self._ended.get_nowait()
                )
            except Empty:
                break
            seconds, some = 0.0, True
            self._note(message, n, answer, took)
            del self._flying[message.id]
        return some

    # Sending

    def _pending(self) -> bool:
        return (
            self._outbox.execute("SELECT 1 FROM intents WHERE status = 'waiting' LIMIT 1").fetchone()
            is not None
        )

    def _prune(self, reading: Reading, now: int) -> None:
        if now - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = now
            with self._outbox.write():
                self._outbox.prune(now - duration(self._text(reading, now).sending.keep))

    def _text(self, reading: Reading, now: int) -> PolicyText:
        hash_ = reading.store.ownership()[0].policy
        if self._in_force is None or self._in_force[0] != hash_:
            text, _ = examine(reading.book.text(hash_), now)
            assert text is not None, "a published policy has passed its check"
            self._in_force = hash_, text
        return self._in_force[1]

    def _send(self, composer: Composer, now: int) -> None:
        """Begin what is due, target by target, the longest waiting first."""
        assert self._in_force is not None, "composing needs the policy"
        text = self._in_force[1]
        due = self._outbox.execute(
            "SELECT target FROM messages WHERE status = 'waiting' AND next_at <= ? GROUP BY target "
            "ORDER BY min(next_at), target",
            (now,),
        ).fetchall()
        flying = Counter(self._flying.values())
        stale: dict[str, str] = {}
        begun: list[tuple[Message, DeliveryText | WebhookText]] = []
        for (target,) in due:
            way = _way(target, text)
            room = min(
                THREADS - len(self._flying),
                (THREADS_PER_ENDPOINT if isinstance(way, WebhookText) else 1) - flying[target],
                (way.per_minute if way is not None else THREADS) - self._sent_lately(target, now),
            )
            if room <= 0 or self._outbox.target(target).paused_until > now:
                continue
            waiting = self._outbox.messages(
                "WHERE status = 'waiting' AND target = ? AND next_at <= ? ORDER BY next_at, at, id LIMIT ?",
                target,
                now,
                room + flying[target],
            )
            for message in [one for one in waiting if one.id not in self._flying][:room]:
                if why := composer.stale(message):
                    stale[message.id] = why
                elif way is not None:
                    begun.append((message, way))
                    self._flying[message.id] = target
        if not stale and not begun:
            return
        try:
            with self._outbox.write():
                for id_, why in stale.items():
                    self._outbox.settle(id_, f"{SUPPRESSED}: {why}")
                numbers = [self._outbox.begin(message, now) for message, _ in begun]
        except BaseException:
            for message, _ in begun:  # nothing is sent that is not noted
                del self._flying[message.id]
            raise
        for n, (message, way_) in zip(numbers, begun, strict=True):
            self._launch(message, n, way_, text, now)

    def _sent_lately(self, target: str, now: int) -> int:
        row = self._outbox.execute(
            "SELECT count(*) FROM attempts WHERE target = ? AND at > ? AND outcome <> ?",
            (target, now - MINUTE, ASKED),
        ).fetchone()
        return int(row[0])

    def _launch(
        self, message: Message, n: int, way: DeliveryText | WebhookText, text: PolicyText, now: int
    ) -> None:
        contact = contact_of(message.recipient, message.via, text)

        def attempt() -> None:
            began = time.perf_counter()
            try:
                if isinstance(way, WebhookText):
                    answer = to_endpoint(way, message.key, message.body, now, self._environ)
                else:
                    words = message.body.decode()
                    answer = to_people(way, message.key, message.title, words, contact, now, self._environ)
            except Exception as error:
                _log.exception("sending %s failed", message.id)
                answer = Answer(MISCONFIGURED, detail=f"{type(error).__name__}: {error}")
            self._ended.put((message, n, answer, int((time.perf_counter() - began) * 1e6)))

        Thread(target=attempt, name=f"orderfold-send-{n}", daemon=True).start()

    def _note(self, message: Message, n: int, answer: Answer, took: int) -> None:
        """Keep what an attempt came to, and what follows from it."""
        now = self._clock()
        assert self._in_force is not None, "a policy said how to send it"
        way = _way(message.target, self._in_force[1])
        with self._outbox.write():
            self._outbox.end(n, message.target, answer.outcome, answer.status, took, answer.detail)
            if answer.outcome == OK:
                self._outbox.settle(message.id, SENT)
                return
            if answer.outcome == GONE and isinstance(way, WebhookText):
                self._disable(message, way, answer, now)
                return
            schedule = way.retry if way is not None else []
            if message.tries >= len(schedule):
                self._outbox.settle(message.id, f"{FAILED}: {answer.detail}")
                return
            wait = duration(schedule[message.tries])
            next_at = now + max(wait + _jitter(message, wait), answer.retry_after)
            self._outbox.execute(
                "UPDATE messages SET tries = ?, next_at = ? WHERE id = ?",
                (message.tries + 1, next_at, message.id),
            )
            if answer.outcome == THROTTLED or answer.retry_after:
                target = self._outbox.target(message.target)
                paused = max(target.paused_until, next_at)
                self._outbox.put_target(msgspec.structs.replace(target, paused_until=paused))

    def _disable(self, message: Message, way: WebhookText, answer: Answer, now: int) -> None:
        """The endpoint wants nothing any more: 410. Another URL, or a person, lets it be told again."""
        _log.warning("%s answered 410 Gone: it is told nothing more until its URL changes", message.target)
        self._outbox.settle(message.id, f"{FAILED}: {answer.detail}")
        self._outbox.put_target(Target(message.target, 0, now, way.url, "it answered 410 Gone"))
        for other in self._outbox.messages("WHERE status = 'waiting' AND target = ?", message.target):
            if other.id not in self._flying:
                self._outbox.settle(other.id, f"{SUPPRESSED}: {DISABLED}")


def _way(target: str, text: PolicyText) -> DeliveryText | WebhookText | None:
    """What the policy says of a target: `webhook:<endpoint>`, `<delivery>` or `<delivery>:<recipient>`."""
    via, _, name = target.partition(":")
    return text.webhooks.get(name) if via == WEBHOOK else text.delivery.get(via)


def _jitter(message: Message, wait: int) -> int:
    """As much longer, by what the message is called: the same each time it is asked."""
    digest = sha256(f"{message.id}|{message.tries}".encode()).digest()
    return wait * int.from_bytes(digest[:2], "big") // (JITTER * 0xFFFF)
