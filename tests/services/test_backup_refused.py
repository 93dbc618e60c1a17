# SPDX-License-Identifier: AGPL-3.0-or-later
"""Backups that cannot be restored, and restores that the database stops: nothing is changed."""

from __future__ import annotations

import json
import random
import secrets
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from notalone.protocol.voice import Kind
from notalone.services.backup import _ROWS, UnusableBackup, back_up, restore
from notalone.storage.database import StorageUnavailable
from notalone.storage.schema import metadata
from tests.conftest import TEXT, Clock
from tests.services.deployments import Deployments, content, contents, crowd, populate, put

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU
Contents = dict[str, list[dict[str, Any]]]


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
    "a manifest of a format that never was": replaced("manifest.json", b'"format":1', b'"format":0'),
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
    "a key with a zero byte in its name": replaced("server_key.jsonl", b'"name":"', b'"name":"\\u0000'),
    "a key without a name": replaced("server_key.jsonl", b'"name":"waiting line"', b'"name":""'),
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
                assert "is not a" in str(error), what  # noqa: PT017
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


@pytest.mark.parametrize("data", [b"", b"PK", b"not a backup at all" * 100])
async def test_what_is_no_backup_is_refused(deployments: Deployments, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.notalone"
    put(path, data)
    async with deployments.fresh("sqlite") as two:
        with pytest.raises(UnusableBackup, match="not a backup of Not Alone"):
            await restore(two, path, [])
        with pytest.raises(OSError, match="nothing"):
            await restore(two, tmp_path / "nothing", [])


async def test_what_the_disk_does_is_not_told_as_the_databases_doing(
    deployments: Deployments, engine: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployments.fresh(engine) as two:
        before = await contents(two.database)
        with pytest.raises(IsADirectoryError):
            await restore(two, good, [tmp_path])
        opened, times = zipfile.ZipFile.open, list[str]()

        def fail(self: zipfile.ZipFile, name: str, *given: Any, **options: Any) -> Any:
            times.append(name)
            if times.count("voice.jsonl") == 2:  # the first time it is checked
                raise OSError("the disk fails")
            return opened(self, name, *given, **options)

        monkeypatch.setattr(zipfile.ZipFile, "open", fail)
        with pytest.raises(UnusableBackup, match="cannot be read: the disk fails"):
            await restore(two, good, [])
        assert await contents(two.database) == before


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
