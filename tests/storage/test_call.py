# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
from datetime import date

import pytest
from sqlalchemy import delete, insert, select

from notalone.storage import call as stored
from notalone.storage.database import Database, StorageUnavailable
from notalone.storage.schema import metadata
from tests.storage.populated import POPULATED

DAY, NEXT_DAY = date(2031, 5, 4), date(2031, 5, 5)


async def test_a_call_is_kept_as_it_was_added(database: Database) -> None:
    async with database.write() as connection:
        assert await stored.find(connection, "metoo") is None
        first = await stored.add(connection, "metoo", b"s" * 16, DAY)
        second = await stored.add(connection, "a-call-with-a-name-of-forty-characters-0", b"\0" * 16, DAY)
    async with database.read() as connection:
        calls = await stored.read_all(connection)
        changes = calls[0].revision + calls[1].revision
        assert await stored.revisions(connection) == (2, second, changes)
    assert calls[0] == stored.StoredCall(first, "metoo", b"s" * 16, DAY, None, calls[0].revision)
    assert calls[1].salt == b"\0" * 16
    assert [each.id for each in calls] == [first, second]


async def test_without_calls_there_are_no_revisions(database: Database) -> None:
    async with database.read() as connection:
        assert await stored.revisions(connection) == (0, 0, 0)
        assert await stored.read_all(connection) == []


async def test_texts_are_replaced_together(database: Database) -> None:
    async with database.write() as connection:
        call = await stored.add(connection, "metoo", b"s" * 16, DAY)
        other = await stored.add(connection, "other", b"t" * 16, DAY)
        await stored.write_texts(connection, call, {"en": "one", "ar": "واحد", "zh-Hant": "一"})
        await stored.write_texts(connection, other, {"en": "other"})
        await stored.write_texts(connection, call, {"en": "two", "es": "dos"})
        assert await stored.read_texts(connection, call) == {"en": "two", "es": "dos"}
        assert await stored.read_texts(connection, other) == {"en": "other"}


async def test_closing_and_touching(database: Database) -> None:
    async with database.write() as connection:
        call = await stored.add(connection, "metoo", b"s" * 16, DAY)
        added = await stored.find(connection, "metoo")
        assert added is not None
        await stored.touch(connection, call)
        await stored.close(connection, call, NEXT_DAY)
        found = await stored.find(connection, "metoo")
    assert found == stored.StoredCall(call, "metoo", b"s" * 16, DAY, NEXT_DAY, added.revision + 1)


async def test_a_removed_call_leaves_nothing_and_the_others_everything(database: Database) -> None:
    *_, newest = POPULATED.values()
    async with database.write() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(delete(table))
            await connection.execute(insert(table), newest[table.name])
        assert await stored.remove(connection, 1) == 6  # and one that was withdrawn
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            rows = (await connection.execute(select(table))).mappings()
            its_call = "id" if table.name == "call" else "call_id"
            kept = [row for row in newest[table.name] if row.get(its_call) != 1]
            assert sorted(map(dict, rows), key=str) == sorted(kept, key=str)


async def test_the_id_of_a_removed_call_is_never_used_again(database: Database) -> None:
    ids = []
    for _ in range(3):
        async with database.write() as connection:
            ids.append(await stored.add(connection, "metoo", b"s" * 16, DAY))
            await stored.remove(connection, ids[-1])
    assert len(set(ids)) == 3


async def test_a_call_of_an_old_name_has_another_revision(database: Database) -> None:
    """Pages that a worker keeps go by name and revision."""
    revisions = set()
    for _ in range(3):
        async with database.write() as connection:
            call = await stored.add(connection, "metoo", b"s" * 16, DAY)
            found = await stored.find(connection, "metoo")
            await stored.remove(connection, call)
        assert found is not None
        revisions.add(found.revision)
    assert len(revisions) == 3


async def test_two_calls_cannot_have_one_name(database_url: str, database: Database) -> None:
    """Loaded by two at once, it is there for the second when she tries again."""
    other = Database(database_url)

    async def add(slowly: float = 0) -> None:
        async with (other if slowly else database).write() as connection:
            await stored.add(connection, "metoo", b"s" * 16, DAY)
            await asyncio.sleep(slowly)

    slow = asyncio.create_task(add(slowly=0.2))
    await asyncio.sleep(0.05)
    with pytest.raises(StorageUnavailable, match="another process"):
        await add()
    await slow
    async with database.read() as connection:
        assert len(await stored.read_all(connection)) == 1
    await other.close()
