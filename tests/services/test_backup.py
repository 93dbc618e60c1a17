# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import json
import random
import secrets
import stat
import zipfile
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from notalone.protocol.voice import Kind, id_for, nonce_from
from notalone.services.backup import _ROWS, UnusableBackup, back_up, restore
from notalone.services.platform import Platform, run_platform
from notalone.services.settings import Settings
from notalone.services.voice import VoiceWithdrawn
from notalone.storage import journal
from notalone.storage.database import Database, StorageUnavailable
from notalone.storage.schema import metadata
from tests.conftest import ENGINES, TEXT, Clock
from tests.storage.contents import assert_tally_agrees, tally

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU
Contents = dict[str, list[dict[str, Any]]]


@dataclass
class Deployments:
    """Makes platforms, each on an empty database of its own, with one clock."""

    folder: Path
    make_url: Callable[[str], str]
    clock: Clock
    made: int = 0

    @asynccontextmanager
    async def fresh(self, engine: str) -> AsyncIterator[Platform]:
        self.made += 1
        settings = Settings(data=self.folder / f"deployment-{self.made}", database_url=self.make_url(engine), workers=1)
        settings.data.mkdir()
        async with run_platform(settings, self.clock) as platform:
            yield platform


@pytest.fixture
def deployments(tmp_path: Path, make_url: Callable[[str], str], clock: Clock) -> Deployments:
    return Deployments(tmp_path, make_url, clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monday.notalone"


@dataclass
class Person:
    """Someone who gave a voice, with what she kept."""

    slug: str
    kind: Kind
    nonce: str = field(default_factory=lambda: nonce_from(secrets.token_bytes(16)))
    code: str = ""

    async def gives(self, platform: Platform) -> Person:
        self.code = await platform.voices.give(platform.calls.get(self.slug), self.nonce, self.kind)
        return self

    async def withdraws(self, platform: Platform) -> bool:
        return await platform.voices.withdraw(platform.calls.get(self.slug), self.code)

    def id(self, platform: Platform) -> tuple[int, bytes]:
        call = platform.calls.get(self.slug)
        return call.id, id_for(call.salt, self.code)


async def crowd(platform: Platform, slug: str, kind: Kind, number: int) -> list[Person]:
    return list(await asyncio.gather(*(Person(slug, kind).gives(platform) for _ in range(number))))


async def contents(database: Database) -> Contents:
    """Everything, in an order that does not depend on when it came."""
    found: Contents = {}
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            rows = await connection.execute(select(table).order_by(*table.primary_key.columns))
            found[table.name] = [dict(row) for row in rows.mappings()]
    return found


async def populate(platform: Platform, clock: Clock) -> list[Person]:
    """Two calls, one of them closed; some published numbers; some who withdrew."""
    await platform.calls.load("metoo", {"en": TEXT, "es": TEXT})
    await platform.calls.load("our-town", {"en": TEXT})
    people = await crowd(platform, "metoo", ME_TOO, 60) + await crowd(platform, "metoo", STAND, 55)
    people += await crowd(platform, "our-town", ME_TOO, 3)
    clock.now += platform.settings.tick
    await platform.magnitude.release()
    for person in people[:4]:
        await person.withdraws(platform)
    await platform.calls.close("our-town")
    clock.now += platform.settings.tick
    await platform.magnitude.release()
    return people


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


# ---- another call of the same name ----


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


async def test_another_call_of_that_name_without_voices_becomes_the_one_of_the_backup(
    deployments: Deployments, engine: str, file: Path
) -> None:
    """The new machine's operator loaded the bundle first. The codes that people kept must still work."""
    async with deployments.fresh(engine) as one, deployments.fresh(engine) as two:
        await one.calls.load("metoo", {"en": TEXT})
        person = await Person("metoo", ME_TOO).gives(one)
        await back_up(one, file)
        await two.calls.load("metoo", {"en": TEXT})
        await restore(two, file, [])
        await two.calls.refresh()
        assert two.calls.get("metoo").salt == one.calls.get("metoo").salt
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
    deployments: Deployments, engine: str, clock: Clock, file: Path
) -> None:
    def fail(table: str, _done: int, _total: int) -> None:
        if table == "voice":
            raise OSError("the disk is full")

    async with deployments.fresh(engine) as one:
        await populate(one, clock)
        put(file, b"last week's")
        with pytest.raises((OSError, StorageUnavailable), match="the disk is full"):
            await back_up(one, file, fail)
        assert content(file) == b"last week's"
        assert [path.name for path in file.parent.glob("*.notalone*")] == [file.name]
        await back_up(one, file)
        with pytest.raises((OSError, StorageUnavailable)):
            await back_up(one, file.parent / "no such folder" / "monday.notalone")


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


