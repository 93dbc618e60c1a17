# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a database holds, read with statements of our own, past the code under test."""

from __future__ import annotations

import datetime
import hashlib

from sqlalchemy import text

from notalone.storage.database import Database

TODAY = datetime.date(2031, 5, 4)


async def add_call(database: Database, slug: str, *, closed: bool = False) -> int:
    """A call without texts; its id."""
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO call (slug, salt, loaded_on, closed_on, revision) VALUES (:slug, :salt, :on, :closed, 1)"
            ),
            {
                "slug": slug,
                "salt": salt_of(slug),
                "on": stored_date(database),
                "closed": stored_date(database) if closed else None,
            },
        )
        return int(await connection.scalar(text("SELECT id FROM call WHERE slug = :slug"), {"slug": slug}))


def salt_of(slug: str) -> bytes:
    return hashlib.sha256(slug.encode()).digest()[:16]


def stored_date(database: Database) -> datetime.date | str:
    return TODAY.isoformat() if database.is_sqlite else TODAY


async def close_call(database: Database, call_id: int) -> None:
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE call SET closed_on = :on WHERE id = :id"), {"id": call_id, "on": stored_date(database)}
        )


async def voices(database: Database) -> dict[tuple[int, bytes], int]:
    """(call id, voice id) -> kind."""
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT call_id, id, kind FROM voice"))).all()
    found = {(call_id, id): kind for call_id, id, kind in rows}
    assert len(found) == len(rows)
    return found


async def tally(database: Database) -> dict[tuple[int, int], int]:
    """(call id, kind) -> the sum of its shards, where that is not nothing."""
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT call_id, kind, sum(number) FROM tally GROUP BY call_id, kind"))
        return {(call_id, kind): int(number) for call_id, kind, number in rows if number}


async def assert_tally_agrees(database: Database) -> dict[tuple[int, bytes], int]:
    """Hold the tally against the rows; the rows."""
    there = await voices(database)
    counted: dict[tuple[int, int], int] = {}
    for (call_id, _), kind in there.items():
        if kind:
            counted[call_id, kind] = counted.get((call_id, kind), 0) + 1
    assert await tally(database) == counted
    return there
