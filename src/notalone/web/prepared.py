# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages rendered once and filled for each visitor.

A public page differs between two visitors in one value only: the nonce of its form. So it is rendered when what it
shows changes, kept as the bytes around its holes, and filled.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

# Calls times languages times kinds of page, with room.
KEEP = 1024

T = TypeVar("T")


class Latest(Generic[T]):
    """By what it is, the newest of each; the oldest go first."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[Hashable, T]] = {}

    def get(self, name: Hashable, version: Hashable, make: Callable[[], T]) -> T:
        """The thing of that name and version, made now if the one that is there is of another version."""
        found = self._made.get(name)
        if found is not None and found[0] == version:
            return found[1]
        made = make()
        self._made.pop(name, None)
        self._made[name] = (version, made)
        while len(self._made) > KEEP:
            del self._made[next(iter(self._made))]
        return made

    def forget(self, name: Hashable, made: T) -> None:
        """Take this one out, unless another has its place by now."""
        if name in self._made and self._made[name][1] is made:
            del self._made[name]


class Prepared:
    """A page with holes, kept as the bytes around them."""

    __slots__ = ("_order", "_pieces")

    def __init__(self, page: Callable[..., str], holes: int) -> None:
        """`page` renders with as many texts as there are holes. Each stands in it once, or not at all."""
        marks = [f"hole{secrets.token_hex(12)}".encode() for _ in range(holes)]
        rest = page(*(mark.decode() for mark in marks)).encode()
        if any(rest.count(mark) > 1 for mark in marks):
            raise ValueError("a value stands in the page more than once")
        self._order = sorted((n for n in range(holes) if marks[n] in rest), key=lambda n: rest.index(marks[n]))
        self._pieces: list[bytes] = []
        for n in self._order:
            piece, _, rest = rest.partition(marks[n])
            self._pieces.append(piece)
        self._pieces.append(rest)

    def fill(self, *values: str) -> bytes:
        """The page with these values, in the order of the holes. They must need no escaping."""
        parts = [self._pieces[0]]
        for n, piece in zip(self._order, self._pieces[1:], strict=True):
            parts += (values[n].encode("ascii"), piece)
        return b"".join(parts)
