"""What pairs, batches and the keys of customers are called: the same everywhere, and fit to be a subject.

A pair is named by its orders, sorted and joined by `+`, so that people can read it; where that would be too long the second
gives way to a digest. Digests are integer arithmetic: folds have no library for them. They are no secret, only no plain text.
"""

from __future__ import annotations

from functools import lru_cache

LENGTH_MAX = 200
"""Characters of a pair or batch: with its kind before it and a number behind it still a subject."""

_PRIME = 2**127 - 1
_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835


def digest(text: str) -> str:
    """16 hex digits of a text."""
    mixed = int.from_bytes(text.encode(), "big") % _PRIME * _FACTOR % _PRIME
    mixed = (mixed ^ mixed >> 61) * _FACTOR % _PRIME
    return f"{mixed >> 60:017x}"[-16:]


def pair_of(a: str, b: str) -> str:
    """The subject of a pair of orders (`order/…`), whichever is named first: `merge/jd:1+taobao:2`."""
    first, second = sorted((a.removeprefix("order/"), b.removeprefix("order/")))
    if len(first) + len(second) >= LENGTH_MAX:
        return f"merge/{first[: LENGTH_MAX - 17]}+{digest(f'{first}+{second}')}"
    return f"merge/{first}+{second}"


def batch_of(pair: str, number: int) -> str:
    """The subject of the `number`-th batch (from 1) that began with a pair."""
    name = pair.removeprefix("merge/")
    return f"batch/{name}" if number == 1 else f"batch/{name}~{number}"


@lru_cache(maxsize=1 << 14)
def customer_key(kind: str, value: str) -> str:
    """The key of what is known under an identity: `customer/phone:<digest>`."""
    return f"customer/{kind}:{digest(value)}"


def block_key(key: str) -> str:
    """The key of a block told to be too common."""
    return f"block/{key.partition(':')[0]}:{digest(key)}"
