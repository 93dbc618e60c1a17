# SPDX-License-Identifier: AGPL-3.0-or-later
"""The group commit when the database fails it: full, locked, gone, or cut off between the commit and its answer."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from notalone.storage import voice as stored
from notalone.storage.database import Database, StorageUnavailable
from notalone.storage.voice import NotNew, PostgresVoiceWriter, SqliteVoiceWriter
from tests.postgres import Cluster
from tests.storage.contents import add_call, assert_tally_agrees, close_call, tally

ME_TOO, STAND = 1, 2
ids = [bytes([n // 256, n % 256]) * 8 for n in range(4000)]


@pytest.fixture
async def sqlite(make_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with upgraded(make_url("sqlite")) as database:
        yield database


@pytest.fixture
async def postgresql(make_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with upgraded(make_url("postgresql")) as database:
        yield database


@asynccontextmanager
async def upgraded(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.upgrade()
    yield database
    await database.close()


# ---- SQLite ----


async def test_on_a_full_disk_nothing_is_half_written_and_later_the_same_voices_are_taken(sqlite: Database) -> None:
    call = await add_call(sqlite, "one")
    writer = SqliteVoiceWriter(sqlite.sqlite_path)
    await writer.open()
    assert await writer.commit({(call, ME_TOO): ids[:10]}) == {}
    pages = await limit_pages(writer, 1)  # SQLite takes this for: no more than there are
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="full"):
            await writer.commit({(call, ME_TOO): ids[5:2000], (call, STAND): ids[2000:2010]})
        assert await tally(sqlite) == {(call, ME_TOO): 10}
        assert len(await assert_tally_agrees(sqlite)) == 10
    await limit_pages(writer, pages + 10_000)
    group = {(call, ME_TOO): ids[5:2000], (call, STAND): ids[2000:2010]}
    assert await writer.commit(group) == dict.fromkeys(ids[5:10], NotNew.KNOWN)
    assert await tally(sqlite) == {(call, ME_TOO): 2000, (call, STAND): 10}
    await assert_tally_agrees(sqlite)
    await writer.close()


async def limit_pages(writer: SqliteVoiceWriter, pages: int) -> int:
    connection = writer._connection
    assert connection is not None
    return int(await writer._run(lambda: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()[0]))


async def test_a_writer_waits_for_another_process_and_then_says_that_it_cannot(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "BUSY_SECONDS", 0.2)
    call = await add_call(sqlite, "one")
    writer = SqliteVoiceWriter(sqlite.sqlite_path)
    await writer.open()
    other = sqlite3.connect(sqlite.sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked"):
        await writer.commit({(call, ME_TOO): ids[:3]})
    commit = asyncio.create_task(writer.commit({(call, ME_TOO): ids[:3]}))
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    other.close()
    assert await commit == {}
    assert await tally(sqlite) == {(call, ME_TOO): 3}
    await writer.close()


async def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    writer = SqliteVoiceWriter(str(tmp_path / "no such folder" / "voices.db"))
    with pytest.raises(StorageUnavailable):
        await writer.open()
    with pytest.raises(StorageUnavailable):
        await writer.commit({(1, ME_TOO): ids[:1]})
    await writer.close()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "voices.db"
    file.write_bytes(b"this is not a database, but something else altogether" * 100)
    writer = SqliteVoiceWriter(str(file))
    with pytest.raises(StorageUnavailable, match="not a database"):
        await writer.open()
    await writer.close()
    assert file.read_bytes().startswith(b"this is not")


# ---- PostgreSQL ----


# BindComplete, then anything, then ReadyForQuery outside a transaction: a statement was executed, and it is committed.
COMMITTED = re.compile(rb"2\x00\x00\x00\x04.*Z\x00\x00\x00\x05I", re.DOTALL)


class Between:
    """Stands between a writer and PostgreSQL, and cuts the line when told."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._there = cluster.folder / ".s.PGSQL.5432"
        self._here = folder / ".s.PGSQL.5432"
        self._lines: set[asyncio.Task[None]] = set()
        self.folder = folder
        self.cuts_at: Callable[[bytes], bool] = lambda _: False
        self.cuts = 0
        self.was_cut = asyncio.Event()
        self.refusing = False
        self.refused = 0

    def cut_first_answer(self) -> None:
        """Let the next group be committed, and keep the answer back."""
        self.cuts_at = lambda data: self.cuts == 0 and COMMITTED.search(data) is not None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._take_line, self._here)
        try:
            yield
        finally:
            server.close()
            for line in self._lines:
                line.cancel()
            await asyncio.gather(*self._lines, return_exceptions=True)

    def _take_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._pass_on(reader, writer))
        self._lines.add(line)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.refusing:
            far_reader, far_writer = await asyncio.open_unix_connection(self._there)
            copying = [
                asyncio.create_task(self._copy(reader, far_writer, answers=False)),
                asyncio.create_task(self._copy(far_reader, writer, answers=True)),
            ]
            await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
            for task in copying:
                task.cancel()
            await asyncio.gather(*copying, return_exceptions=True)
            await hang_up(far_writer)
        else:
            self.refused += 1
        await hang_up(writer)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(65536):
            if answers and self.cuts_at(data):
                self.cuts += 1
                self.was_cut.set()
                return
            target.write(data)
            await target.drain()


async def hang_up(line: asyncio.StreamWriter) -> None:
    line.close()
    with suppress(OSError):
        await line.wait_closed()


