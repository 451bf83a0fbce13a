"""A sandbox for folds: whoever reads a clock, draws at random, or reaches for the network or a file within it is stopped.

What modules took by name (`from time import time`) is replaced too, in the modules of folds and those named."""

from __future__ import annotations

import builtins
import datetime
import io
import os
import random
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest


class Impure(BaseException):
    """A fold reached for something that is not its log. No Exception: the host must not take it for a fault of the key."""


_CLOCKS = (
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "localtime",
)
_DRAWS = [name for name in random.__all__ if callable(getattr(random, name))]
_SECRETS = ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "choice", "randbits")

FORBIDDEN: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (time, (*_CLOCKS, "sleep")),
    (random, tuple(_DRAWS)),
    (secrets, _SECRETS),
    (uuid, ("uuid1", "uuid4")),
    (os, ("urandom", "getrandom", "open", "stat", "listdir", "scandir", "system")),
    (socket, ("socket", "create_connection", "getaddrinfo", "gethostname")),
    (builtins, ("open", "input")),
    (io, ("open",)),
)
FOLDS = ("projections", "schemas", "engine.fold")
"""The packages a step goes through."""


@contextmanager
def sandbox(*modules: str) -> Iterator[None]:
    """Within it all that is forbidden raises Impure, also where `modules` (names) took it by name."""
    inside = [
        module
        for name, module in sorted(sys.modules.items())
        if name in modules or any(name == fold or name.startswith(f"{fold}.") for fold in FOLDS)
    ]
    replaced: dict[int, Any] = {id(datetime.datetime): _Timeless, id(datetime.date): _Dateless}
    with pytest.MonkeyPatch.context() as patch:
        for module, names in FORBIDDEN:
            for name in names:
                original = getattr(module, name)
                stopped = replaced.setdefault(id(original), _stopped(f"{module.__name__}.{name}"))
                patch.setattr(module, name, stopped)
        patch.setattr(datetime, "datetime", _Timeless)
        patch.setattr(datetime, "date", _Dateless)
        for module in inside:
            for name, value in list(vars(module).items()):
                if id(value) in replaced:
                    patch.setattr(module, name, replaced[id(value)])
        yield


def _stopped(name: str) -> Callable[..., NoReturn]:
    def stopped(*args: object, **kwargs: object) -> NoReturn:
        raise Impure(name)

    return stopped


class _Alike(type):
    """Instances of the class stood in for are instances of the stand-in: all but the clock works as ever."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _Timeless(datetime.datetime, metaclass=_Alike):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> NoReturn:
        raise Impure("datetime.now")

    @classmethod
    def utcnow(cls) -> NoReturn:
        raise Impure("datetime.utcnow")

    @classmethod
    def today(cls) -> NoReturn:
        raise Impure("datetime.today")


class _Dateless(datetime.date, metaclass=_Alike):
    @classmethod
    def today(cls) -> NoReturn:
        raise Impure("date.today")
