# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import errno
import json
import os
import zipfile
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from notalone.protocol.voice import Kind
from notalone.services.backup import Restored, back_up, restore
from notalone.services.magnitude import Magnitude
from notalone.services.voice import VoiceWithdrawn
from notalone.storage import journal, magnitude
from tests.conftest import ENGINES, TEXT, Clock
from tests.services.deployments import Deployments, Person, content, contents, crowd, mode, populate, put
from tests.storage.contents import assert_tally_agrees, tally

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU
Contents = dict[str, list[dict[str, Any]]]


# ---- there and back ----


@pytest.mark.parametrize("target", ENGINES)
async def test_everything_comes_back_from_either_engine_into_either(
    deployments: Deployments, clock: Clock, file: Path, engine: str, target: str
) -> None:
    async with deployments.fresh(engine) as one:
        people = await populate(one, clock)
        assert await back_up(one, file) == 114
        before = await contents(one.database)
        published = [one.magnitude.published(call) for call in one.calls.all()]
    async with deployments.fresh(target) as two:
        done = await restore(two, file, [two.settings.withdrawals])
        assert (done.voices_in_backup, done.withdrawals_applied, done.voices_now) == (114, 0, 114)
        assert done.made_on == one.today()
        after = await contents(two.database)
        line_keys = [rows.pop("server_key") for rows in (before, after)]
        assert len(line_keys[1]) == 1  # its own: it has given out tickets already
        assert total_by_kind(before.pop("tally")) == total_by_kind(after.pop("tally"))
        assert after == before
        await assert_tally_agrees(two.database)
        await two.calls.refresh()
        await two.magnitude.release()
        assert [two.magnitude.published(call) for call in two.calls.all()] == published
        assert not two.calls.get("our-town").open
        # What people kept works here as it did there.
        assert await people[10].withdraws(two)
        assert not await people[0].withdraws(two)
        with pytest.raises(VoiceWithdrawn):
            await Person("metoo", people[0].kind, people[0].nonce).gives(two)
        again = await Person("metoo", people[11].kind, people[11].nonce).gives(two)
        assert again.code == people[11].code
        assert sum((await tally(two.database)).values()) == 113


def total_by_kind(rows: Sequence[dict[str, Any]]) -> dict[tuple[int, int], int]:
    totals: dict[tuple[int, int], int] = {}
    for row in rows:
        key = row["call_id"], row["kind"]
        totals[key] = totals.get(key, 0) + row["number"]
    return {key: number for key, number in totals.items() if number}


async def test_an_empty_deployment_can_be_backed_up(deployments: Deployments, engine: str, file: Path) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        assert await back_up(one, file) == 0
        assert (await restore(two, file, [])).voices_now == 0
        assert two.calls.all() == []