@pytest.fixture
async def between(postgres: Cluster, tmp_path: Path) -> AsyncIterator[Between]:
    middle = Between(postgres, tmp_path)
    async with middle.listening():
        yield middle


def through(middle: Between, database: Database) -> PostgresVoiceWriter:
    return PostgresVoiceWriter(f"postgresql://notalone@/{database.url.database}?host={middle.folder}")


async def test_cut_off_after_the_commit_a_retry_finds_its_own_voices(postgresql: Database, between: Between) -> None:
    """The hardest case: all was stored, and the answer was lost. The same ids come again and count once."""
    call = await add_call(postgresql, "one")
    writer = through(between, postgresql)
    await writer.open()
    assert await writer.commit({(call, ME_TOO): ids[:3]}) == {}
    between.cut_first_answer()
    others = await writer.commit({(call, ME_TOO): ids[2:9], (call, STAND): ids[10:12]})
    assert others == dict.fromkeys([*ids[2:9], *ids[10:12]], NotNew.KNOWN)
    assert between.cuts == 1
    assert await tally(postgresql) == {(call, ME_TOO): 9, (call, STAND): 2}
    assert len(await assert_tally_agrees(postgresql)) == 11
    await writer.close()


async def test_cut_off_after_the_commit_and_closed_meanwhile(postgresql: Database, between: Between) -> None:
    call = await add_call(postgresql, "one")
    writer = through(between, postgresql)
    await writer.open()
    assert await writer.commit({(call, STAND): ids[9:10]}) == {}
    between.cut_first_answer()
    commit = asyncio.create_task(writer.commit({(call, ME_TOO): ids[:4]}))
    await between.was_cut.wait()
    between.refusing = True
    await close_call(postgresql, call)
    between.refusing = False
    assert await commit == dict.fromkeys(ids[:4], NotNew.KNOWN)
    assert await writer.commit({(call, ME_TOO): ids[3:5]}) == {ids[3]: NotNew.KNOWN, ids[4]: NotNew.CALL_CLOSED}
    assert await tally(postgresql) == {(call, ME_TOO): 4, (call, STAND): 1}
    await writer.close()


async def test_cut_off_many_times_in_every_place(postgresql: Database, between: Between) -> None:
    call = await add_call(postgresql, "one")
    writer = through(between, postgresql)
    await writer.open()
    for n in range(12):
        answers = 0

        def cut(_: bytes, at: int = n % 4 + 1) -> bool:
            nonlocal answers
            answers += 1
            return answers == at

        between.cuts_at = cut
        others = await writer.commit({(call, ME_TOO): ids[n * 10 : n * 10 + 15]})
        assert set(others.values()) <= {NotNew.KNOWN}
    assert between.cuts >= 6
    assert await tally(postgresql) == {(call, ME_TOO): 125}
    await assert_tally_agrees(postgresql)
    await writer.close()


async def test_a_backend_killed_in_mid_load(postgresql: Database, postgres: Cluster) -> None:
    call = await add_call(postgresql, "one")
    writer = PostgresVoiceWriter(postgresql.libpq_url)
    await writer.open()

    async def kill() -> None:
        killer = await asyncpg.connect(postgresql.libpq_url)
        for _ in range(5):
            await asyncio.sleep(0.03)
            await killer.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notalone voices'"
            )
        await killer.close()

    killing = asyncio.create_task(kill())
    n = 0
    while not killing.done():
        others = await writer.commit({(call, ME_TOO): ids[n * 10 : n * 10 + 12]})
        assert set(others.values()) <= {NotNew.KNOWN}
        n += 1
    await killing
    assert len(await assert_tally_agrees(postgresql)) == len(set(ids[: n * 10 + 2]))
    await writer.close()


async def test_a_database_that_stays_away_is_given_up_after_a_while(
    postgresql: Database, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "RETRY_SECONDS", 1.0)
    call = await add_call(postgresql, "one")
    writer = through(between, postgresql)
    await writer.open()
    between.refusing, between.cuts_at = True, lambda _: True
    with pytest.raises(StorageUnavailable):
        async with asyncio.timeout(60):
            await writer.commit({(call, ME_TOO): ids[:4]})
    assert between.refused > 1
    between.refusing, between.cuts_at = False, lambda _: False
    assert await writer.commit({(call, ME_TOO): ids[:4]}) == {}
    assert len(await assert_tally_agrees(postgresql)) == 4
    await writer.close()


async def test_a_backend_that_no_longer_answers_keeps_no_server_from_ending(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "CONNECT_SECONDS", 0.2)
    writer = PostgresVoiceWriter(postgresql.libpq_url)
    await writer.open()
    assert writer._connection is not None
    backend = writer._connection.get_server_pid()
    os.kill(backend, signal.SIGSTOP)
    try:
        async with asyncio.timeout(60):
            await writer.close()
    finally:
        os.kill(backend, signal.SIGCONT)
    await writer.close()


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    writer = PostgresVoiceWriter(f"postgresql://notalone@/nothing?host={tmp_path}")
    with pytest.raises(StorageUnavailable):
        await writer.open()
    await writer.close()


async def test_a_database_whose_address_is_wrong_is_unavailable_too(postgres: Cluster) -> None:
    database = Database(postgres.url("nothing"))
    with pytest.raises(StorageUnavailable, match="does not exist"):
        await database.upgrade()
    await database.close()
