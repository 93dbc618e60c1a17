# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from notalone.protocol.voice import Kind
from notalone.services.backup import back_up, restore
from notalone.services.bundle import BundleError
from notalone.services.call import CallOpen, Calls, UnknownCall
from notalone.services.platform import Platform
from notalone.services.voice import CallClosed, UnknownCode
from notalone.storage import call as stored
from notalone.storage import magnitude
from notalone.storage.database import Connection, Database
from tests.conftest import TEXT, Clock
from tests.services.deployments import Person, contents, crowd, populate

SPANISH = TEXT.replace("A call", "Una llamada")


def calls_of(database: Database, clock: Clock) -> Calls:
    return Calls(database, lambda: datetime.fromtimestamp(clock(), UTC).date())


@pytest.fixture
def calls(database: Database, clock: Clock) -> Calls:
    return calls_of(database, clock)


@pytest.fixture
async def elsewhere(database_url: str, database: Database, clock: Clock) -> AsyncIterator[Calls]:
    """The calls as another process knows them."""
    other = Database(database_url)
    yield calls_of(other, clock)
    await other.close()


async def test_a_call_is_loaded_and_known(calls: Calls) -> None:
    assert await calls.load("metoo", {"en": TEXT, "es": SPANISH}) == "new"
    call = calls.get("metoo")
    assert (call.slug, call.open, call.loaded_on, call.closed_on) == ("metoo", True, date(2031, 5, 4), None)
    assert len(call.salt) == 16
    assert call.text("es").title == "Una llamada"
    assert call.text("en").title == call.text("ar").title == "A call"
    assert not call.rehearsal
    assert calls.all() == [call]


async def test_a_call_without_english_is_shown_in_its_first_language(calls: Calls) -> None:
    await calls.load("metoo", {"es": SPANISH, "fr": TEXT})
    assert calls.get("metoo").text("ar").lang == "es"


async def test_a_rehearsal_is_known_as_one(calls: Calls) -> None:
    await calls.load("metoo", {"en": TEXT.replace("reviewed: yes", "reviewed: yes\nrehearsal: yes")})
    assert calls.get("metoo").rehearsal


async def test_every_call_has_a_salt_of_its_own(calls: Calls) -> None:
    for slug in ("one", "two", "three"):
        await calls.load(slug, {"en": TEXT})
    assert len({call.salt for call in calls.all()}) == 3
    assert [call.slug for call in calls.all()] == ["one", "two", "three"]


@pytest.mark.parametrize("slug", ["", "metoo", "one/two", "../etc"])
async def test_a_name_of_nothing_is_unknown(calls: Calls, slug: str) -> None:
    await calls.load("other", {"en": TEXT})
    with pytest.raises(UnknownCall):
        calls.get(slug)
    with pytest.raises(UnknownCall):
        await calls.close(slug)


async def test_loading_again_changes_the_texts_and_nothing_else(calls: Calls, clock: Clock) -> None:
    await calls.load("metoo", {"en": TEXT, "es": SPANISH})
    before = calls.get("metoo")
    clock.now += 86400
    assert await calls.load("metoo", {"en": TEXT, "es": SPANISH}) == "same"
    assert calls.get("metoo") is before
    assert await calls.load("metoo", {"en": TEXT.replace("A call", "Another")}) == "changed"
    after = calls.get("metoo")
    assert (after.id, after.salt, after.loaded_on) == (before.id, before.salt, before.loaded_on)
    assert list(after.texts) == ["en"]
    assert after.text("en").title == "Another"


async def test_a_text_that_cannot_be_read_changes_nothing(calls: Calls, database: Database) -> None:
    await calls.load("metoo", {"en": TEXT})
    before = calls.get("metoo")
    for slug in ("metoo", "other"):
        with pytest.raises(BundleError):
            await calls.load(slug, {"en": TEXT.replace("A call", "Another"), "es": "no front matter"})
    await calls.refresh()
    assert calls.all() == [before]
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM call_text")) == 1


async def test_a_closed_call_stays_readable_and_closed(calls: Calls, clock: Clock) -> None:
    await calls.load("metoo", {"en": TEXT})
    clock.now += 86400
    assert await calls.close("metoo")
    assert not await calls.close("metoo")
    call = calls.get("metoo")
    assert (call.open, call.closed_on) == (False, date(2031, 5, 5))
    assert await calls.load("metoo", {"en": SPANISH}) == "changed"
    assert not calls.get("metoo").open


# ---- several processes ----


