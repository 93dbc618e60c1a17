# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from notalone.protocol.voice import Kind, code_for, id_for, read_code, written
from notalone.services import voice as services_voice
from notalone.services.call import Call
from notalone.services.pace import WINDOW_SECONDS, Pace
from notalone.services.platform import Platform
from notalone.services.voice import (
    GROUP,
    WITHDRAWALS,
    CallClosed,
    UnknownCode,
    Voices,
    VoiceWithdrawn,
    WriterFailed,
)
from notalone.storage import journal
from notalone.storage import voice as stored
from notalone.storage.database import Connection, Database, StorageUnavailable
from notalone.storage.voice import Group, Others, voice_writer
from tests.conftest import TEXT, Clock, fresh_nonce
from tests.storage.contents import assert_tally_agrees, tally

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU


@pytest.fixture
def call(platform: Platform) -> Call:
    return platform.calls.get("metoo")


# ---- giving ----


async def test_a_voice_is_counted_and_its_code_is_hers(platform: Platform, call: Call) -> None:
    nonce = fresh_nonce()
    code = await platform.voices.give(call, nonce, ME_TOO)
    assert code == code_for(call.salt, nonce, ME_TOO)
    assert await assert_tally_agrees(platform.database) == {(call.id, id_for(call.salt, code)): ME_TOO}


async def test_a_double_tap_and_a_reload_are_one_voice(platform: Platform, call: Call) -> None:
    nonce = fresh_nonce()
    codes = await asyncio.gather(*(platform.voices.give(call, nonce, STAND) for _ in range(5)))
    codes.append(await platform.voices.give(call, nonce, STAND))
    assert len(set(codes)) == 1
    assert await tally(platform.database) == {(call.id, STAND): 1}


async def test_both_kinds_from_one_form_are_two_voices(platform: Platform, call: Call) -> None:
    nonce = fresh_nonce()
    assert await platform.voices.give(call, nonce, ME_TOO) != await platform.voices.give(call, nonce, STAND)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1, (call.id, STAND): 1}


async def test_one_form_sent_to_two_calls_is_two_voices(platform: Platform, call: Call) -> None:
    await platform.calls.load("other", {"en": TEXT})
    other, nonce = platform.calls.get("other"), fresh_nonce()
    codes = await asyncio.gather(*(platform.voices.give(each, nonce, ME_TOO) for each in (call, other)))
    assert len(set(codes)) == 2
    assert await tally(platform.database) == {(call.id, ME_TOO): 1, (other.id, ME_TOO): 1}


async def test_a_crowd_with_retries_in_every_group(platform: Platform, call: Call) -> None:
    people = [(fresh_nonce(), kind) for _ in range(1300) for kind in Kind]
    taps = [*people, *people[::3], *people[::-7]]
    codes = await asyncio.gather(*(platform.voices.give(call, nonce, kind) for nonce, kind in taps))
    assert len(set(codes)) == len(people)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1300, (call.id, STAND): 1300}
    assert len(await assert_tally_agrees(platform.database)) == 2600


async def test_a_visitor_who_goes_away_is_counted_and_disturbs_nobody(
    platform: Platform, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "crowded", True)
    taps = [asyncio.create_task(platform.voices.give(call, fresh_nonce(), ME_TOO)) for _ in range(20)]
    await asyncio.sleep(0)
    for tap in taps[::2]:
        tap.cancel()
    answers = await asyncio.gather(*taps, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 10
    await platform.voices.give(call, fresh_nonce(), ME_TOO)
    assert await tally(platform.database) == {(call.id, ME_TOO): 21}


async def test_a_closed_call_takes_no_voice_and_a_retry_is_still_answered(platform: Platform, call: Call) -> None:
    before, after = fresh_nonce(), fresh_nonce()
    code = await platform.voices.give(call, before, ME_TOO)
    await platform.calls.close("metoo")
    with pytest.raises(CallClosed):
        await platform.voices.give(call, after, ME_TOO)  # by a worker that has not noticed yet
    assert await platform.voices.give(call, before, ME_TOO) == code
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}


async def test_closing_in_mid_crowd_refuses_only_who_came_after(platform: Platform, call: Call) -> None:
    await platform.calls.load("other", {"en": TEXT})
    other = platform.calls.get("other")

    async def crowd(each: Call) -> list[str | BaseException]:
        taps = []
        for n in range(400):
            taps.append(asyncio.create_task(platform.voices.give(each, fresh_nonce(), ME_TOO)))
            if n % 10 == 0:
                await asyncio.sleep(0.001)
        return await asyncio.gather(*taps, return_exceptions=True)

    closed, open_, _ = await asyncio.gather(crowd(call), crowd(other), platform.calls.close("metoo"))
    assert all(isinstance(answer, str) for answer in open_)
    assert all(isinstance(answer, str | CallClosed) for answer in closed)
    counted = sum(isinstance(answer, str) for answer in closed)
    assert counted < 400
    assert await tally(platform.database) == {
        key: n for key, n in {(call.id, ME_TOO): counted, (other.id, ME_TOO): 400}.items() if n
    }


