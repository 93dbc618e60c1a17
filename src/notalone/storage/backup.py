# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows out of one database and into another, of either engine.

Restoring adds and never removes: a voice that is here stays, one that the backup has comes back, and one that
either knows as withdrawn is withdrawn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, case, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from notalone.storage.call import add_row
from notalone.storage.database import Connection
from notalone.storage.schema import call, call_text, publication, release, server_key, tally, voice
from notalone.storage.voice import WITHDRAWN

# The tally is not kept: it is counted again from the voices.
TABLES: dict[str, Table] = {t.name: t for t in (call, call_text, voice, release, publication, server_key)}
CHUNK = 5000

Row = Mapping[str, Any]


async def rows(connection: Connection, table: str) -> AsyncIterator[Row]:
    """Every row of the table, in the snapshot of this connection.

    Ordered by key, for PostgreSQL keeps rows in the order in which they came, and a backup must not tell it.
    """
    keys = TABLES[table].primary_key.columns
    result = await connection.stream(select(TABLES[table]).order_by(*keys), execution_options={"yield_per": CHUNK})
    async for row in result.mappings():
        yield dict(row)


async def count(connection: Connection, table: str) -> int:
    return int(await connection.scalar(select(func.count()).select_from(TABLES[table])) or 0)


async def hold_writers(connection: Connection) -> None:
    """Let those who take voices wait, as long as their patience lasts, until this transaction ends; readers go on.

    In the order in which the group commit takes its locks, or the two would wait for each other.
    """
    if connection.dialect.name == "postgresql":
        # Not a weaker one: a withdrawal locks its row before it writes, and would then hold what is needed here.
        await connection.execute(text("LOCK TABLE voice, tally IN EXCLUSIVE MODE"))


async def calls_here(connection: Connection) -> dict[str, tuple[int, bytes, int]]:
    """slug -> id, salt, how many voices."""
    counted = select(voice.c.call_id, func.count().label("voices")).group_by(voice.c.call_id).subquery()
    found = await connection.execute(
        select(call.c.slug, call.c.id, call.c.salt, func.coalesce(counted.c.voices, 0)).outerjoin(
            counted, counted.c.call_id == call.c.id
        )
    )
    return {slug: (id, salt, voices) for slug, id, salt, voices in found}


async def add_call(connection: Connection, row: Row) -> int:
    """A call that was not here. Its id here, which may differ from its id in the backup. Raises StorageUnavailable."""
    return await add_row(connection, {name: value for name, value in row.items() if name != "id"})


async def adopt_call(connection: Connection, call_id: int, row: Row) -> None:
    """Make a call without voices the one of the backup, so that the voice codes given out for it work again.

    Its texts go, to be replaced by the backup's.
    """
    await connection.execute(delete(call_text).where(call_text.c.call_id == call_id))
    values = {name: value for name, value in row.items() if name not in ("id", "revision")}
    await connection.execute(update(call).where(call.c.id == call_id).values(revision=call.c.revision + 1, **values))


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
    for at in range(0, len(pairs), 400):
        chunk = pairs[at : at + 400]
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
