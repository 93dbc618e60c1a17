# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls and their texts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from notalone.storage.database import Connection, StorageUnavailable
from notalone.storage.schema import call, call_text, release, tally, voice
from notalone.storage.voice import WITHDRAWN


@dataclass(frozen=True, slots=True)
class StoredCall:
    id: int
    slug: str
    salt: bytes
    loaded_on: date
    closed_on: date | None
    revision: int


async def read_all(connection: Connection) -> list[StoredCall]:
    """Every call, oldest first."""
    rows = await connection.execute(select(call).order_by(call.c.id))
    return [StoredCall(**row) for row in rows.mappings()]


async def revisions(connection: Connection) -> tuple[int, int, int]:
    """How many calls there are, the greatest id and the sum of revisions: other numbers mean that something changed.

    Every change moves one of them in one direction: a deleted call the first, a new one the second.
    """
    last, changes = func.coalesce(func.max(call.c.id), 0), func.coalesce(func.sum(call.c.revision), 0)
    row = (await connection.execute(select(func.count(), last, changes).select_from(call))).one()
    return int(row[0]), int(row[1]), int(row[2])


async def read_texts(connection: Connection, call_id: int) -> dict[str, str]:
    """Language to source."""
    rows = await connection.execute(
        select(call_text.c.lang, call_text.c.source).where(call_text.c.call_id == call_id).order_by(call_text.c.lang)
    )
    return {row.lang: row.source for row in rows}


async def find(connection: Connection, slug: str) -> StoredCall | None:
    row = (await connection.execute(select(call).where(call.c.slug == slug).with_for_update())).mappings().one_or_none()
    return None if row is None else StoredCall(**row)


async def add(connection: Connection, slug: str, salt: bytes, today: date) -> int:
    """The new call's id. Raises StorageUnavailable."""
    # Not 1: what is kept of a deleted call, such as its pages, must not pass for a new one of its name.
    revision = 1 + secrets.randbelow(2**30)
    return await add_row(connection, {"slug": slug, "salt": salt, "loaded_on": today, "revision": revision})


async def add_row(connection: Connection, values: Mapping[str, Any]) -> int:
    """The new call's id. Raises StorageUnavailable."""
    try:
        added = await connection.execute(insert(call).values(values))
    except IntegrityError as error:
        # No defect: whoever asks for the name again will find it.
        raise StorageUnavailable("another process just added a call of that name") from error
    assert added.inserted_primary_key is not None  # the table has a primary key
    return int(added.inserted_primary_key[0])


async def write_texts(connection: Connection, call_id: int, sources: Mapping[str, str]) -> None:
    """Replace every text of the call."""
    await connection.execute(delete(call_text).where(call_text.c.call_id == call_id))
    rows = [{"call_id": call_id, "lang": lang, "source": source} for lang, source in sources.items()]
    await connection.execute(insert(call_text), rows)


async def touch(connection: Connection, call_id: int) -> None:
    """Let every worker read this call again."""
    await connection.execute(update(call).where(call.c.id == call_id).values(revision=call.c.revision + 1))


async def close(connection: Connection, call_id: int, today: date) -> None:
    await connection.execute(update(call).where(call.c.id == call_id).values(closed_on=today))


async def remove(connection: Connection, call_id: int) -> int:
    """Everything of the call; how many voices stood in it. Whoever adds to it is to be held before."""
    standing = select(func.count()).where(voice.c.call_id == call_id, voice.c.kind != WITHDRAWN)
    voices = int(await connection.scalar(standing) or 0)
    for table in (call_text, release, tally, voice):
        await connection.execute(delete(table).where(table.c.call_id == call_id))
    await connection.execute(delete(call).where(call.c.id == call_id))
    return voices
