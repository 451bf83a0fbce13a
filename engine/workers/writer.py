"""The one writer of a served store: a thread that owns the `Engine` and commits in groups what many requests hand in.

A group is everything that waits, up to `group_events`. It goes off as soon as as many requests have come as the last
group held, at the latest `group_seconds` after its first: a lone sender never waits for company, many senders share one
commit. In between the thread lets time pass (`Engine.tick`), so that deadlines fire and views are written with no traffic.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Any, TypeVar

from engine.append.appender import Outcome
from engine.errors import Busy, OrderfoldError, Overloaded, StoreError
from engine.intake.model import DeadLetter, Incoming
from engine.workers.embedded import FLUSH_IDLE_MICROS, Engine

T = TypeVar("T")
Handed = Sequence["Incoming | DeadLetter"]

GROUP_EVENTS = 2_000
GROUP_SECONDS = 0.005
WAITING_EVENTS_MAX = 50_000
"""More events than this waiting, and further ones are turned away (503) rather than kept in memory."""

TICK_BUSY_SECONDS = 0.05
TICK_IDLE_SECONDS = 0.25
TICK_LEAST_SECONDS = 0.01
RETRY_SECONDS = 1.0
"""How long ticks pause after a failed write: a full disk is not freed by asking it twenty times a second."""

_log = logging.getLogger("orderfold.writer")


class _Job:
    """One thing handed in: events to commit, or a call to make between two commits."""

    __slots__ = ("call", "future", "items", "written")

    def __init__(self, items: Handed, written: bool, call: Callable[[Engine], Any] | None) -> None:
        self.items = items
        self.written = written
        self.call = call
        self.future: Future[Any] = Future()
        # A client that goes away must not cancel what its neighbours in the group wait for.
        self.future.set_running_or_notify_cancel()


class Writer:
    """`submit` and `call` from any thread; `stop` once. `trouble` says why the last write failed, "" when it did not;
    `observe(events, seconds)` is told of every commit."""

    def __init__(
        self,
        engine: Engine,
        *,
        group_events: int = GROUP_EVENTS,
        group_seconds: float = GROUP_SECONDS,
        waiting_max: int = WAITING_EVENTS_MAX,
        observe: Callable[[int, float], None] = lambda events, seconds: None,
    ) -> None:
        self.engine = engine
        self.waiting = 0
        """Events handed in and not yet answered."""
        self.trouble = ""
        self.observe = observe
        self._group_events = group_events
        self._group_seconds = group_seconds
        self._waiting_max = waiting_max
        self._jobs: deque[_Job] = deque()
        self._changed = Condition()
        self._wanted = 1
        self._company = 1
        self._stopping = False
        self._tick_after = 0.0
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="orderfold-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def submit(self, items: Handed, *, written: bool = False) -> Future[list[Outcome]]:
        """Hand in events; the future holds their outcomes, in order, once they are durable; with `written` once the
        views tell of them too.

        Raises Overloaded when too many wait, Busy when the engine is stopping; the future raises what `Engine.submit`
        does."""
        if self.waiting and self.waiting + len(items) > self._waiting_max:
            raise Overloaded(
                f"{self.waiting} events wait to be written, at most {self._waiting_max} may.",
                "Send again in a second.",
            )
        return self._put(_Job(items, written, None))

    def call(self, work: Callable[[Engine], T]) -> Future[T]:
        """Do `work` on the writer's thread, in its turn. Raises Busy when the engine is stopping."""
        return self._put(_Job((), False, work))

    def stop(self) -> None:
        """Commit what waits, write the views, let the store go. Raises what closing raised, the log being safe then."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is None:
            self._end()
        else:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _put(self, job: _Job) -> Future[Any]:
        with self._changed:
            if self._stopping:
                raise Busy("The engine is stopping.", "Send again once it is back.")
            self._jobs.append(job)
            self.waiting += len(job.items)
            # The thread is woken once a group is complete, not by each of its requests.
            if len(self._jobs) >= self._wanted or job.call is not None or self.waiting >= self._group_events:
                self._changed.notify()
        return job.future

    # The thread

    def _run(self) -> None:
        try:
            while True:
                group = self._next_group()
                if group:
                    self._do(group)
                elif self._stopping:
                    break
                else:
                    self._tick()
        except BaseException as error:
            self._failure = error
            _log.exception("the writer died")
            raise
        finally:
            self._end()

    def _end(self) -> None:
        with self._changed:
            self._stopping = True
            left, self._jobs = list(self._jobs), deque()
        for job in left:
            job.future.set_exception(StoreError("The writer has stopped.", "Start the engine again."))
        try:
            self.engine.close()
        except BaseException as error:
            self._failure = self._failure or error

    def _next_group(self) -> list[_Job]:
        """The jobs to do next: one call, or events up to the bound; [] when it is time to tick, or to stop."""
        with self._changed:
            if not self._jobs:
                self._changed.wait_for(lambda: self._jobs or self._stopping, self._pause())
            if not self._jobs:
                return []
            if self._jobs[0].call is not None:
                return [self._jobs.popleft()]
            if len(self._jobs) < self._company and not self._stopping:
                self._wanted = self._company
                self._changed.wait_for(self._complete, self._group_seconds)
                self._wanted = 1
            group: list[_Job] = []
            size = 0
            while self._jobs and self._jobs[0].call is None:
                size += len(self._jobs[0].items)
                if group and size > self._group_events:
                    break
                group.append(self._jobs.popleft())
            self._company = len(group)
            return group

    def _complete(self) -> bool:
        return (
            len(self._jobs) >= self._company
            or self.waiting >= self._group_events
            or self._stopping
            or self._jobs[-1].call is not None
        )

    def _pause(self) -> float:
        """Seconds until the next tick, if nothing comes."""
        engine = self.engine
        now = engine.clock()
        if engine.oldest_unwritten:
            age = now - engine.oldest_unwritten
            pause = max(TICK_LEAST_SECONDS, (FLUSH_IDLE_MICROS - age) / 1e6)
        else:
            due = engine.host.awaited()
            pause = TICK_BUSY_SECONDS if due and due - now < TICK_IDLE_SECONDS * 1e6 else TICK_IDLE_SECONDS
        return max(pause, self._tick_after - time.monotonic())

    def _tick(self) -> None:
        if time.monotonic() < self._tick_after:
            return
        try:
            self.engine.tick()
        except Exception as error:
            self._note(error)
            self._tick_after = time.monotonic() + RETRY_SECONDS
        else:
            self.trouble = ""

    def _do(self, group: list[_Job]) -> None:
        call = group[0].call
        if call is None:
            self._commit(group)
            with self._changed:
                self.waiting -= sum(len(job.items) for job in group)
            return
        try:
            result = call(self.engine)
        except Exception as error:
            group[0].future.set_exception(error)
        else:
            group[0].future.set_result(result)

    def _commit(self, group: list[_Job]) -> None:
        items = group[0].items if len(group) == 1 else [item for job in group for item in job.items]
        began = time.perf_counter()
        try:
            outcomes = self.engine.submit(items)
        except OrderfoldError as error:
            self._note(error)
            for job in group:
                job.future.set_exception(error)
            return
        except Exception as error:
            # One request's events must not fail its neighbours': nothing of the group was kept, so each tries alone.
            if len(group) > 1:
                for job in group:
                    self._commit([job])
            else:
                self._note(error)
                group[0].future.set_exception(error)
            return
        self.trouble, self._tick_after = "", 0.0
        self.observe(len(items), time.perf_counter() - began)
        at = 0
        unwritten: list[tuple[_Job, list[Outcome]]] = []
        for job in group:
            found = outcomes[at : at + len(job.items)]
            at += len(job.items)
            if job.written:
                unwritten.append((job, found))
            else:
                job.future.set_result(found)
        if unwritten:
            try:
                self.engine.flush()
            except Exception as error:
                self._note(error)  # they are durable all the same: the views follow later
            for job, found in unwritten:
                job.future.set_result(found)

    def _note(self, error: Exception) -> None:
        if isinstance(error, OrderfoldError):
            if error.detail != self.trouble:
                _log.error("%s: %s %s", error.title, error.detail, error.remedy)
            self.trouble = error.detail
        else:
            _log.error("a write failed", exc_info=error)
            self.trouble = f"{type(error).__name__}: {error}"
