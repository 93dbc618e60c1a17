# SPDX-License-Identifier: AGPL-3.0-or-later
"""Attacks of docs/attacks.md that need the platform whole but no browser, on both engines."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import text

from notalone.protocol.voice import Kind, id_for, read_code
from notalone.services.backup import UnusableBackup, back_up, restore
from notalone.services.platform import Platform, open_platform, run_platform
from notalone.services.settings import Settings, read_settings
from notalone.services.voice import UnknownCode, VoiceWithdrawn
from notalone.storage import backup as stored_backup
from notalone.storage import magnitude as stored
from notalone.storage import voice as stored_voices
from notalone.storage.database import Database
from notalone.web.headers import SECURITY
from tests.conftest import TEXT, Clock, fresh_nonce
from tests.server import DEMO_CALL, Server, server, serving


@pytest.fixture
async def platform(settings: Settings, clock: Clock) -> AsyncIterator[Platform]:
    async with run_platform(settings, clock) as running:
        await running.calls.load("call", {"en": TEXT})
        yield running


async def give(platform: Platform, many: int = 1, kind: Kind = Kind.ME_TOO) -> list[str]:
    """The codes of so many new voices."""
    return [await platform.voices.give(platform.calls.get("call"), fresh_nonce(), kind) for _ in range(many)]


async def totals(platform: Platform) -> dict[int, int]:
    async with platform.database.read() as connection:
        found = await stored.totals(connection)
    return {kind: number for (_, kind), number in found.items() if number}


# Backups


async def test_a_voice_withdrawn_since_the_backup_stays_withdrawn(
    platform: Platform, tmp_path: Path, engine: str, make_url: Callable[[str], str]
) -> None:
    call = platform.calls.get("call")
    once = fresh_nonce()
    code = await platform.voices.give(call, once, Kind.ME_TOO)
    kept = (await give(platform, 5))[0]
    await back_up(platform, tmp_path / "backup")
    assert await platform.voices.withdraw(call, code)
    fresh = replace(platform.settings, database_url=make_url(engine))
    async with run_platform(fresh, platform.clock) as restored:
        done = await restore(restored, tmp_path / "backup", [platform.settings.withdrawals])
        assert done.withdrawals_applied == 1
        assert await totals(restored) == {1: 5}
        await restored.calls.refresh()
        its = restored.calls.get("call")
        with pytest.raises(VoiceWithdrawn):
            await restored.voices.give(its, once, Kind.ME_TOO)
        # A code given before the backup still works after it.
        assert await restored.voices.withdraw(its, read_code(kept))
        assert await totals(restored) == {1: 4}


async def test_a_backup_of_one_engine_is_restored_into_the_other(
    platform: Platform, tmp_path: Path, engine: str, make_url: Callable[[str], str]
) -> None:
    await give(platform, 20)
    await give(platform, 7, Kind.STAND_WITH_YOU)
    await back_up(platform, tmp_path / "backup")
    other = "postgresql" if engine == "sqlite" else "sqlite"
    async with open_platform(replace(platform.settings, database_url=make_url(other))) as restored:
        await restore(restored, tmp_path / "backup", [])
        assert await totals(restored) == {1: 20, 2: 7}


async def test_voices_given_since_the_backup_stay(platform: Platform, tmp_path: Path) -> None:
    await give(platform, 3)
    await back_up(platform, tmp_path / "backup")
    await give(platform, 4)
    done = await restore(platform, tmp_path / "backup", [])
    assert (done.voices_in_backup, done.voices_now) == (3, 7)
    assert await totals(platform) == {1: 7}


async def test_restoring_twice_changes_nothing_more(platform: Platform, tmp_path: Path) -> None:
    codes = await give(platform, 8)
    await back_up(platform, tmp_path / "backup")
    await platform.voices.withdraw(platform.calls.get("call"), codes[0])
    first = await restore(platform, tmp_path / "backup", [platform.settings.withdrawals])
    assert await restore(platform, tmp_path / "backup", [platform.settings.withdrawals]) == first
    assert await totals(platform) == {1: 7}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _without_rows(path: Path) -> None:
    with zipfile.ZipFile(path) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    files["voice.jsonl"] = b"".join(files["voice.jsonl"].splitlines(keepends=True)[:-1])
    with zipfile.ZipFile(path, "w") as poorer:
        for name, content in files.items():
            poorer.writestr(name, content)


def _other_bytes(path: Path) -> None:
    path.write_bytes(b"no backup at all")


@pytest.mark.parametrize("spoil", [_cut, _without_rows, _other_bytes])
async def test_a_backup_that_is_not_whole_changes_nothing(
    platform: Platform, tmp_path: Path, make_url: Callable[[str], str], engine: str, spoil: Callable[[Path], None]
) -> None:
    await give(platform, 6)
    await back_up(platform, tmp_path / "backup")
    spoil(tmp_path / "backup")
    async with open_platform(replace(platform.settings, database_url=make_url(engine))) as empty:
        with pytest.raises(UnusableBackup):
            await restore(empty, tmp_path / "backup", [])
        assert await totals(empty) == {}
        await empty.calls.refresh()
        assert empty.calls.all() == []


async def test_a_code_of_another_call_takes_nothing_back(platform: Platform) -> None:
    await platform.calls.load("other", {"en": TEXT})
    (code,) = await give(platform)
    with pytest.raises(UnknownCode):
        await platform.voices.withdraw(platform.calls.get("other"), code)
    assert await totals(platform) == {1: 1}


# The server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("attacks"), DEMO_CALL, pow_bits=0, tick=1) as running:
        yield running


PAGES = [
    "/en/",
    "/es/call/metoo",
    "/en/call/metoo/count",
    "/ar/help",
    "/en/safety",
    "/en/call/metoo/withdraw",
    "/en/no",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_kept_in_a_cache(place: Server, path: str) -> None:
    assert httpx.get(place.url + path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PAGES, "/api/calls", "/api/nothing", "/static/style.css", "/healthz", "/"])
def test_every_answer_carries_the_security_headers(place: Server, path: str) -> None:
    headers = httpx.get(place.url + path).headers
    for name, value in SECURITY:
        assert headers[name.decode()] == value.decode()
    assert "set-cookie" not in headers
    assert "server" not in headers


def test_the_security_headers_let_nobody_else_in() -> None:
    headers = {name.decode(): value.decode() for name, value in SECURITY}
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_nothing_about_a_visitor_is_logged(tmp_path: Path, make_url: Callable[[str], str], engine: str) -> None:
    """Not even where something of ours breaks, and the log says what."""
    with server(tmp_path, DEMO_CALL, database_url=make_url(engine), workers=1, pow_bits=0) as first:
        pass
    log, secret, telephone = tmp_path / "log", fresh_nonce(), {"user-agent": "Her Telephone"}
    serve = [sys.executable, "-m", "notalone", "serve"]
    with serving(serve, first.environment, first.url, log), httpx.Client(headers=telephone, timeout=30) as visitor:
        form = {"nonce": secret, "kind": "metoo", "proof": "00000000", "ticket": ""}
        counted = visitor.post(f"{first.url}/en/call/metoo/voice", data=form)
        assert counted.status_code == 201
        code = re.findall(r"[0-9A-Z]{6}(?:-[0-9A-Z]{6}){2}", counted.text)[0]
        visitor.post(f"{first.url}/api/calls/metoo/withdrawals", json={"code": "?"})
        visitor.get(f"{first.url}/en/call/hers/voice?mine=1")
        asyncio.run(mislay_voices(first.environment["NOTALONE_DATABASE_URL"]))
        assert visitor.post(f"{first.url}/en/call/metoo/voice", data={**form, "kind": "stand"}).status_code == 500
        for taken_back in ({"code": code}, {"code": code.lower()}):
            answer = visitor.post(f"{first.url}/api/calls/metoo/withdrawals", json=taken_back)
            assert answer.status_code == 500
    output = log.read_text()
    # Whichever of the two comes to the table first.
    assert "the voice writer failed" in output or "an unexpected error at the voice door" in output
    assert "an unexpected error" in output
    for hers in (secret, code, code.replace("-", ""), "Telephone", "127.0.0.1:", "/api/calls/", "/voice?"):
        assert hers.lower() not in output.lower().replace(first.url, "")
    assert "/call/" not in output


async def mislay_voices(url: str) -> None:
    """What no statement of ours is ready for."""
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE voice RENAME TO mislaid"))
    await database.close()


# Durable


@pytest.mark.parametrize("seed", [secrets.randbits(32)])
def test_killed_at_any_moment_it_keeps_every_accepted_voice_and_none_twice(
    tmp_path: Path, make_url: Callable[[str], str], engine: str, seed: int
) -> None:
    """Ten moments on each engine; every voice answered with 201 is there afterwards, and the tally says as many."""
    chance = Random(seed)  # noqa: S311
    url = make_url(engine)
    accepted: set[str] = set()
    for moment in range(10):
        bundles = [] if moment else [DEMO_CALL]
        with server(tmp_path, *bundles, database_url=url, pow_bits=0, workers=1) as running:
            accepted |= _give_until_killed(running, after=chance.randrange(1, 400))
    assert accepted
    found = subprocess.run(
        [sys.executable, "-c", _LOOK_UP],
        env={**running.environment, "PYTHONPATH": str(Path(__file__).parent.parent)},
        input=json.dumps(sorted(accepted)),
        capture_output=True,
        text=True,
        check=True,
    )
    missing, rows, tally = json.loads(found.stdout)
    assert missing == []
    assert rows == tally >= len(accepted)


def _give_until_killed(running: Server, after: int) -> set[str]:
    """The codes of all 201 that came before the server was killed, in the middle of answering."""
    codes: list[str] = []

    def taps(_: int) -> None:
        with httpx.Client() as visitor:
            while True:
                voice = {"nonce": fresh_nonce(), "kind": "metoo", "proof": "00000000"}
                try:
                    answer = visitor.post(f"{running.url}/api/calls/metoo/voices", json=voice)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                codes.append(answer.json()["code"])
                if len(codes) >= after:
                    running.process.kill()

    with ThreadPoolExecutor(16) as people:
        list(people.map(taps, range(16)))
    return set(codes)


_LOOK_UP = """
import asyncio, json, sys
from tests.test_attacks import look_up
print(json.dumps(asyncio.run(look_up(json.load(sys.stdin)))))
"""


async def look_up(codes: list[str]) -> tuple[list[str], int, int]:
    """Which codes have no voice; how many rows there are; what the tally says."""
    async with open_platform(read_settings()) as platform:
        call = platform.calls.get("metoo")
        async with platform.database.read() as connection:
            missing = [
                code
                for code in codes
                if await stored_voices.kind_of(connection, call.id, id_for(call.salt, code)) is None
            ]
            rows = await stored_backup.count(connection, "voice")
            tally = sum((await stored.totals(connection)).values())
    return missing, rows, tally
