# SPDX-License-Identifier: AGPL-3.0-or-later
"""How messages are written as bytes (spec/encoding.md): one way only, so that what is signed or hashed means one thing.

Numbers are big-endian and of a fixed width. Whatever has no fixed width is preceded by its length. Nothing is optional,
and nothing may follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from notalone.protocol.errors import Undecodable

LENGTH_BYTES = 4
COUNT_BYTES = 2

T = TypeVar("T")


def number(value: int, width: int) -> bytes:
    """`value` in `width` bytes, big-endian (I2OSP of RFC 8017). Raises ValueError when it does not fit."""
    try:
        return value.to_bytes(width, "big")
    except OverflowError:
        raise ValueError(f"{value} does not fit in {width} bytes") from None


def prefixed(data: bytes) -> bytes:
    """The data after its length in 4 bytes. Raises ValueError from 4 GiB on."""
    return number(len(data), LENGTH_BYTES) + data


def listed(items: Sequence[bytes]) -> bytes:
    """The items, each already of a known form, after their count in 2 bytes. Raises ValueError from 65,536 on."""
    return number(len(items), COUNT_BYTES) + b"".join(items)


class Reader:
    """Reads a message from its first byte to its last. Every method raises Undecodable.

    `what`: the message's name, for errors.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._at = 0

    def fixed(self, width: int) -> bytes:
        """The next `width` bytes."""
        end = self._at + width
        if end > len(self._data):
            raise Undecodable(self._what, f"ends after {len(self._data)} bytes, in the middle of a field")
        data, self._at = self._data[self._at : end], end
        return data

    def number(self, width: int) -> int:
        """A number of `width` bytes."""
        return int.from_bytes(self.fixed(width), "big")

    def prefixed(self, most: int) -> bytes:
        """Data of at most `most` bytes after its length."""
        length = self.number(LENGTH_BYTES)
        if length > most:
            raise Undecodable(self._what, f"a field of {length} bytes, where {most} are the most")
        return self.fixed(length)

    def listed(self, most: int, item: Callable[[Reader], T]) -> list[T]:
        """At most `most` items after their count, each read by `item`."""
        count = self.number(COUNT_BYTES)
        if count > most:
            raise Undecodable(self._what, f"a list of {count}, where {most} are the most")
        return [item(self) for _ in range(count)]

    def end(self) -> None:
        """Nothing may follow."""
        left = len(self._data) - self._at
        if left:
            raise Undecodable(self._what, f"{left} bytes follow its end")
