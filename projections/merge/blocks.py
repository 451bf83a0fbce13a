"""Who is compared with whom: open orders by the blocking keys they share.

A pair belongs to the smallest key both share whose block is not too common, and only that block proposes it. Made of
the stored states alone, and the same whatever the order they come in.
"""

from __future__ import annotations

from collections.abc import Iterator

from projections.merge.state import OrderState


class Index:
    """`orders` that may travel with others, and who is in each block: one order, as most are alone, or a set of them."""

    __slots__ = ("blocks", "orders")

    def __init__(self) -> None:
        self.orders: dict[str, OrderState] = {}
        self.blocks: dict[str, str | set[str]] = {}

    def change(self, order: str, state: OrderState | None) -> None:
        """An order has another state, or none any more; one that left is in no block."""
        before = self.orders.get(order)
        if state is None or state.left:
            if before is not None:
                del self.orders[order]
                self._leave(order, before.keys)
            return
        self.orders[order] = state
        if before is None:
            self._enter(order, state.keys)
        elif before.keys != state.keys:
            self._leave(order, before.keys)
            self._enter(order, state.keys)

    def _enter(self, order: str, keys: tuple[str, ...]) -> None:
        blocks = self.blocks
        for key in keys:
            block = blocks.get(key)
            if block is None:
                blocks[key] = order
            elif isinstance(block, str):
                blocks[key] = {block, order}
            else:
                block.add(order)

    def _leave(self, order: str, keys: tuple[str, ...]) -> None:
        blocks = self.blocks
        for key in keys:
            block = blocks[key]
            if isinstance(block, str):
                del blocks[key]
            else:
                block.discard(order)
                if len(block) == 1:
                    blocks[key] = block.pop()

    def size(self, key: str) -> int:
        """How many open orders share a key."""
        block = self.blocks.get(key)
        return 0 if block is None else 1 if isinstance(block, str) else len(block)

    def met(self, order: str, limit: int, common: list[str]) -> Iterator[tuple[str, str]]:
        """(other order, key) of every open order it shares a key with that is not too common, each once, under the smallest
        such key. In any order within a block. Keys that more than `limit` share are added to `common`."""
        seen = {order}
        for key in self.orders[order].keys:
            block = self.blocks[key]
            if isinstance(block, str):
                continue
            if len(block) > limit:
                common.append(key)
                continue
            for other in block:
                if other not in seen:
                    seen.add(other)
                    yield other, key
