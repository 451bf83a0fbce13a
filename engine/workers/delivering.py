"""Delivery of a served store: a thread beside the writer's, with readings of its own and tables of its own.

It never waits for the writer and the writer never for it. What goes wrong in a round is logged and tried again; nothing is sent that
cannot be noted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread

from engine.deliver.deliverer import Deliverer, claim
from engine.deliver.outbox import Outbox
from engine.errors import OrderfoldError
from engine.store.database import Store
from engine.workers.embedded import Engine

ROUND_SECONDS = 0.5
TROUBLE_SECONDS = 5.0
STOP_SECONDS = 5.0
"""How long a stop waits for sends that go on. One that goes on longer is made again by the next process, under the same key."""

_log = logging.getLogger("orderfold.deliver")


class Delivery:
    """`start`, then `stop` once. `trouble` says why the last round failed, "" when it did not."""

    def __init__(
        self, engine: Engine, clock: Callable[[], int], environ: Mapping[str, str], base: str
    ) -> None:
        """For the thread that holds the writer's lock, before the writer starts. StoreFull where deliver.db cannot be made."""
        self.trouble = ""
        self._store = Store.open(str(engine.store.directory))
        try:
            self._outbox = Outbox.open(engine.store.directory)
            claim(engine.store, self._outbox)
        except BaseException:
            self._store.close()
            raise
        self._deliverer = Deliverer(self._store, self._outbox, clock, environ, base)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="orderfold-deliver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the round that goes on, and what it sends."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._outbox.close()
        self._store.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = ROUND_SECONDS
            try:
                self._deliverer.step()
                # What has ended makes room: the next round need not wait.
                if self._deliverer.settle(ROUND_SECONDS):
                    continue
                self._noted("")
            except Exception as error:
                if isinstance(error, OrderfoldError):
                    self._noted(error.detail)
                else:
                    self._noted(f"{type(error).__name__}: {error}", error)
                pause = TROUBLE_SECONDS
            if not self._deliverer.flying or self.trouble:
                self._stopping.wait(pause)
        try:
            while self._deliverer.flying and self._deliverer.settle(STOP_SECONDS):
                pass
        except Exception:
            _log.exception("what was sent last could not be noted")

    def _noted(self, trouble: str, error: Exception | None = None) -> None:
        if trouble and trouble != self.trouble:
            _log.error("delivery stands still: %s", trouble, exc_info=error)
        self.trouble = trouble
