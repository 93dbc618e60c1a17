# SPDX-License-Identifier: AGPL-3.0-or-later
"""The group commit of voices, and their withdrawal.

Everything else in storage goes through SQLAlchemy; this is the one hot path, so each engine has its own statement.
Both write a whole group in one step and one commit, both count in the same transaction what they inserted, and both
treat an id that is already there as done: a retry after a broken connection finds its own first attempt.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from typing import Protocol, TypeVar

import asyncpg
from sqlalchemy import and_, select, text, tuple_, update

from notalone.storage.database import (
    BUSY_SECONDS,
    CONNECT_SECONDS,
    ENGINE_ERRORS,
    SQLITE_PRAGMAS,
    Connection,
    Database,
    StorageUnavailable,
    engine_faults,
)
from notalone.storage.schema import voice

WITHDRAWN = 0
# Pairs in one statement: SQLite takes 999 values in its oldest builds.
KEYS = 400
SHARDS = 16
# How long a group is tried again while PostgreSQL fails over, before its people are asked to tap again.
RETRY_SECONDS = 8.0


class NotNew(Enum):
    """Why a group did not make one voice more of an id in it."""

    KNOWN = "counted before"
    WITHDRAWN = "withdrawn"
    CALL_CLOSED = "call closed"


# By call id and voice id; also WITHDRAWN.
Kinds = dict[tuple[int, bytes], int]
T = TypeVar("T")

# (call id, kind) -> the ids of the voices to count
Group = Mapping[tuple[int, int], Sequence[bytes]]
Others = dict[bytes, NotNew]


class VoiceWriter(Protocol):
    """Commits one group at a time."""

    async def open(self) -> None: ...

    async def commit(self, group: Group) -> Others:
        """Count the group's voices durably. Whatever is not in the answer is new; an id that is in the group twice
        is one voice.

        Raises StorageUnavailable: nothing of the group is known to be stored, and it may be sent again. Then what the
        first attempt had stored is known, and so it is where a broken connection made the writer itself try again.
        """
        ...

    async def close(self) -> None: ...


def voice_writer(database: Database) -> VoiceWriter:
    return SqliteVoiceWriter(database.sqlite_path) if database.is_sqlite else PostgresVoiceWriter(database.libpq_url)


# A group as one blob of records: 16 bytes id, 1 digit kind, 8 digits call.
_SQLITE_RECORD = 25
_SQLITE_GIVEN = f"""
WITH RECURSIVE place (at) AS (
    SELECT 1 UNION ALL SELECT at + {_SQLITE_RECORD} FROM place WHERE at + {_SQLITE_RECORD} < length(:group)
), given (call_id, id, kind) AS (
    SELECT CAST(CAST(substr(:group, at + 17, 8) AS TEXT) AS INTEGER), substr(:group, at, 16),
           CAST(CAST(substr(:group, at + 16, 1) AS TEXT) AS INTEGER)
    FROM place
)
"""  # noqa: S608
# All of it is new, or it fails and stores nothing: an id that is there, or the null of a call that takes no voices,
# breaks the primary key. So who is new is known without asking, as nearly always.
_SQLITE_COMMIT = f"""
INSERT INTO voice (call_id, id, kind) {_SQLITE_GIVEN}
SELECT call.id, given.id, given.kind FROM given
LEFT JOIN call ON call.id = given.call_id AND call.closed_on IS NULL
"""  # noqa: S608
# Each with its kind, in one row: for each row the thread would wait for the interpreter's lock.
_SQLITE_OTHERS = f"""
{_SQLITE_GIVEN}
SELECT group_concat(hex(given.id) || coalesce(voice.kind, '-')) FROM given
LEFT JOIN call ON call.id = given.call_id AND call.closed_on IS NULL
LEFT JOIN voice ON voice.call_id = given.call_id AND voice.id = given.id
WHERE call.id IS NULL OR voice.id IS NOT NULL
"""  # noqa: S608
_SQLITE_COMMIT_REST = f"""
INSERT INTO voice (call_id, id, kind) {_SQLITE_GIVEN}
SELECT given.call_id, given.id, given.kind FROM given
JOIN call ON call.id = given.call_id AND call.closed_on IS NULL WHERE true
ON CONFLICT DO NOTHING
"""  # noqa: S608
# Counts in the same statement what it inserted; temporary, so that it fires in this connection alone.
_SQLITE_COUNT = """
CREATE TEMP TRIGGER count_voice AFTER INSERT ON main.voice BEGIN
    INSERT INTO tally (call_id, kind, shard, number) VALUES (new.call_id, new.kind, 0, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END
"""


class SqliteVoiceWriter:
    """One connection in one thread. A group is one statement that commits by itself: each statement more would make
    the thread wait for the interpreter's lock once more, which costs more than the statement."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice-writer")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._run(self._connect)

    async def commit(self, group: Group) -> Others:
        return await self._run(lambda: self._commit(group))

    async def close(self) -> None:
        await self._run(self._disconnect)
        self._thread.shutdown()

    async def _run(self, step: Callable[[], T]) -> T:
        with engine_faults():
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_SECONDS)
        for pragma in (*SQLITE_PRAGMAS, "cache_size = -16384"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(_SQLITE_COUNT)
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, group: Group) -> Others:
        connection = self._connection or self._connect()
        tails = {key: b"%d%08d" % (key[1], key[0]) for key in group}
        given = {"group": b"".join([id + tails[key] for key, ids in group.items() for id in ids])}
        if not given["group"]:
            return {}
        with suppress(sqlite3.IntegrityError):
            connection.execute(_SQLITE_COMMIT, given)
            return {}
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            others: str | None = connection.execute(_SQLITE_OTHERS, given).fetchone()[0]
            connection.execute(_SQLITE_COMMIT_REST, given)
        found = ((bytes.fromhex(each[:32]), each[32:]) for each in (others.split(",") if others else ()))
        return {id: _not_new(None if kind == "-" else int(kind)) for id, kind in found}


