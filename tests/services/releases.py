# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is published, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from sqlalchemy import text

from notalone.protocol.voice import Kind
from notalone.services.magnitude import Magnitude, Published
from notalone.storage.database import Database

TICK = 600
ME_TOO, STAND = int(Kind.ME_TOO), int(Kind.STAND_WITH_YOU)


async def count(database: Database, numbers: Mapping[tuple[int, int], int]) -> None:
    """Set the tally: (call id, kind) -> voices that stand now."""
    async with database.write() as connection:
        for (call, kind), number in numbers.items():
            await connection.execute(
                text(
                    "INSERT INTO tally (call_id, kind, shard, number) VALUES (:call, :kind, 0, :number)"
                    " ON CONFLICT (call_id, kind, shard) DO UPDATE SET number = :number"
                ),
                {"call": call, "kind": kind, "number": number},
            )


async def stored_releases(database: Database) -> list[tuple[int, int, int, int | None]]:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT call_id, kind, tick, number FROM release ORDER BY tick, kind"))
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def shown(magnitude: Magnitude, call_id: int) -> Published:
    return magnitude.published(SimpleNamespace(id=call_id))  # type: ignore[arg-type]


def numbers(published: Published) -> tuple[int | None, int | None]:
    return published.kinds["metoo"].number, published.kinds["stand"].number
