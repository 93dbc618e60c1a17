# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys that every worker of one deployment must share."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from notalone.storage.database import Database
from notalone.storage.schema import server_key


async def read_or_make(database: Database, name: str, fresh: bytes) -> bytes:
    """The key of that name; `fresh` becomes it where there is none yet."""
    stored = select(server_key.c.value).where(server_key.c.name == name)
    async with database.read() as connection:
        value: bytes | None = await connection.scalar(stored)
    if value is not None:
        return value
    with suppress(IntegrityError):  # another worker was first
        async with database.write() as connection:
            await connection.execute(insert(server_key).values(name=name, value=fresh))
    async with database.read() as connection:
        made: bytes | None = await connection.scalar(stored)
    assert made is not None  # it was just written, by us or by that other
    return made