# ---- withdrawing ----


async def test_a_voice_is_taken_back_with_its_code(platform: Platform, call: Call) -> None:
    nonce = fresh_nonce()
    code = await platform.voices.give(call, nonce, STAND)
    assert await platform.voices.withdraw(call, read_code(written(code).lower()))
    assert not await platform.voices.withdraw(call, code)
    assert await tally(platform.database) == {}
    assert journal.read(platform.settings.withdrawals) == {("metoo", id_for(call.salt, code))}
    with pytest.raises(VoiceWithdrawn):
        await platform.voices.give(call, nonce, STAND)
    await platform.voices.give(call, nonce, ME_TOO)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}


async def test_a_code_of_nobody_changes_nothing(platform: Platform, call: Call) -> None:
    await platform.calls.load("other", {"en": TEXT})
    other, nonce = platform.calls.get("other"), fresh_nonce()
    code = await platform.voices.give(call, nonce, ME_TOO)
    for each, wrong in ((call, "0" * 18), (other, code), (call, code_for(call.salt, nonce, STAND))):
        with pytest.raises(UnknownCode):
            await platform.voices.withdraw(each, wrong)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}
    assert not platform.settings.withdrawals.exists()


async def test_a_voice_of_a_closed_call_can_still_be_taken_back(platform: Platform, call: Call) -> None:
    code = await platform.voices.give(call, fresh_nonce(), ME_TOO)
    await platform.calls.close("metoo")
    assert await platform.voices.withdraw(platform.calls.get("metoo"), code)
    assert await tally(platform.database) == {}


async def test_taken_back_many_times_at_once_it_counts_once(platform: Platform, call: Call) -> None:
    codes = [await platform.voices.give(call, fresh_nonce(), ME_TOO) for _ in range(3)]
    answers = await asyncio.gather(*(platform.voices.withdraw(call, codes[n % 2]) for n in range(12)))
    assert sum(answers) == 2
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}
    await assert_tally_agrees(platform.database)


async def test_without_a_journal_a_voice_is_not_taken_back(platform: Platform, call: Call) -> None:
    """A restore would bring it back: better to say now that it could not be done."""
    code = await platform.voices.give(call, fresh_nonce(), ME_TOO)
    platform.settings.withdrawals.mkdir()
    with pytest.raises(StorageUnavailable):
        await platform.voices.withdraw(call, code)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}
    platform.settings.withdrawals.rmdir()
    assert await platform.voices.withdraw(call, code)


@asynccontextmanager
async def unwritable(_: Database) -> AsyncIterator[Connection]:
    raise StorageUnavailable("read only")
    yield


