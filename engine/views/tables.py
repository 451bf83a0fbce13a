"""The view tables, and how a row becomes its columns.

`rows` holds all stage-1 states of a stream in one msgpack blob beside the columns lists filter and sort by; `folded`
how far each partition is folded; `judged` the states of stage 2 and `judging` how far it is. All of it can be rebuilt
from the log.
"""

from __future__ import annotations

import msgspec

from engine.errors import StoreError, StoreNewer
from projections.policy import Policy
from projections.routing import owner_of
from projections.row import PIPELINES, Row
from projections.stages import STAGE_TWO

COLUMNS = (
    "id",
    "subject",
    "kind",
    "channel",
    "state",
    "open",
    "frozen",
    "doubt",
    "limbo",
    "held",
    "fault",
    "owner",
    "grp",
    "currency",
    "receivable",
    "received",
    "refunded",
    "fees",
    "subsidies",
    "half_at",
    "warn_at",
    "due_at",
    "breached",
    "excused",
    "score",
    "work",
    "late",
    "repeats",
    "conflicts",
    "unknown",
    "since",
    "updated",
    "version",
    "due",
    "row",
)


def statements() -> list[str]:
    """DDL of the view tables."""
    integers = ", ".join(
        f"{name} INTEGER NOT NULL"
        for name in COLUMNS
        if name not in ("id", "subject", "kind", "channel", "state", "owner", "grp", "currency", "row")
    )
    return [
        f"CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, kind TEXT NOT NULL, "
        f"channel TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, grp TEXT NOT NULL, "
        f"currency TEXT NOT NULL, {integers}, row BLOB NOT NULL)",
        "CREATE INDEX IF NOT EXISTS rows_work ON rows (work) WHERE work > 0",
        "CREATE INDEX IF NOT EXISTS rows_doubtful ON rows (frozen, doubt) WHERE frozen > 0 OR doubt > 0",
        "CREATE TABLE IF NOT EXISTS folded (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, "
        "hash BLOB NOT NULL, watermark INTEGER NOT NULL, streamtime INTEGER NOT NULL, policies BLOB NOT NULL, "
        "retarget INTEGER NOT NULL, minute BLOB NOT NULL)",
        # Facts that stage 2 has not taken yet, in the order it takes them.
        "CREATE TABLE IF NOT EXISTS facts (streamtime INTEGER NOT NULL, subject TEXT NOT NULL, "
        "streamversion INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL, "
        "PRIMARY KEY (streamtime, subject, streamversion, n)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS judged (fold TEXT NOT NULL, key TEXT NOT NULL, due INTEGER NOT NULL, "
        "label TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (fold, key)) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS judged_label ON judged (fold, label) WHERE label <> ''",
        "CREATE TABLE IF NOT EXISTS judge_faults (fold TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, "
        "traceback TEXT NOT NULL, PRIMARY KEY (fold, key)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS judging (id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, policy BLOB NOT NULL)",
    ]


VIEWS: dict[str, tuple[str, ...]] = {
    "rows": COLUMNS,
    "folded": ("partition", "position", "hash", "watermark", "streamtime", "policies", "retarget", "minute"),
    "facts": ("streamtime", "subject", "streamversion", "n", "body"),
    "judged": ("fold", "key", "due", "label", "body"),
    "judge_faults": ("fold", "key", "at", "traceback"),
    "judging": ("id", "upto", "policy"),
}
"""The view tables with their columns, as a rebuild copies them."""


def upsert() -> str:
    """The statement that writes a row; secondary indexes are touched only where their columns change."""
    updates = ", ".join(
        f"{name}=excluded.{name}" for name in COLUMNS if name not in ("id", "subject", "kind")
    )
    marks = ",".join("?" * len(COLUMNS))
    return (
        f"INSERT INTO rows ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {updates}"
    )


ROWS_FORMAT = 2
"""Raised when the columns or the row's own fields change; a fold's state has the fold's version."""


def versions() -> dict[str, int]:
    """What views of this release are made by: the row format, and the version of every fold."""
    return (
        {"rows": ROWS_FORMAT}
        | {fold.name: fold.version for folds in PIPELINES.values() for _, fold in folds}
        | {fold.name: fold.version for fold in STAGE_TWO}
    )


def check_versions(kept: str) -> None:
    """`kept` is the store's setting `views` (JSON of what its views were made by). StoreNewer where a later release made
    them, StoreError where an earlier one did: a raised version means a rebuild."""
    made_by: dict[str, int] = msgspec.json.decode(kept)
    ours = versions()
    newer = sorted(name for name, version in made_by.items() if version > ours.get(name, 0))
    if newer:
        raise StoreNewer(
            f"The views were made by a later release ({', '.join(newer)}).",
            "Use that release, or a newer one.",
        )
    if made_by != ours:
        older = sorted(name for name, version in ours.items() if made_by.get(name, 0) < version)
        raise StoreError(
            f"The views were made by an earlier release ({', '.join(older)}).",
            "`orderfold projection rebuild` makes them anew.",
        )


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Row)


def row_id(partition: int, number: int) -> int:
    """The view key of a stream: in order of arrival within its partition, so that inserts stay together."""
    return partition << 40 | number


def decode_row(blob: bytes) -> Row:
    """A stored blob → Row. msgspec.ValidationError when another release wrote it in another shape."""
    return _decoder.decode(blob)


def columns(id_: int, row: Row, due: int, policy: Policy) -> tuple[object, ...]:
    """A row as the values of COLUMNS; the policy says who owns it and which states are final."""
    state, open_, frozen, doubt, limbo, held, since = "", 0, 0, 0, 0, 0, 0
    owner = group = currency = ""
    receivable = received = refunded = fees = subsidies = 0
    half_at = warn_at = due_at = breached = 0
    score = 100
    lifecycle, ledger, sla = row.lifecycle, row.ledger, row.sla
    if lifecycle is not None:
        state = lifecycle.state
        since = lifecycle.since or lifecycle.limbo_since
        owner, group = owner_of(
            policy, row.channel, lifecycle.categories, state, lifecycle.owner, lifecycle.group
        )
        frozen = 1 if lifecycle.frozen else 0
        doubt = 1 if lifecycle.offence is not None and not frozen else 0
        limbo = 0 if state else 1
        held = len(lifecycle.holds)
        open_ = 1 if state and state not in policy.lifecycle_of(row.channel).terminal else 0
    if ledger is not None:
        currency = ledger.currency
        receivable, received, refunded = ledger.receivable, ledger.received, ledger.refunded
        fees, subsidies = ledger.fees, ledger.subsidies
    if sla is not None:
        half_at, warn_at, due_at, breached = sla.half_at, sla.warn_at, sla.due_at, sla.breached
    if row.health is not None:
        score = row.health.score
    if row.limbo is not None:
        limbo = 1 if row.limbo.waiting else 0
        since = row.limbo.since
    return (
        id_,
        row.subject,
        row.subject.partition("/")[0],
        row.channel,
        state,
        open_,
        frozen,
        doubt,
        limbo,
        held,
        1 if row.fault is not None else 0,
        owner,
        group,
        currency,
        receivable,
        received,
        refunded,
        fees,
        subsidies,
        half_at,
        warn_at,
        due_at,
        breached,
        row.excused,
        score,
        len(row.work),
        row.late,
        row.repeats,
        row.conflicts,
        row.unknown,
        since,
        row.streamtime,
        row.version,
        due,
        _encode(row),
    )
