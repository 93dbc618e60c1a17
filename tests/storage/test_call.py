# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
from datetime import date

import pytest

from notalone.storage import call as stored
from notalone.storage.database import Database, StorageUnavailable

DAY, NEXT_DAY = date(2031, 5, 4), date(2031, 5, 5)


async def test_a_call_is_kept_as_it_was_added(database: Database) -> None:
    async with database.write() as connection:
        assert await stored.find(connection, "metoo") is None
        first = await stored.add(connection, "metoo", b"s" * 16, DAY)
        second = await stored.add(connection, "a-call-with-a-name-of-forty-characters-0", b"\0" * 16, DAY)
    async with database.read() as connection:
        calls = await stored.read_all(connection)
        assert await stored.revisions(connection) == (2, 2)
    assert calls[0] == stored.StoredCall(first, "metoo", b"s" * 16, DAY, None, 1)
    assert calls[1].salt == b"\0" * 16
    assert [each.id for each in calls] == [first, second]


async def test_without_calls_there_are_no_revisions(database: Database) -> None:
    async with database.read() as connection:
        assert await stored.revisions(connection) == (0, 0)
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
        await stored.touch(connection, call)
        await stored.close(connection, call, NEXT_DAY)
        found = await stored.find(connection, "metoo")
    assert found == stored.StoredCall(call, "metoo", b"s" * 16, DAY, NEXT_DAY, 2)


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
