# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows out of one database and into another, of either engine.

Restoring adds and never removes: a voice that is here stays, one that the backup has comes back, and one that
either knows as withdrawn is withdrawn.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, case, delete, exists, func, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from notalone.storage.call import add_row, find, remove
from notalone.storage.database import Connection, Database
from notalone.storage.schema import call, call_text, publication, release, server_key, tally, voice
from notalone.storage.voice import KEYS, WITHDRAWN

# The tally is not kept: it is counted again from the voices.
TABLES: dict[str, Table] = {t.name: t for t in (call, call_text, voice, release, publication, server_key)}
CHUNK = 5000

Row = Mapping[str, Any]


async def snapshot(database: Database) -> AsyncGenerator[tuple[str, int, list[Row]]]:
    """A table, how many rows it has, and some of them: until all tables were told whole, as they were in one moment.

    Ordered by key, for PostgreSQL keeps rows in the order in which they came, and a backup must not tell it.
    Raises StorageUnavailable.
    """
    async with database.read() as connection:
        for name, table in TABLES.items():
            total = await count(connection, name)
            ordered = select(table).order_by(*table.primary_key.columns)
            yield name, total, []
            result = await connection.stream(ordered, execution_options={"yield_per": CHUNK})
            async for some in result.mappings().partitions():
                yield name, total, [dict(row) for row in some]


async def count(connection: Connection, table: str) -> int:
    return int(await connection.scalar(select(func.count()).select_from(TABLES[table])) or 0)


@dataclass(frozen=True, slots=True)
class CallHere:
    """`used`: it has voices, be they taken back, or published numbers."""

    id: int
    salt: bytes
    used: bool


async def calls_here(connection: Connection) -> dict[str, CallHere]:
    """By name."""
    used = exists().where(voice.c.call_id == call.c.id) | exists().where(release.c.call_id == call.c.id)
    found = await connection.execute(select(call.c.slug, call.c.id, call.c.salt, used))
    return {slug: CallHere(id, salt, bool(used)) for slug, id, salt, used in found}


async def add_call(connection: Connection, row: Row) -> int:
    """A call that was not here. Its id here, which may differ from its id in the backup. Raises StorageUnavailable."""
    return await add_row(connection, {name: value for name, value in row.items() if name != "id"})


async def replace_call(connection: Connection, row: Row) -> int:
    """Put the backup's call in the place of one of its name that was not used, so that the voice codes given out for
    it work again. Its id, which no call had before.

    A worker that has not noticed yet makes codes with the other salt, which will withdraw nothing. The id that it
    knows is gone, so the group commit takes no voice from it. Raises StorageUnavailable.
    """
    other = await find(connection, row["slug"])  # held: nobody loads texts for it meanwhile
    assert other is not None  # it was there when the writers were held, and who deletes a call holds them too
    await remove(connection, other.id)
    return await add_call(connection, {**row, "revision": other.revision + 1})


async def close_call(connection: Connection, call_id: int, closed_on: date) -> None:
    """A call that was closed when the backup was made takes no voices here either."""
    still_open = (call.c.id == call_id) & call.c.closed_on.is_(None)
    await connection.execute(update(call).where(still_open).values(revision=call.c.revision + 1, closed_on=closed_on))


async def add_rows(connection: Connection, table: str, some: Sequence[Row]) -> None:
    """Those that are not here yet."""
    its_table = TABLES[table]
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    await connection.execute(make(its_table).on_conflict_do_nothing(), list(some))


async def mark_withdrawn(connection: Connection, some: Iterable[tuple[int, bytes]]) -> int:
    """(call id, voice id) pairs: withdrawn from now on, whether the voice is here or not.

    Returns how many of them stood as voices until now.
    """
    pairs = list(some)
    stood = 0
    for at in range(0, len(pairs), KEYS):
        chunk = pairs[at : at + KEYS]
        marks = [{"call_id": call_id, "id": id, "kind": WITHDRAWN} for call_id, id in chunk]
        await add_rows(connection, "voice", marks)
        its_rows = tuple_(voice.c.call_id, voice.c.id).in_(chunk) & (voice.c.kind != WITHDRAWN)
        stood += (await connection.execute(update(voice).where(its_rows).values(kind=WITHDRAWN))).rowcount
    return stood


async def raise_tick(connection: Connection, tick: int) -> None:
    """What was published counts as published here too."""
    later = case((publication.c.tick < tick, tick), else_=publication.c.tick)
    await connection.execute(update(publication).values(tick=later))


async def count_again(connection: Connection) -> None:
    """Make the tally from the voices that stand."""
    await connection.execute(delete(tally))
    standing = (
        select(voice.c.call_id, voice.c.kind, text("0"), func.count())
        .where(voice.c.kind != WITHDRAWN)
        .group_by(voice.c.call_id, voice.c.kind)
    )
    await connection.execute(insert(tally).from_select(["call_id", "kind", "shard", "number"], standing))