_POSTGRES_COMMIT = """
WITH given AS (
    SELECT * FROM unnest($1::int[], $2::smallint[], $3::bytea[]) AS given (call_id, kind, id)
), placed AS (
    INSERT INTO voice (call_id, kind, id)
    SELECT given.call_id, given.kind, given.id FROM given
    JOIN call ON call.id = given.call_id AND call.closed_on IS NULL
    ORDER BY given.id
    ON CONFLICT DO NOTHING RETURNING call_id, kind, id
), counted AS (
    INSERT INTO tally (call_id, kind, shard, number)
    SELECT call_id, kind, $4, count(*) FROM placed GROUP BY call_id, kind ORDER BY call_id, kind
    ON CONFLICT (call_id, kind, shard) DO UPDATE SET number = tally.number + excluded.number
)
SELECT CASE WHEN count(*) < cardinality($3::bytea[]) THEN coalesce(array_agg(id), '{}') END FROM placed
"""
_POSTGRES_KINDS = "SELECT call_id, id, kind FROM voice WHERE call_id = ANY($1::int[]) AND id = ANY($2::bytea[])"


class PostgresVoiceWriter:
    """One connection. A group is one statement, so that it is also one round trip and one commit.

    Ids are inserted in order, and tallies are raised in order: two writers whose groups share ids, or who share a
    shard, then wait for each other one way only.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._shard = secrets.randbelow(SHARDS)

    async def open(self) -> None:
        with engine_faults():
            await self._connect()

    async def commit(self, group: Group) -> Others:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RETRY_SECONDS
        pause = 0.05
        while True:
            try:
                with engine_faults():
                    return await self._commit(group)
            except StorageUnavailable:
                self._forget()
                if loop.time() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.close(timeout=CONNECT_SECONDS)
        except ENGINE_ERRORS:
            # All that was given is written. Who does not say goodbye must not keep the server from ending well.
            connection.terminate()

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        # Said here and not left to the server's configuration: accepted means on disk.
        settings = {"synchronous_commit": "on", "application_name": "notalone voices"}
        self._connection = await asyncpg.connect(
            self._url, server_settings=settings, timeout=CONNECT_SECONDS, command_timeout=RETRY_SECONDS
        )
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _commit(self, group: Group) -> Others:
        connection = self._connection or await self._connect()
        calls: list[int] = []
        kinds: list[int] = []
        all_ids: list[bytes] = []
        for (call_id, kind), ids in group.items():
            calls += [call_id] * len(ids)
            kinds += [kind] * len(ids)
            all_ids += ids
        new = await connection.fetchval(_POSTGRES_COMMIT, calls, kinds, all_ids, self._shard)
        if new is None:
            return {}
        others = list(set(all_ids).difference(new))
        rows = await connection.fetch(_POSTGRES_KINDS, list({call for call, _ in group}), others)
        found = {row["id"]: row["kind"] for row in rows}
        return {id: _not_new(found.get(id)) for id in others}


def _not_new(kind: int | None) -> NotNew:
    """Of an id that was not placed, by what is stored of it."""
    if kind is None:
        return NotNew.CALL_CLOSED
    return NotNew.WITHDRAWN if kind == WITHDRAWN else NotNew.KNOWN


async def hold_writers(connection: Connection) -> None:
    """Let those who take voices wait, as long as their patience lasts, until this transaction ends; readers go on.

    In the order in which the group commit takes its locks, or the two would wait for each other.
    """
    if connection.dialect.name == "postgresql":
        # Not a weaker one: a withdrawal locks its row before it writes, and would then hold what is needed here.
        await connection.execute(text("LOCK TABLE voice, tally IN EXCLUSIVE MODE"))


async def withdraw(connection: Connection, call_id: int, id: bytes) -> int | None:
    """Take a voice back; its row stays as a mark, so that a reloaded form does not count it again.

    Returns what it was: a kind, or WITHDRAWN when it was withdrawn before, or None where no such voice is.
    """
    its_row = and_(voice.c.call_id == call_id, voice.c.id == id)
    kind: int | None = await connection.scalar(select(voice.c.kind).where(its_row).with_for_update())
    if kind is not None and kind != WITHDRAWN:
        await connection.execute(update(voice).where(its_row).values(kind=WITHDRAWN))
        await connection.execute(_COUNT_WITHDRAWAL, {"call": call_id, "kind": kind})
    return kind


_COUNT_WITHDRAWAL = text("""
INSERT INTO tally (call_id, kind, shard, number) VALUES (:call, :kind, 0, -1)
ON CONFLICT (call_id, kind, shard) DO UPDATE SET number = tally.number - 1
""")


async def kind_of(connection: Connection, call_id: int, id: bytes) -> int | None:
    """What a voice says; WITHDRAWN; None where there is none."""
    kind: int | None = await connection.scalar(select(voice.c.kind).where(voice.c.call_id == call_id, voice.c.id == id))
    return kind


async def kinds_of(connection: Connection, some: Iterable[tuple[int, bytes]]) -> Kinds:
    """Of those of the (call id, voice id) pairs that are stored."""
    pairs = list(some)
    found: Kinds = {}
    for at in range(0, len(pairs), KEYS):
        chunk = tuple_(voice.c.call_id, voice.c.id).in_(pairs[at : at + KEYS])
        rows = await connection.execute(select(voice.c.call_id, voice.c.id, voice.c.kind).where(chunk))
        found.update({(call_id, id): kind for call_id, id, kind in rows})
    return found