async def test_a_withdrawal_whose_database_failed_can_be_sent_again(
    platform: Platform, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await platform.voices.give(call, fresh_nonce(), ME_TOO)
    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", unwritable)
        with pytest.raises(StorageUnavailable):
            await platform.voices.withdraw(call, code)
    assert await tally(platform.database) == {(call.id, ME_TOO): 1}
    assert await platform.voices.withdraw(call, code)
    assert await tally(platform.database) == {}


@asynccontextmanager
async def many_withdrawals(
    platform: Platform, call: Call, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """Sixty people at once, and a database that is slow to find their voices until the block ends."""
    codes = await asyncio.gather(*(platform.voices.give(call, fresh_nonce(), ME_TOO) for _ in range(60)))
    kind_of, may_go_on = stored.kind_of, asyncio.Event()

    async def slow(connection: Connection, call_id: int, id: bytes) -> int | None:
        await may_go_on.wait()
        return await kind_of(connection, call_id, id)

    with monkeypatch.context() as patched:
        patched.setattr(stored, "kind_of", slow)
        withdrawals = [asyncio.create_task(platform.voices.withdraw(call, code)) for code in codes]
        await asyncio.sleep(0.1)
        try:
            yield withdrawals
        finally:
            may_go_on.set()
            await asyncio.gather(*withdrawals, return_exceptions=True)


async def test_a_flood_of_withdrawals_does_not_stop_the_count(
    platform: Platform, call: Call, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with many_withdrawals(platform, call, monkeypatch) as withdrawals:
        async with asyncio.timeout(5):
            clock.now += platform.settings.tick
            await asyncio.gather(platform.magnitude.release(), platform.calls.refresh())
        assert platform.magnitude.published(call).kinds["metoo"].number == 60
        assert not any(each.done() for each in withdrawals)
    assert all(each.result() for each in withdrawals)
    assert await tally(platform.database) == {}


async def test_who_waits_too_long_for_other_withdrawals_is_told_to_try_again(
    platform: Platform, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_voice, "WITHDRAWAL_SECONDS", 0.2)
    async with many_withdrawals(platform, call, monkeypatch) as withdrawals:
        # Those who hold a place find their voices only when the block ends.
        refused, waiting = set[asyncio.Task[bool]](), set(withdrawals)
        async with asyncio.timeout(30):
            while len(waiting) > WITHDRAWALS:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                refused |= done
        for each in refused:
            with pytest.raises(StorageUnavailable, match="too many"):
                await each
    assert await tally(platform.database) == {(call.id, ME_TOO): 60 - WITHDRAWALS}


# ---- the writer ----


class Scripted:
    """A writer that does what a test says."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.errors: list[Exception] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def open(self) -> None:
        pass

    async def commit(self, group: Group) -> Others:
        await self.may_go_on.wait()
        self.groups.append(group)
        if self.errors:
            raise self.errors.pop(0)
        return {}

    async def close(self) -> None:
        pass

    def sizes(self) -> list[int]:
        return [sum(map(len, group.values())) for group in self.groups]


class FakeCrowd(Pace):
    """Always."""

    crowded = True


@asynccontextmanager
async def scripted(tmp_path: Path) -> AsyncIterator[tuple[Scripted, Voices]]:
    writer = Scripted()
    database = Database(f"sqlite:///{tmp_path}/unused.db")
    voices = Voices(database, writer, tmp_path / "withdrawals.log", FakeCrowd())
    await voices.start()
    yield writer, voices
    await voices.stop()
    await database.close()


async def test_who_adds_nothing_does_not_wait_for_what_others_write(
    platform: Platform, call: Call, tmp_path: Path
) -> None:
    """Else it would tell, by its time, when somebody taps; and it could be sent for ever."""
    counted, withdrawn, new = fresh_nonce(), fresh_nonce(), fresh_nonce()
    code = await platform.voices.give(call, counted, ME_TOO)
    await platform.voices.withdraw(call, await platform.voices.give(call, withdrawn, ME_TOO))
    writer = Scripted()
    writer.may_go_on.clear()
    voices = Voices(platform.database, writer, tmp_path / "withdrawals.log")
    await voices.start()
    other = asyncio.create_task(voices.give(call, new, ME_TOO))
    async with asyncio.timeout(5):
        assert await voices.give(call, counted, ME_TOO) == code
        with pytest.raises(VoiceWithdrawn):
            await voices.give(call, withdrawn, ME_TOO)
        await platform.calls.close("metoo")
        closed = platform.calls.get("metoo")
        assert await voices.give(closed, counted, ME_TOO) == code
        with pytest.raises(CallClosed):
            await voices.give(closed, fresh_nonce(), ME_TOO)
    assert not other.done()
    writer.may_go_on.set()
    assert await other == code_for(call.salt, new, ME_TOO)
    await voices.stop()
    assert writer.sizes() == [1]


async def test_where_it_cannot_be_looked_up_the_writer_finds_out(
    platform: Platform, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries a broken connection again, and knows a voice that is there."""
    nonce = fresh_nonce()
    code = await platform.voices.give(call, nonce, ME_TOO)

    async def fail(*_: object) -> None:
        raise StorageUnavailable("broken")

    monkeypatch.setattr(stored, "kinds_of", fail)
    assert await platform.voices.give(call, nonce, ME_TOO) == code
    await platform.voices.give(call, fresh_nonce(), ME_TOO)
    await platform.calls.close("metoo")
    with pytest.raises(StorageUnavailable, match="broken"):
        await platform.voices.give(platform.calls.get("metoo"), nonce, ME_TOO)
    assert await tally(platform.database) == {(call.id, ME_TOO): 2}


async def test_a_crowd_is_made_of_new_voices_only(platform: Platform, call: Call, tmp_path: Path) -> None:
    clock = Clock()
    pace = Pace(clock, lambda: 0)
    voices = Voices(platform.database, voice_writer(platform.database), tmp_path / "withdrawals.log", pace)
    await voices.start()
    nonces = [fresh_nonce() for _ in range(100)]
    crowded = []
    for _ in range(3):
        await asyncio.gather(*(voices.give(call, nonce, ME_TOO) for nonce in nonces))
        clock.now += WINDOW_SECONDS
        crowded.append(pace.crowded)
    await voices.stop()
    assert crowded == [True, False, False]


@pytest.fixture
def some_call() -> Call:
    return Call(1, "metoo", bytes(16), 1, True, date(2031, 5, 4), None, {})


async def test_those_who_come_while_a_group_is_written_are_the_next_group(tmp_path: Path, some_call: Call) -> None:
    async with scripted(tmp_path) as (writer, voices):
        writer.may_go_on.clear()
        taps = [asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO)) for _ in range(3)]
        await asyncio.sleep(0.01)
        taps += [asyncio.create_task(voices.give(some_call, fresh_nonce(), kind)) for kind in Kind for _ in range(1700)]
        await asyncio.sleep(0.01)
        writer.may_go_on.set()
        await asyncio.gather(*taps)
        assert writer.sizes() == [3, GROUP, GROUP, GROUP, 400]


async def test_the_answer_comes_after_the_commit(tmp_path: Path, some_call: Call) -> None:
    async with scripted(tmp_path) as (writer, voices):
        writer.may_go_on.clear()
        tap = asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO))
        await asyncio.sleep(0.02)
        assert not tap.done()
        writer.may_go_on.set()
        await tap