async def test_what_another_process_did_is_noticed(calls: Calls, elsewhere: Calls) -> None:
    assert await calls.refresh()  # there is nothing, which was not known
    assert not await calls.refresh()
    await elsewhere.load("metoo", {"en": TEXT})
    with pytest.raises(UnknownCall):
        calls.get("metoo")
    assert await calls.refresh()
    assert calls.get("metoo") == elsewhere.get("metoo")
    await elsewhere.load("metoo", {"en": SPANISH})
    assert await calls.refresh()
    assert calls.get("metoo").text("en").title == "Una llamada"
    await elsewhere.close("metoo")
    assert await calls.refresh()
    assert not calls.get("metoo").open
    assert not await calls.refresh()


async def test_a_call_that_did_not_change_is_not_read_again(calls: Calls, elsewhere: Calls) -> None:
    await calls.load("one", {"en": TEXT})
    kept = calls.get("one")
    await elsewhere.load("two", {"en": TEXT})
    await calls.refresh()
    assert calls.get("one") is kept
    assert len(calls.all()) == 2


async def test_closed_by_two_at_once_it_was_closed_by_one(calls: Calls, elsewhere: Calls) -> None:
    await calls.load("metoo", {"en": TEXT})
    assert sorted(await asyncio.gather(calls.close("metoo"), elsewhere.close("metoo"))) == [False, True]


async def test_loaded_by_two_at_once_the_texts_are_those_of_one(calls: Calls, elsewhere: Calls) -> None:
    await calls.load("metoo", {"en": TEXT})
    for n in range(5):
        ours = {"en": TEXT.replace("A call", f"ours {n}"), "es": SPANISH}
        theirs = {"en": TEXT.replace("A call", f"theirs {n}"), "fr": SPANISH}
        await asyncio.gather(calls.load("metoo", ours), elsewhere.load("metoo", theirs))
        await asyncio.gather(calls.refresh(), elsewhere.refresh())
        assert calls.get("metoo") == elsewhere.get("metoo")
        assert set(calls.get("metoo").texts) in ({"en", "es"}, {"en", "fr"})
        assert (
            calls.get("metoo").text("en").title == ("ours" if "es" in calls.get("metoo").texts else "theirs") + f" {n}"
        )