async def test_restoring_twice_is_the_same_as_once(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        people = await populate(one, clock)
        await back_up(one, file)
        await people[20].withdraws(one)
        journals = [one.settings.withdrawals]
        first = await restore(two, file, journals)
        once = await contents(two.database)
        second = await restore(two, file, journals)
        assert await contents(two.database) == once
        assert first.withdrawals_applied == 1
        assert second.withdrawals_applied == 0
        assert first.voices_now == second.voices_now == 113


async def test_restoring_where_it_came_from_changes_nothing(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one:
        await populate(one, clock)
        await back_up(one, file)
        before = await contents(one.database)
        await restore(one, file, [one.settings.withdrawals])
        after = await contents(one.database)
        assert total_by_kind(before.pop("tally")) == total_by_kind(after.pop("tally"))
        assert after == before


async def test_what_came_since_the_backup_stays(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one:
        people = await populate(one, clock)
        await back_up(one, file)
        newer = await crowd(one, "metoo", ME_TOO, 30)
        await one.calls.load("metoo", {"en": TEXT.replace("A call", "A better text")})
        await one.calls.load("third", {"en": TEXT})
        newer += await crowd(one, "third", STAND, 5)
        clock.now += one.settings.tick
        await one.magnitude.release()
        await people[30].withdraws(one)
        await newer[0].withdraws(one)
        before = await contents(one.database)
        published = one.magnitude.published(one.calls.get("metoo"))
        await restore(one, file, [one.settings.withdrawals])
        after = await contents(one.database)
        assert total_by_kind(before.pop("tally")) == total_by_kind(after.pop("tally"))
        assert after == before
        await one.calls.refresh()
        assert list(one.calls.get("metoo").texts) == ["en"]
        await one.magnitude.release()
        assert one.magnitude.published(one.calls.get("metoo")) == published


async def test_a_running_server_shows_numbers_that_were_restored_between_its_own(
    deployments: Deployments, engine: str, clock: Clock, file: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older.notalone"
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await populate(one, clock)
        await back_up(one, older)
        await restore(two, older, [])
        for each in (one, one, two):
            await each.calls.refresh()
            await crowd(each, "metoo", ME_TOO, 2)
            clock.now += one.settings.tick
            await each.magnitude.release()
        await back_up(one, file)
        await restore(two, file, [])
        await two.magnitude.release()
        call = two.calls.get("metoo")
        assert [point.metoo for point in two.magnitude.published(call).series] == [60, 56, 58, 60, 58]
        fresh = Magnitude(two.database, two.settings.tick, clock)
        await fresh.release()
        assert two.magnitude.published(call) == fresh.published(call)


async def test_a_call_closed_before_the_backup_is_closed_after_it(
    deployments: Deployments, engine: str, clock: Clock, file: Path, tmp_path: Path
) -> None:
    """The disk was put back to a state in which the call was open still."""
    older = tmp_path / "older.notalone"
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        await back_up(one, older)
        clock.now += 86400
        await one.calls.close("metoo")
        await back_up(one, file)
        await restore(two, older, [])
        await two.calls.refresh()
        assert two.calls.get("metoo").open
        await restore(two, file, [])
        await two.calls.refresh()
        assert two.calls.get("metoo").closed_on == one.calls.get("metoo").closed_on
        await restore(two, older, [])
        await two.calls.refresh()
        assert not two.calls.get("metoo").open


async def test_where_the_clock_is_behind_nothing_is_published_for_the_past(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one:
        await populate(one, clock)
        await back_up(one, file)
        released_at = one.magnitude.released_at
    clock.now -= 50 * one.settings.tick
    async with deployments.fresh(engine) as two:
        await restore(two, file, [])
        await two.calls.refresh()
        before = (await contents(two.database))["release"]
        await crowd(two, "metoo", ME_TOO, 10)
        clock.now += one.settings.tick
        await two.magnitude.release()
        assert two.magnitude.released_at == released_at
        assert (await contents(two.database))["release"] == before


async def test_ids_of_calls_may_differ(deployments: Deployments, engine: str, file: Path) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        for slug in ("one", "two", "three"):
            await one.calls.load(slug, {"en": TEXT})
        people = [await Person(slug, ME_TOO).gives(one) for slug in ("one", "two", "three")]
        await back_up(one, file)
        await two.calls.load("zero", {"en": TEXT})
        await two.calls.load("two", {"en": TEXT.replace("A call", "Newer words")})
        people.append(await Person("zero", STAND).gives(two))
        await restore(two, file, [])
        await two.calls.refresh()
        assert set(await assert_tally_agrees(two.database)) == {person.id(two) for person in people}
        for person in people:
            assert await person.withdraws(two)


# ---- withdrawals ----


async def test_who_withdrew_after_the_backup_stays_withdrawn(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        people = await populate(one, clock)
        await back_up(one, file)
        late = (await crowd(one, "metoo", ME_TOO, 2))[0]
        for person in (people[40], people[100], late):
            await person.withdraws(one)
        done = await restore(two, file, [one.settings.withdrawals])
        assert done.withdrawals_applied == 2
        await two.calls.refresh()
        await assert_tally_agrees(two.database)
        assert sum((await tally(two.database)).values()) == 112
        for person in (people[40], people[100], late):
            assert not await person.withdraws(two)
            with pytest.raises(VoiceWithdrawn):
                await Person(person.slug, person.kind, person.nonce).gives(two)


async def test_journals_of_several_machines_with_torn_lines_are_all_applied(
    deployments: Deployments, engine: str, file: Path, tmp_path: Path
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        people = await crowd(one, "metoo", ME_TOO, 6)
        await back_up(one, file)
        journals = [tmp_path / "a.log", tmp_path / "b.log", tmp_path / "never-written.log"]
        journal.append(journals[0], "metoo", people[0].id(one)[1])
        put(journals[0], content(journals[0]) + b"\nmetoo " + people[1].id(one)[1].hex()[:20].encode())
        journal.append(journals[0], "metoo", people[2].id(one)[1])
        journal.append(journals[1], "gone", people[3].id(one)[1])
        journal.append(journals[1], "metoo", people[0].id(one)[1])
        journal.append(journals[1], "metoo", people[4].id(one)[1])
        done = await restore(two, file, journals)
        assert done.withdrawals_applied == 3
        await two.calls.refresh()
        kinds = await assert_tally_agrees(two.database)
        assert [kinds[person.id(two)] for person in people] == [0, 1, 0, 1, 0, 1]


async def test_a_voice_withdrawn_here_is_not_brought_back_by_an_older_backup(
    deployments: Deployments, engine: str, file: Path
) -> None:
    """Even where the journal was lost: the mark in the database is enough."""
    async with deployments.fresh(engine) as one:
        await one.calls.load("metoo", {"en": TEXT})
        person = await Person("metoo", STAND).gives(one)
        await back_up(one, file)
        await person.withdraws(one)
        await restore(one, file, [])
        assert (await assert_tally_agrees(one.database))[person.id(one)] == 0


async def test_a_voice_withdrawn_in_the_backup_is_withdrawn_here(
    deployments: Deployments, engine: str, file: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older.notalone"
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        person = await Person("metoo", STAND).gives(one)
        await back_up(one, older)
        await person.withdraws(one)
        await back_up(one, file)
        await restore(two, older, [])
        await two.calls.refresh()
        assert await tally(two.database) == {(two.calls.get("metoo").id, STAND): 1}
        await restore(two, file, [])
        assert (await assert_tally_agrees(two.database))[person.id(two)] == 0


# ---- while voices come in ----


async def test_a_backup_while_voices_come_in_is_one_moment(deployments: Deployments, engine: str, file: Path) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        early = await crowd(one, "metoo", ME_TOO, 300)
        crowds = [asyncio.create_task(crowd(one, "metoo", kind, 700)) for kind in Kind]
        leaving = asyncio.gather(*(person.withdraws(one) for person in early[:20]))
        voices = await back_up(one, file)
        late = [person for each in crowds for person in await each]
        await leaving
        await assert_tally_agrees(one.database)
        await restore(two, file, [one.settings.withdrawals])
        await two.calls.refresh()
        there = await assert_tally_agrees(two.database)
        assert {person.id(two) for person in early} <= set(there) <= {person.id(two) for person in early + late}
        assert len(there) == voices
        assert all(there[person.id(two)] == 0 for person in early[:20])


async def test_a_restore_while_voices_come_in_loses_none(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    """And while a tick passes: the one who publishes and the one who restores must not wait for each other."""
    async with deployments.fresh(engine) as one:
        await one.calls.load("metoo", {"en": TEXT})
        old = await crowd(one, "metoo", ME_TOO, 1200)
        await back_up(one, file)
        async with deployments.fresh(engine) as two:
            await restore(two, file, [])
            await two.calls.refresh()
            stop = False
            people: list[Person] = []

            async def come_and_go() -> None:
                while not stop:
                    some = await crowd(two, "metoo", STAND, 20)
                    people.extend(some)
                    await some[0].withdraws(two)

            async def publish() -> None:
                while not stop:
                    clock.now += two.settings.tick
                    await two.magnitude.release()

            coming = [asyncio.create_task(step()) for step in (come_and_go, come_and_go, publish)]
            async with asyncio.timeout(30):
                for _ in range(3):
                    await restore(two, file, [two.settings.withdrawals])
                    await asyncio.sleep(0.05)
                stop = True
                await asyncio.gather(*coming)
            there = await assert_tally_agrees(two.database)
            assert set(there) == {person.id(two) for person in old + people}
            gone = [person for person in people if not there[person.id(two)]]
            assert gone == people[::20]


async def test_who_publishes_a_tick_and_who_restores_it_do_not_wait_for_each_other(
    deployments: Deployments, engine: str, clock: Clock, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        await back_up(one, tmp_path / "older.notalone")
        await restore(two, tmp_path / "older.notalone", [])
        clock.now += one.settings.tick
        for each in (one, two):
            await each.calls.refresh()
            await crowd(each, "metoo", ME_TOO, 50)
        await one.magnitude.release()
        await back_up(one, file)
        add_releases, restoring = magnitude.add_releases, list[asyncio.Task[Restored]]()

        async def add_slowly(*given: Any) -> None:
            restoring.append(asyncio.create_task(restore(two, file, [])))
            await asyncio.sleep(0.3)
            assert given[2]
            await add_releases(*given)

        monkeypatch.setattr(magnitude, "add_releases", add_slowly)
        await two.magnitude.release()
        assert (await restoring[0]).voices_now == 100
        assert [row["number"] for row in (await contents(two.database))["release"]] == [50]


# ---- the file ----


async def test_the_file_is_for_its_owner_and_appears_whole(deployments: Deployments, clock: Clock, file: Path) -> None:
    async with deployments.fresh("sqlite") as one:
        await populate(one, clock)
        put(file, b"last week's")
        seen: list[tuple[str, int, int]] = []

        def look(table: str, done: int, total: int) -> None:
            assert content(file) == b"last week's"
            seen.append((table, done, total))

        await back_up(one, file, look)
        assert ("voice", 118, 118) in seen
        assert mode(file) == 0o600
        assert [path.name for path in file.parent.glob("*.notalone*")] == [file.name]


async def test_a_backup_that_fails_leaves_the_last_one(
    deployments: Deployments, engine: str, clock: Clock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says whose fault it is: what the backup's disk does is not the database's."""
    opened = zipfile.ZipFile.open

    def fail(self: zipfile.ZipFile, name: str, *given: Any, **options: Any) -> Any:
        if name == "voice.jsonl":
            raise OSError(errno.ENOSPC, "the disk is full")
        return opened(self, name, *given, **options)

    async with deployments.fresh(engine) as one:
        await populate(one, clock)
        put(file, b"last week's")
        with monkeypatch.context() as patched:
            patched.setattr(zipfile.ZipFile, "open", fail)
            with pytest.raises(OSError, match="the disk is full"):
                await back_up(one, file)
        assert content(file) == b"last week's"
        assert [path.name for path in file.parent.glob("*.notalone*")] == [file.name]
        await back_up(one, file)
        with pytest.raises(FileNotFoundError):
            await back_up(one, file.parent / "no such folder" / "monday.notalone")


async def test_a_backup_is_on_the_disk_by_its_name_too(
    deployments: Deployments, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []

    def sync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        assert (synced[-1] == file.parent) == file.exists()

    async with deployments.fresh("sqlite") as one:
        monkeypatch.setattr(os, "fsync", sync)
        await back_up(one, file)
    assert synced[-1] == file.parent
    assert len(synced) == 2


async def test_two_backups_to_one_path_do_not_spoil_each_other(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await populate(one, clock)
        assert await asyncio.gather(*(back_up(one, file) for _ in range(3))) == [114] * 3
        assert [path.name for path in file.parent.glob("*.notalone*")] == [file.name]
        assert (await restore(two, file, [])).voices_now == 114


async def test_the_file_holds_what_the_documents_say_and_no_order_of_arrival(
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    async with deployments.fresh(engine) as one:
        await populate(one, clock)
        await back_up(one, file)
    with zipfile.ZipFile(file) as archive:
        names = {"call", "call_text", "voice", "release", "publication", "server_key"}
        assert set(archive.namelist()) == {f"{name}.jsonl" for name in names} | {"manifest.json"}
        voices = [json.loads(line) for line in archive.read("voice.jsonl").splitlines()]
        manifest = json.loads(archive.read("manifest.json"))
    assert all(set(row) == {"call_id", "id", "kind"} for row in voices)
    assert voices == sorted(voices, key=lambda row: (row["call_id"], b64decode(row["id"])))
    assert manifest["rows"]["voice"] == len(voices) == 118
    assert manifest["made_on"] == one.today().isoformat()