async def test_an_outage_is_told_to_all_who_wait_and_the_next_are_taken(tmp_path: Path, some_call: Call) -> None:
    """Groups that each try again for seconds, one after the other, would keep the last visitor for minutes."""
    async with scripted(tmp_path) as (writer, voices):
        writer.may_go_on.clear()
        writer.errors.append(StorageUnavailable("away"))
        taps = [asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO)) for _ in range(5 * GROUP)]
        await asyncio.sleep(0.01)
        writer.may_go_on.set()
        answers = await asyncio.gather(*taps, return_exceptions=True)
        assert all(isinstance(answer, StorageUnavailable) and str(answer) == "away" for answer in answers)
        assert writer.sizes() == [GROUP]
        assert await voices.give(some_call, fresh_nonce(), ME_TOO)


async def test_a_defect_of_the_writer_fails_its_group_only(
    tmp_path: Path, some_call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(tmp_path) as (writer, voices):
        writer.may_go_on.clear()
        writer.errors.append(ZeroDivisionError("a secret"))
        first = asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO))
        await asyncio.sleep(0.01)
        writer.may_go_on.set()
        with pytest.raises(WriterFailed, match="ZeroDivisionError"):
            await first
        assert await second
    assert "the voice writer failed" in caplog.text


async def test_the_operator_is_told_of_an_outage_once_and_of_its_end(
    tmp_path: Path, some_call: Call, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_voice._Outage, "SECONDS", 0)
    async with scripted(tmp_path) as (writer, voices):
        await voices.give(some_call, fresh_nonce(), ME_TOO)
        assert caplog.text == ""
        writer.errors = [StorageUnavailable("out of paper", "buy some")]
        with pytest.raises(StorageUnavailable):
            await voices.give(some_call, fresh_nonce(), ME_TOO)
        assert "voices cannot be stored: out of paper (buy some)" in caplog.text
        await voices.give(some_call, fresh_nonce(), ME_TOO)
        assert caplog.text.endswith("voices are stored again\n")
        caplog.clear()
        monkeypatch.setattr(services_voice._Outage, "SECONDS", 3600)
        writer.errors = [StorageUnavailable("no ink")] * 5
        for _ in range(5):
            with pytest.raises(StorageUnavailable):
                await voices.give(some_call, fresh_nonce(), ME_TOO)
        await voices.give(some_call, fresh_nonce(), ME_TOO)
    assert [record.getMessage() for record in caplog.records] == ["voices cannot be stored: no ink"]


async def test_a_statement_that_the_database_cannot_take_keeps_nobody_waiting(platform: Platform, call: Call) -> None:
    """Not told as an outage either: trying again in a moment would help nobody."""
    async with platform.database.write() as connection:
        await connection.execute(text("ALTER TABLE call RENAME TO mislaid"))
    async with asyncio.timeout(5):
        taps = (platform.voices.give(call, fresh_nonce(), ME_TOO) for _ in range(2500))
        answers = await asyncio.gather(*taps, return_exceptions=True)
    assert all(isinstance(answer, WriterFailed) for answer in answers)
    async with platform.database.write() as connection:
        await connection.execute(text("ALTER TABLE mislaid RENAME TO call"))
    await platform.voices.give(call, fresh_nonce(), ME_TOO)
    assert len(await assert_tally_agrees(platform.database)) == 1


async def test_stopping_writes_what_waits_and_takes_no_more(tmp_path: Path, some_call: Call) -> None:
    async with scripted(tmp_path) as (writer, voices):
        taps = [asyncio.create_task(voices.give(some_call, fresh_nonce(), ME_TOO)) for _ in range(2500)]
        await asyncio.sleep(0)
        await voices.stop()
        assert len(await asyncio.gather(*taps)) == sum(writer.sizes()) == 2500
        with pytest.raises(StorageUnavailable, match="stopping"):
            async with asyncio.timeout(1):
                await voices.give(some_call, fresh_nonce(), ME_TOO)