async def test_a_refresh_that_is_overtaken_does_not_bring_the_old_back(
    calls: Calls, elsewhere: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await elsewhere.load("metoo", {"en": TEXT})
    read_all, has_read, may_go_on = stored.read_all, asyncio.Event(), asyncio.Event()

    async def read_slowly(connection: Connection) -> list[stored.StoredCall]:
        found = await read_all(connection)
        has_read.set()
        await may_go_on.wait()
        return found

    monkeypatch.setattr(stored, "read_all", read_slowly)
    slow = asyncio.create_task(calls.refresh())
    await has_read.wait()
    monkeypatch.setattr(stored, "read_all", read_all)
    closing = asyncio.create_task(calls.close("metoo"))
    await asyncio.sleep(0.1)
    may_go_on.set()
    await asyncio.gather(slow, closing)
    assert not calls.get("metoo").open


async def test_a_text_that_this_version_cannot_read_leaves_the_other_calls_alone(
    calls: Calls, elsewhere: Calls, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version of the program may have stored it."""
    for slug in ("one", "two"):
        await elsewhere.load(slug, {"en": TEXT})
    async with database.write() as connection:
        await connection.execute(text("UPDATE call_text SET source = '?' WHERE call_id = (SELECT min(id) FROM call)"))
    assert await calls.refresh()
    assert [call.slug for call in calls.all()] == ["two"]
    assert "the call one cannot be shown" in caplog.text
    await elsewhere.load("one", {"en": TEXT})
    await calls.refresh()
    assert [call.slug for call in calls.all()] == ["one", "two"]


# ---- deleted ----


async def test_a_deleted_call_is_gone_with_all_that_was_its_own(platform: Platform, clock: Clock) -> None:
    await populate(platform, clock)
    ours, other = platform.calls.get("our-town"), platform.calls.get("metoo")
    before = await contents(platform.database)
    assert await platform.calls.delete("our-town") == 3
    with pytest.raises(UnknownCall):
        platform.calls.get("our-town")
    after = await contents(platform.database)
    assert after == {
        table: [row for row in rows if ours.id != row.get("id" if table == "call" else "call_id")]
        for table, rows in before.items()
    }
    assert all(after.values())
    assert platform.calls.all() == [other]


async def test_only_a_closed_call_is_deleted(platform: Platform) -> None:
    await Person("metoo", Kind.ME_TOO).gives(platform)
    before = await contents(platform.database)
    with pytest.raises(CallOpen):
        await platform.calls.delete("metoo")
    with pytest.raises(UnknownCall):
        await platform.calls.delete("me-too")
    assert await contents(platform.database) == before


async def test_a_worker_that_has_not_noticed_takes_no_voice_for_a_deleted_call(
    platform: Platform, elsewhere: Calls
) -> None:
    """Not even when its name, or the number it had, is given to a new one."""
    person = await Person("metoo", Kind.ME_TOO).gives(platform)
    stale = platform.calls.get("metoo")
    await elsewhere.close("metoo")
    await elsewhere.delete("metoo")
    await elsewhere.load("metoo", {"en": TEXT})
    with pytest.raises(CallClosed):
        await platform.voices.give(stale, person.nonce, Kind.ME_TOO)
    with pytest.raises(UnknownCode):
        await platform.voices.withdraw(stale, person.code)
    assert not (await contents(platform.database))["voice"]

    assert await platform.calls.refresh()
    fresh = platform.calls.get("metoo")
    assert fresh == elsewhere.get("metoo")
    assert fresh.id != stale.id
    assert fresh.salt != stale.salt
    assert fresh.revision != stale.revision
    assert fresh.open
    assert not platform.magnitude.published(fresh).series


async def test_deleted_in_mid_crowd_it_leaves_no_voice_behind(platform: Platform, elsewhere: Calls) -> None:
    await platform.calls.load("other", {"en": TEXT})

    async def close_and_delete() -> int:
        await elsewhere.close("metoo")
        return await elsewhere.delete("metoo")

    async def give(person: Person) -> bool:
        await asyncio.sleep(secrets.randbelow(100) / 1000)
        try:
            await person.gives(platform)
        except (CallClosed, UnknownCall):
            return False
        return True

    people = [Person(slug, kind) for slug in ("metoo", "other") for kind in Kind for _ in range(200)]
    taken, deleted = await asyncio.gather(asyncio.gather(*map(give, people)), close_and_delete())
    assert deleted == sum(taken[:400])
    assert all(taken[400:])
    left = await contents(platform.database)
    (other,) = left["call"]
    assert [row["call_id"] for row in left["voice"]] == [other["id"]] * 400
    assert {row["call_id"] for row in left["tally"]} == {other["id"]}


async def test_deleted_while_numbers_are_published_nothing_is_published_of_it(
    platform: Platform, elsewhere: Calls, clock: Clock
) -> None:
    for n in range(8):
        slug = f"call-{n}"
        await platform.calls.load(slug, {"en": TEXT})
        await crowd(platform, slug, Kind.ME_TOO, 50)
        await platform.calls.close(slug)
        clock.now += platform.settings.tick
        await asyncio.gather(platform.magnitude.release(), elsewhere.delete(slug))
        assert not (await contents(platform.database))["release"]


async def test_who_is_publishing_a_call_and_who_deletes_it_do_not_wait_for_each_other(
    platform: Platform, elsewhere: Calls, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(platform, "metoo", Kind.ME_TOO, 50)
    await platform.calls.close("metoo")
    clock.now += platform.settings.tick
    add_releases, deleting = magnitude.add_releases, list[asyncio.Task[int]]()

    async def add_slowly(*given: Any) -> None:
        deleting.append(asyncio.create_task(elsewhere.delete("metoo")))
        await asyncio.sleep(0.3)
        assert given[2]
        await add_releases(*given)

    monkeypatch.setattr(magnitude, "add_releases", add_slowly)
    await platform.magnitude.release()
    assert await deleting[0] == 50
    assert not (await contents(platform.database))["release"]


async def test_a_backup_from_before_brings_a_deleted_call_back(
    platform: Platform, elsewhere: Calls, clock: Clock, tmp_path: Path
) -> None:
    """As it was then; but who took her voice back, before or after, stays out of it."""
    people = await populate(platform, clock)
    await platform.calls.close("metoo")
    old, shown = platform.calls.get("metoo"), platform.magnitude.published(platform.calls.get("metoo"))
    assert shown.series
    file = tmp_path / "monday.backup"
    await back_up(platform, file)
    await people[9].withdraws(platform)
    await elsewhere.delete("metoo")
    await restore(platform, file, [platform.settings.withdrawals])
    await platform.calls.refresh()
    again = platform.calls.get("metoo")
    assert (again.salt, again.closed_on) == (old.salt, old.closed_on)
    assert again.id != old.id
    await platform.magnitude.release()
    assert platform.magnitude.published(again) == shown
    assert await platform.calls.delete("metoo") == 110