# ---- files that cannot be restored ----


@pytest.fixture
async def good(deployments: Deployments, clock: Clock, file: Path) -> Path:
    async with deployments.fresh("sqlite") as one:
        await populate(one, clock)
        await back_up(one, file)
    return file


def rewritten(good: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """A copy of the backup whose parts were changed, whole in all else."""
    with zipfile.ZipFile(good) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    path = good.with_name("changed.notalone")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def replaced(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], object]:
    def change(parts: dict[str, bytes]) -> None:
        assert old in parts[name], parts[name][:200]
        parts[name] = parts[name].replace(old, new, 1)

    return change


def without(name: str) -> Callable[[dict[str, bytes]], object]:
    return lambda parts: parts.pop(name)


def without_last_line(name: str) -> Callable[[dict[str, bytes]], object]:
    def change(parts: dict[str, bytes]) -> None:
        parts[name] = b"".join(parts[name].splitlines(keepends=True)[:-1])

    return change


def with_line(name: str, line: bytes) -> Callable[[dict[str, bytes]], object]:
    """One more line, counted in the manifest."""

    def change(parts: dict[str, bytes]) -> None:
        parts[name] += line + b"\n"
        manifest = json.loads(parts["manifest.json"])
        manifest["rows"][name.removesuffix(".jsonl")] += 1
        parts["manifest.json"] = json.dumps(manifest).encode()

    return change


ID = b'"AAAAAAAAAAAAAAAAAAAAAA=="'
BROKEN: dict[str, Callable[[dict[str, bytes]], object]] = {
    "no manifest": without("manifest.json"),
    "a manifest that is none": replaced("manifest.json", b"{", b"["),
    "a manifest of a later format": replaced("manifest.json", b'"format":1', b'"format":2'),
    "a manifest without a format": replaced("manifest.json", b'"format":1,', b""),
    "a manifest without a day": replaced("manifest.json", b'"made_on":"', b'"made_on":"x'),
    "no calls": without("call.jsonl"),
    "no voices": without("voice.jsonl"),
    "no published tick": without("publication.jsonl"),
    "a call less": without_last_line("call.jsonl"),
    "a text less": without_last_line("call_text.jsonl"),
    "a voice less": without_last_line("voice.jsonl"),
    "a release less": without_last_line("release.jsonl"),
    "another table less": replaced("manifest.json", b'"server_key":', b'"server_kex":'),
    "a tick less": without_last_line("publication.jsonl"),
    "half a line": replaced("voice.jsonl", b"}\n", b"\n"),
    "a line that is a list": with_line("voice.jsonl", b"[1,2,3]"),
    "a line that is a number": with_line("server_key.jsonl", b"7"),
    "a voice of no call": with_line("voice.jsonl", b'{"call_id":99,"id":' + ID + b',"kind":1}'),
    "a voice of a kind that there is not": with_line("voice.jsonl", b'{"call_id":1,"id":' + ID + b',"kind":3}'),
    "a voice of a kind that is no number": with_line("voice.jsonl", b'{"call_id":1,"id":' + ID + b',"kind":"1"}'),
    "a voice with a short id": with_line("voice.jsonl", b'{"call_id":1,"id":"AAAA","kind":1}'),
    "a voice with an id that is not base64": with_line("voice.jsonl", b'{"call_id":1,"id":"*","kind":1}'),
    "a voice without an id": with_line("voice.jsonl", b'{"call_id":1,"kind":1}'),
    "a voice without a kind": with_line("voice.jsonl", b'{"call_id":1,"id":' + ID + b"}"),
    "a voice with a name": with_line("voice.jsonl", b'{"call_id":1,"id":' + ID + b',"kind":1,"who":"x"}'),
    "a call with a short salt": replaced("call.jsonl", b'"salt":"', b'"salt":"AAAA'),
    "a call without a name": replaced("call.jsonl", b'"slug":"metoo"', b'"slug":""'),
    "a call with a name for another place": replaced("call.jsonl", b'"slug":"metoo"', b'"slug":"../metoo"'),
    "two calls of one name": replaced("call.jsonl", b'"slug":"our-town"', b'"slug":"metoo"'),
    "a call loaded on no day": replaced("call.jsonl", b'"loaded_on":"2031', b'"loaded_on":"20x1'),
    "a call with a colour": replaced("call.jsonl", b'"slug"', b'"colour":"red","slug"'),
    "a text without a language": replaced("call_text.jsonl", b'"lang":"en",', b""),
    "a text that is a number": replaced("call_text.jsonl", b'"lang":"en"', b'"lang":1'),
    "a text with a zero byte": replaced("call_text.jsonl", b"A call", b"A\\u0000call"),
    "a release of no call": replaced("release.jsonl", b'"call_id":1', b'"call_id":99'),
    "a release below zero": replaced("release.jsonl", b'"number":60', b'"number":-60'),
    "a release too large to store": replaced("release.jsonl", b'"number":60', b'"number":99999999999999999999'),
    "a tick that is a word": replaced("publication.jsonl", b'"tick":', b'"tick":"soon","x":'),
    "a key that is nothing": replaced("server_key.jsonl", b'"value":"', b'"value":null,"x":"'),
}  # fmt: skip


