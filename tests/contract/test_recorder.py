"""The recorder test cases that ship with eventsourcing, on our recorder, with text ids."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from uuid import uuid4

from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from engine.store.recorder import Datastore, PartitionRecorder


def _recorder(directory: str) -> PartitionRecorder:
    recorder = PartitionRecorder(
        Datastore(f"file:{Path(directory) / 'log.db'}"), events_table_name="events_00"
    )
    recorder.create_table()
    return recorder


class _OnDisk:
    """Each test on a database of its own, on a disk: durability is part of what is tested."""

    def setUp(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._open: list[PartitionRecorder] = []
        self._before = set(threading.enumerate())
        super().setUp()  # type: ignore[misc]

    def tearDown(self) -> None:
        super().tearDown()  # type: ignore[misc]
        # Some of these tests do not wait for their readers, and SQLite does not survive a connection closed in use.
        for thread in set(threading.enumerate()) - self._before:
            thread.join()
        for recorder in self._open:
            recorder.datastore.close()
        self._directory.cleanup()

    def create_recorder(self) -> PartitionRecorder:
        recorder = _recorder(self._directory.name)
        self._open.append(recorder)
        return recorder

    def new_originator_id(self) -> str:
        return f"{uuid4().int % 10**12:012d}/order/test:{uuid4()}"


class TestApplicationRecorder(_OnDisk, ApplicationRecorderTestCase):
    pass


class TestTrackingRecorder(_OnDisk, TrackingRecorderTestCase):
    pass


class TestProcessRecorder(_OnDisk, ProcessRecorderTestCase):
    pass


class TestNonInterleaving(_OnDisk, NonInterleavingNotificationIDsBaseCase):
    insert_num = 1000
