# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the tools beside this one share: how a case is written, and bytes that are the same each time."""

from __future__ import annotations

import json
from hashlib import shake_256
from itertools import count
from typing import Any

from notalone.protocol.group import Source

Case = dict[str, Any]


def drawn(name: str) -> Source:
    """The n-th time, from 0, SHAKE256 of "name n". Nobody may use these bytes for anything else."""
    times = count()
    return lambda length: shake_256(f"{name} {next(times)}".encode()).digest(length)


def outcome(error: str | None) -> Case:
    return {"valid": True} if error is None else {"valid": False, "error": error}


def changed(data: bytes, at: int) -> bytes:
    """With another last bit in the byte that stands there."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def show(made: Case) -> None:
    print(json.dumps(made, indent=2, ensure_ascii=False))