async def test_a_backup_that_is_wrong_is_refused_and_changes_nothing(
    deployments: Deployments, engine: str, good: Path
) -> None:
    async with deployments.fresh(engine) as two:
        await two.calls.load("here", {"en": TEXT})
        await crowd(two, "here", ME_TOO, 3)
        before = await contents(two.database)
        for what, change in BROKEN.items():
            try:
                await restore(two, rewritten(good, change), [])
            except UnusableBackup as error:
                assert "is not a whole backup" in str(error), what  # noqa: PT017
            else:
                pytest.fail(f"{what}: restored")
            assert await contents(two.database) == before, what
        await restore(two, rewritten(good, lambda parts: parts), [])


def test_every_column_is_checked() -> None:
    tables = {name: set(table.columns.keys()) for name, table in metadata.tables.items() if name != "tally"}
    assert {name: set(row.__struct_fields__) for name, row in _ROWS.items()} == tables


def damaged(data: bytes, seed: int) -> Iterator[bytes]:
    """The file cut short, with bytes changed, lost, doubled, or zeroed."""
    chance = random.Random(seed)  # noqa: S311
    for at in (0, 1, 30, len(data) // 2, len(data) - 23, len(data) - 1):
        yield data[:at]
    for _ in range(120):
        at, size = chance.randrange(len(data)), chance.choice([1, 1, 1, 4, 64])
        some = bytes(chance.randrange(256) for _ in range(size))
        middle = chance.choice([some, b"", some + data[at : at + size], bytes(size)])
        yield data[:at] + middle + data[at + size :]


async def test_a_damaged_file_is_refused_or_does_no_harm(deployments: Deployments, good: Path, tmp_path: Path) -> None:
    path, seed = tmp_path / "damaged.notalone", secrets.randbits(32)
    async with deployments.fresh("sqlite") as two:
        await restore(two, good, [])
        whole = await contents(two.database)
    files = list(enumerate(damaged(content(good), seed)))
    refused = 0
    while files:
        async with deployments.fresh("sqlite") as two:
            nothing = await contents(two.database)
            while files:
                n, data = files.pop()
                put(path, data)
                try:
                    await restore(two, path, [])
                except UnusableBackup:
                    refused += 1
                    assert await contents(two.database) == nothing, f"seed {seed}, damage {n}"
                    continue
                except Exception as error:
                    raise AssertionError(f"seed {seed}, damage {n}: {error!r}") from error
                assert {**await contents(two.database), "server_key": whole["server_key"]} == whole, f"{seed}, {n}"
                break
    assert refused > 60


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a backup at all" * 100])
async def test_what_is_no_backup_is_refused(deployments: Deployments, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.notalone"
    put(path, data)
    async with deployments.fresh("sqlite") as two:
        with pytest.raises(UnusableBackup, match="not a whole backup"):
            await restore(two, path, [])
        with pytest.raises(OSError, match="nothing"):
            await restore(two, tmp_path / "nothing", [])


async def test_a_restore_that_the_database_stops_changes_nothing(
    deployments: Deployments, engine: str, good: Path
) -> None:
    def fail(table: str, _done: int, _total: int) -> None:
        if table == "release":
            raise StorageUnavailable("away")

    async with deployments.fresh(engine) as two:
        before = await contents(two.database)
        with pytest.raises(StorageUnavailable, match="away"):
            await restore(two, good, [], fail)
        assert await contents(two.database) == before
        await restore(two, good, [])
