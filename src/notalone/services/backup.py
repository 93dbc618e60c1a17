# SPDX-License-Identifier: AGPL-3.0-or-later
"""A backup is one file, made while the server runs, that either database can be restored from.

It is a ZIP of one JSON line a row, a file a table, with a manifest that says how many rows each must have. Restoring
merges: nothing that was accepted since is lost, and withdrawals made since are applied again from the journal.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from notalone.services.platform import Platform
from notalone.storage import backup as stored
from notalone.storage import journal, magnitude
from notalone.storage.database import Connection

FORMAT = 1
Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


class UnusableBackup(ValueError):
    """This file cannot be restored. Nothing was changed."""


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    made_on: date
    rows: dict[str, int]


class Restored(msgspec.Struct, frozen=True):
    """What a restore did."""

    made_on: date
    voices_in_backup: int
    withdrawals_applied: int
    voices_now: int


def _silent(table: str, done: int, total: int) -> None:
    pass


async def back_up(platform: Platform, path: Path, progress: Progress = _silent) -> int:
    """Write the backup; how many voices it holds. The file appears whole or not at all. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    counts: dict[str, int] = {}
    try:
        with partial.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                async with platform.database.read() as connection:
                    for table in stored.TABLES:
                        total = await stored.count(connection, table)
                        counts[table] = await _write_table(archive, connection, table, total, progress)
                archive.writestr("manifest.json", msgspec.json.encode(_Manifest(FORMAT, platform.today(), counts)))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return counts["voice"]


async def _write_table(
    archive: zipfile.ZipFile, connection: Connection, table: str, total: int, progress: Progress
) -> int:
    done = 0
    with archive.open(f"{table}.jsonl", "w", force_zip64=True) as out:
        async for row in stored.rows(connection, table):
            out.write(msgspec.json.encode(row) + b"\n")
            done += 1
            if done % stored.CHUNK == 0:
                progress(table, done, total)
    progress(table, done, total)
    return done


async def restore(platform: Platform, path: Path, journals: Sequence[Path], progress: Progress = _silent) -> Restored:
    """Merge the backup into this database, then apply every withdrawal of the journals, in one transaction.

    Raises UnusableBackup, StorageUnavailable, OSError; then nothing was changed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = msgspec.json.decode(archive.read("manifest.json"), type=_Manifest)
            if manifest.format != FORMAT:
                raise UnusableBackup(f"{path}: format {manifest.format} is newer than this program")
            async with platform.database.write() as connection:
                return await _merge(connection, archive, manifest, journals, progress)
    except (zipfile.BadZipFile, KeyError, msgspec.DecodeError) as error:
        raise UnusableBackup(f"{path} is not a whole backup: {error}") from error


async def _merge(
    connection: Connection,
    archive: zipfile.ZipFile,
    manifest: _Manifest,
    journals: Sequence[Path],
    progress: Progress,
) -> Restored:
    await stored.hold_writers(connection)
    ids, restored = await _merge_calls(connection, archive)
    # The texts of a call belong together: those that are here are newer and stay.
    await _merge_table(connection, archive, manifest, "call_text", restored, progress)
    for table in ("voice", "release", "server_key"):
        await _merge_table(connection, archive, manifest, table, ids, progress)
    for row in _lines(archive, "publication"):
        await stored.raise_tick(connection, int(row["tick"]))
    slugs = {slug: id for slug, (id, _, _) in (await stored.calls_here(connection)).items()}
    withdrawals = {(slugs[slug], id) for path in journals for slug, id in journal.read(path) if slug in slugs}
    applied = await stored.mark_withdrawn(connection, sorted(withdrawals))
    await stored.count_again(connection)
    return Restored(
        made_on=manifest.made_on,
        voices_in_backup=manifest.rows["voice"],
        withdrawals_applied=applied,
        voices_now=sum((await magnitude.totals(connection)).values()),
    )


async def _merge_calls(connection: Connection, archive: zipfile.ZipFile) -> tuple[dict[int, int], dict[int, int]]:
    """The id here of each call of the backup, and of those alone that were restored now."""
    here = await stored.calls_here(connection)
    ids: dict[int, int] = {}
    restored: dict[int, int] = {}
    for row in _lines(archive, "call"):
        if row["slug"] not in here:
            ids[row["id"]] = restored[row["id"]] = await stored.add_call(connection, row)
            continue
        call_id, salt, voices = here[row["slug"]]
        if salt != row["salt"]:
            if voices:
                raise UnusableBackup(
                    f"the call {row['slug']} here is another one than the backup's, and it has voices; "
                    "restore into an empty database instead"
                )
            await stored.adopt_call(connection, call_id, row)
            restored[row["id"]] = call_id
        ids[row["id"]] = call_id
    return ids, restored


async def _merge_table(
    connection: Connection,
    archive: zipfile.ZipFile,
    manifest: _Manifest,
    table: str,
    ids: dict[int, int],
    progress: Progress,
) -> None:
    done, total = 0, manifest.rows[table]
    for chunk in _chunks(_lines(archive, table)):
        ours = (row for row in chunk if "call_id" not in row or row["call_id"] in ids)
        moved = [{**row, "call_id": ids[row["call_id"]]} if "call_id" in row else row for row in ours]
        if moved:
            await stored.add_rows(connection, table, moved)
        if table == "voice":
            await stored.mark_withdrawn(connection, ((r["call_id"], r["id"]) for r in moved if r["kind"] == 0))
        done += len(chunk)
        progress(table, done, total)
    if done != total:
        raise UnusableBackup(f"{table}: {done} rows where the manifest says {total}")


# Which columns are not what JSON makes of them.
_BYTES = {"salt", "id", "value"}
_DATES = {"loaded_on", "closed_on"}


def _lines(archive: zipfile.ZipFile, table: str) -> Iterator[dict[str, Any]]:
    with archive.open(f"{table}.jsonl") as file:
        for line in file:
            yield {name: _value(name, value) for name, value in msgspec.json.decode(line).items()}


def _value(name: str, value: object) -> object:
    if isinstance(value, str) and name in _BYTES:
        return msgspec.convert(value, bytes)
    if isinstance(value, str) and name in _DATES:
        return date.fromisoformat(value)
    return value


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == stored.CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
