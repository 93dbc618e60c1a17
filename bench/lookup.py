# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every accepted voice looked up afterwards, in the database and by its id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from notalone.protocol.voice import id_for, read_code
from notalone.storage.database import Database
from notalone.storage.schema import call, tally, voice


@dataclass(frozen=True)
class Found:
    """`accepted`: different ids that were answered with 201. `stored` may be more: at the end, wrk leaves some of the
    answers unread. `tallied` must be what is stored."""

    accepted: int
    stored: int
    tallied: int
    lost: int


def look_up(database_url: str, slug: str, codes: Path) -> Found:
    """Whether each code in the file belongs to a voice in the database."""
    return asyncio.run(_look_up(database_url, slug, codes))


async def _look_up(database_url: str, slug: str, codes: Path) -> Found:
    database = Database(database_url)
    try:
        async with database.read() as connection:
            row = (await connection.execute(select(call.c.id, call.c.salt).where(call.c.slug == slug))).one()
            ids = await connection.execute(select(voice.c.id).where(voice.c.call_id == row.id))
            stored = {bytes(each.id) for each in ids}
            tallied = await connection.scalar(select(func.sum(tally.c.number)).where(tally.c.call_id == row.id))
    finally:
        await database.close()
    with codes.open(encoding="ascii") as lines:
        accepted = {id_for(row.salt, read_code(line)) for line in lines}
    return Found(len(accepted), len(stored), int(tallied or 0), len(accepted - stored))
