# SPDX-License-Identifier: AGPL-3.0-or-later
"""Restores where there is another call of the same name: it is left alone, or replaced if it was not used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from notalone.protocol.voice import Kind
from notalone.services.backup import UnusableBackup, back_up, restore
from notalone.services.platform import Platform, StorageUnavailable
from notalone.services.voice import CallClosed
from notalone.storage import magnitude
from tests.conftest import TEXT, Clock, fresh_nonce
from tests.services.deployments import Deployments, Person, contents, populate
from tests.storage.contents import assert_tally_agrees, tally

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU


async def test_another_call_of_that_name_with_voices_is_not_mixed_in(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await populate(one, clock)
        await back_up(one, file)
        await two.calls.load("our-town", {"en": TEXT})
        await Person("our-town", ME_TOO).gives(two)
        before = await contents(two.database)
        with pytest.raises(UnusableBackup, match="our-town"):
            await restore(two, file, [])
        assert await contents(two.database) == before


@asynccontextmanager
async def loaded_before_restored(
    deployments: Deployments, engine: str, file: Path
) -> AsyncIterator[tuple[Platform, Person]]:
    """The new machine's operator loaded the bundle, and its server is up, before she restores the backup of the old
    one. And somebody who gave her voice on the old one."""
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        person = await Person("metoo", ME_TOO).gives(one)
        await back_up(one, file)
        for slug in ("before", "metoo"):
            await two.calls.load(slug, {"en": TEXT})
        yield two, person


async def test_another_call_of_that_name_without_voices_becomes_the_one_of_the_backup(
    deployments: Deployments, engine: str, file: Path
) -> None:
    """The codes that people kept must work."""
    async with loaded_before_restored(deployments, engine, file) as (two, person):
        await restore(two, file, [])
        once = await contents(two.database)
        await restore(two, file, [])
        assert await contents(two.database) == once
        await two.calls.refresh()
        assert [call.slug for call in two.calls.all()] == ["before", "metoo"]
        assert two.calls.get("metoo").texts
        assert await person.withdraws(two)


async def test_a_worker_that_knows_the_replaced_call_gives_out_no_codes_of_it(
    deployments: Deployments, engine: str, file: Path
) -> None:
    """They would withdraw nothing. It hears that the call is closed, looks again, and the same form is taken."""
    async with loaded_before_restored(deployments, engine, file) as (two, _):
        stale, nonce = two.calls.get("metoo"), fresh_nonce()
        await restore(two, file, [])
        await two.calls.load("after", {"en": TEXT})  # which would get the highest id that is free
        with pytest.raises(CallClosed):
            await two.voices.give(stale, nonce, STAND)
        await two.calls.refresh()
        call = two.calls.get("metoo")
        assert call.open
        assert len({each.id for each in two.calls.all()} | {stale.id}) == 4
        code = await two.voices.give(call, nonce, STAND)
        assert await tally(two.database) == {(call.id, ME_TOO): 1, (call.id, STAND): 1}
        assert await two.voices.withdraw(call, code)
        assert {call_id for call_id, _ in await assert_tally_agrees(two.database)} == {call.id}


async def test_who_taps_while_the_call_is_replaced_gets_no_code_of_the_other(
    deployments: Deployments, engine: str, file: Path
) -> None:
    async with loaded_before_restored(deployments, engine, file) as (two, person):
        stale = two.calls.get("metoo")
        taps: list[asyncio.Task[str]] = []

        def tap(*_: object) -> None:
            taps.extend(asyncio.create_task(two.voices.give(stale, fresh_nonce(), ME_TOO)) for _ in range(10))

        await restore(two, file, [], tap)
        answers = await asyncio.gather(*taps, return_exceptions=True)
        assert len(answers) == 30
        assert all(isinstance(answer, CallClosed) for answer in answers)
        await two.calls.refresh()
        assert await assert_tally_agrees(two.database) == {person.id(two): ME_TOO}


async def test_a_call_that_is_loaded_while_it_is_replaced_is_loaded_after_it(
    deployments: Deployments, engine: str, file: Path
) -> None:
    async with loaded_before_restored(deployments, engine, file) as (two, person):
        newer = {"en": TEXT.replace("A call", "Newer words")}
        loads: list[asyncio.Task[str]] = []

        async def load() -> str:
            with suppress(StorageUnavailable):  # its operator is told to try again
                return await two.calls.load("metoo", newer)
            return await two.calls.load("metoo", newer)

        def begin(table: str, *_: object) -> None:
            if table == "call_text":
                loads.append(asyncio.create_task(load()))

        await restore(two, file, [], begin)
        assert [await each for each in loads] == ["changed"]
        assert two.calls.get("metoo").text("en").title == "Newer words"
        assert await person.withdraws(two)


async def test_published_numbers_are_of_one_call_only(deployments: Deployments, engine: str, file: Path) -> None:
    async with loaded_before_restored(deployments, engine, file) as (two, _):
        async with two.database.write() as connection:
            await magnitude.add_releases(connection, 600, {(two.calls.get("metoo").id, 1): 60})
        before = await contents(two.database)
        with pytest.raises(UnusableBackup, match="published"):
            await restore(two, file, [])
        assert await contents(two.database) == before
