"""A fold of stage 2 on its own: told facts by hand, its timers fired, its decisions and states looked at."""

from __future__ import annotations

import tempfile
from typing import Any

import msgspec

from engine.fold.judge import Judge
from engine.policy.book import PolicyBook
from engine.store.database import Store
from engine.views.tables import statements
from projections.keyed import KeyedDecision, KeyedFold
from projections.policy import Policy
from schemas.events.system import PolicyPublished
from schemas.facts import Fact


class _OnePolicy(PolicyBook):
    """A book of policies made by hand."""

    def __init__(self) -> None:
        self.policies: dict[bytes, Policy] = {}

    def get(self, hash_: bytes) -> Policy:
        return self.policies[hash_]


class Bench:
    """`tell` facts in order of time, `pass_to` an instant; `reload` reads everything again from the disk."""

    def __init__(self, *folds: KeyedFold, policy: Policy, at: int = 1) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._store = Store.create(self._directory.name, 1)
        with self._store.write() as cursor:
            for statement in statements():
                cursor.execute(statement)
        self._book = _OnePolicy()
        self._folds = folds
        self._version = 0
        self.decisions: list[KeyedDecision] = []
        self.reload()
        self.publish(policy, at)

    def publish(self, policy: Policy, at: int) -> None:
        """Put a policy in force."""
        policy = msgspec.structs.replace(policy, hash=f"{len(self._book.policies) + 1:064x}")
        self._book.policies[bytes.fromhex(policy.hash)] = policy
        self.tell(
            "policy.published.v1", "policy/0", PolicyPublished(policy.hash, ""), at=at, subject="policy/0"
        )

    def tell(
        self, type: str, key: str, data: msgspec.Struct, *, at: int, subject: str = "", version: int = 0
    ) -> list[KeyedDecision]:
        """One fact at stream time `at`; returns what was decided since, timers before it included."""
        return self.run([self.fact(type, key, data, at=at, subject=subject, version=version)], at - 1)

    def fact(
        self, type: str, key: str, data: msgspec.Struct, *, at: int, subject: str = "", version: int = 0
    ) -> Fact:
        """A fact, after those made before."""
        self._version += 1
        raw = msgspec.Raw(msgspec.msgpack.encode(data))
        return Fact(at, subject or key, version or self._version, 0, type, key, raw)

    def pass_to(self, instant: int) -> list[KeyedDecision]:
        """Nothing more comes at or before `instant`: fire what is due."""
        return self.run([], instant)

    def run(self, facts: list[Fact], upto: int) -> list[KeyedDecision]:
        """Facts in canonical order, timers up to `upto`, all written; raises what a fold raised."""
        made = [ruling.decision for ruling in self.judge.run(facts, upto)]
        with self._store.write() as cursor:
            self.judge.write(cursor)
            broken = cursor.execute("SELECT fold, key, traceback FROM judge_faults").fetchall()
        self.judge.written()
        assert not broken, "\n".join("\n".join(row) for row in broken)
        self.decisions += made
        return made

    def reload(self) -> None:
        """A new process: only what is stored is known."""
        self.judge = Judge(self._store, self._book, self._folds)
        with self._store.read() as cursor:
            self.judge.load(cursor)

    def state(self, key: str, fold: int = 0) -> Any:
        """The state under a key of the n-th fold, None where there is none."""
        held = self.judge.folds[fold]
        return self.judge.read(held, [key])[key].state

    @property
    def made(self) -> list[Any]:
        """All decisions."""
        return list(self.decisions)

    def told(self, type_: str) -> list[Any]:
        """The data of all decisions of a type."""
        return [one.data for one in self.decisions if one.type == f"{type_}.v1"]

    def close(self) -> None:
        self._store.close()
        self._directory.cleanup()
