"""`projection rebuild`: the views made anew from the log, then put in place of the old ones in one transaction."""

from __future__ import annotations

import msgspec

from engine.replay.afresh import Progress, fold_afresh, marks, scratch_store
from engine.store.database import Store
from engine.views.tables import VIEWS, statements, versions


def rebuild(store: Store, progress: Progress) -> int:
    """Fold the whole log into fresh views and swap them in; returns the number of rows. The caller holds the lock.

    Nothing is decided anew and nothing delivered: receipts and notices stay as they are."""
    ends = store.ownership()
    with store.read() as cursor:
        old = marks(cursor)
    upto = [
        type(mark)(own.position, max(own.watermark, mark.watermark))
        for own, mark in zip(ends, old, strict=True)
    ]
    with scratch_store(store) as scratch:
        host = fold_afresh(store, scratch, upto, lambda *_: None, lambda *_: None, progress)
        for own in ends:
            host.reached(own.partition, own)
        host.flush()
        with store.write() as cursor, scratch.read() as fresh:
            for table in VIEWS:  # an earlier release may have given them other columns
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in statements():
                cursor.execute(statement)
            store.set_setting(cursor, "views", msgspec.json.encode(versions()).decode())
            for table, names in VIEWS.items():
                marks_ = ",".join("?" * len(names))
                rows = fresh.execute(f"SELECT {', '.join(names)} FROM {table}")
                while part := rows.fetchmany(2_000):
                    cursor.executemany(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks_})",
                        [tuple(r) for r in part],
                    )
            return int(cursor.execute("SELECT count(*) FROM rows").fetchone()[0])
