# SPDX-License-Identifier: AGPL-3.0-or-later
"""A backup is one file, made while the server runs, that either database can be restored from.

It is a ZIP of one JSON line a row, a file a table, with a manifest that says how many rows each must have. Restoring
merges: nothing that was accepted since is lost, and withdrawals made since are applied again from the journal.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from notalone.protocol.call import LANGUAGE, SLUG
from notalone.services.platform import Platform
from notalone.storage import backup as stored
from notalone.storage import journal, magnitude
from notalone.storage.database import Connection, Database
from notalone.storage.journal import NotAJournal as NotAJournal
from notalone.storage.voice import WITHDRAWN, hold_writers

FORMAT = 1
Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


class UnusableBackup(ValueError):
    """This file cannot be restored. Nothing was changed. `hint` says what to do next."""

    hint = "nothing was changed; if that file is damaged, try an older backup"


class NewerBackup(UnusableBackup):
    """A later version of this program made it."""

    hint = "nothing was changed; restore it with the version that made it, or a later one"


class AnotherCall(UnusableBackup):
    """It has a call of the same name as one here, which is another call."""

    hint = "nothing was changed; restore into an empty database instead"


class _Version(msgspec.Struct):
    """Of the manifest, what every format has."""

    format: int


class _Manifest(_Version, forbid_unknown_fields=True):
    made_on: date
    rows: dict[str, int]


# What a row of each table may hold. A backup comes from outside, perhaps years later: nothing of it goes unchecked.
_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# A moment that has a year of four digits: pages show it.
_Tick = Annotated[int, Meta(ge=0, le=253_402_300_799)]
_CallId = Annotated[int, Meta(ge=1, lt=2**31)]
_Revision = Annotated[int, Meta(ge=1, lt=2**31)]
_Sixteen = Annotated[bytes, Meta(min_length=16, max_length=16)]


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Call(_Row):
    id: _CallId
    slug: Annotated[str, Meta(pattern=rf"\A{SLUG}\Z")]
    salt: _Sixteen
    loaded_on: date
    closed_on: date | None
    revision: _Revision


class _CallText(_Row):
    call_id: _CallId
    lang: Annotated[str, Meta(pattern=rf"\A{LANGUAGE}\Z")]
    source: Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]


class _Voice(_Row):
    call_id: _CallId
    id: _Sixteen
    kind: Literal[0, 1, 2]


class _Release(_Row):
    call_id: _CallId
    kind: Literal[1, 2]
    tick: _Tick
    number: _Number | None


class _Publication(_Row):
    id: Literal[1]
    tick: _Tick


class _ServerKey(_Row):
    name: Annotated[str, Meta(pattern=r"\A[^\x00]{1,40}\Z")]
    value: Annotated[bytes, Meta(min_length=1)]


_ROWS: dict[str, type[_Row]] = {
    "call": _Call,
    "call_text": _CallText,
    "voice": _Voice,
    "release": _Release,
    "publication": _Publication,
    "server_key": _ServerKey,
}


class Restored(msgspec.Struct, frozen=True):
    """What a restore did."""

    made_on: date
    voices_in_backup: int
    withdrawals_applied: int
    voices_now: int
    # How many withdrawals each journal has; None: there is no such file.
    journals: dict[Path, int | None]
    # The calls that were not here before, and whether each is open.
    new_calls: dict[str, bool]


def _silent(table: str, done: int, total: int) -> None:
    pass


async def back_up(platform: Platform, path: Path, progress: Progress = _silent) -> int:
    """Write the backup; how many voices stand in it. The file appears whole or not at all.

    Raises OSError, StorageUnavailable.
    """
    with _appearing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        counts, voices = await _write_tables(archive, platform.database, progress)
        archive.writestr("manifest.json", msgspec.json.encode(_Manifest(FORMAT, platform.today(), counts)))
    return voices


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    """Stands at `path` once the block has ended well; what was there stays until then."""
    # For its owner's eyes only, under a name of its own: another backup may be on its way to the same path.
    handle, name = tempfile.mkstemp(".partial", f"{path.name}.", path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        partial.replace(path)
        journal.sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


async def _write_tables(archive: zipfile.ZipFile, database: Database, progress: Progress) -> tuple[dict[str, int], int]:
    """Rows of each table, and voices that stand among them."""
    counts: dict[str, int] = {}
    standing = 0
    # Written out here, not within the transaction: what the disk does to the file is no fault of the database.
    async with aclosing(stored.snapshot(database)) as snapshot:
        with ExitStack() as open_part:
            async for table, total, rows in snapshot:
                if table not in counts:
                    open_part.close()
                    part = open_part.enter_context(archive.open(f"{table}.jsonl", "w", force_zip64=True))
                part.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
                counts[table] = counts.get(table, 0) + len(rows)
                standing += _standing(table, rows)
                progress(table, counts[table], total)
    return counts, standing


def _standing(table: str, rows: Iterable[stored.Row]) -> int:
    return sum(row["kind"] != WITHDRAWN for row in rows) if table == "voice" else 0


class _Backup:
    """The file, opened."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        manifest = archive.read("manifest.json")
        version = msgspec.json.decode(manifest, type=_Version).format
        if version > FORMAT:
            raise NewerBackup(f"the backup has format {version}, which is newer than this program")
        self.manifest = msgspec.json.decode(manifest, type=_Manifest)
        self.standing = 0  # how many voices; known once it was checked

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        decoder = msgspec.json.Decoder(_ROWS[table])
        try:
            with self._archive.open(f"{table}.jsonl") as file:
                for line in file:
                    yield msgspec.structs.asdict(decoder.decode(line))
        except OSError as error:
            # As it is, it would pass for the database's in whose transaction the rows are used.
            raise UnusableBackup(f"it cannot be read: {error}") from error

    def check(self) -> list[dict[str, Any]]:
        """Read it all; its calls. Raises whatever is wrong."""
        if self.manifest.format != FORMAT:
            raise UnusableBackup(f"there is no format {self.manifest.format}")
        calls = list(self.rows("call"))
        ids = {row["id"] for row in calls}
        if not len(ids) == len({row["slug"] for row in calls}) == len(calls):
            raise UnusableBackup("a call is in it twice")
        for table in _ROWS:
            done, total = 0, self.manifest.rows[table]
            for row in self.rows(table):
                done += 1
                if "call_id" in row and row["call_id"] not in ids:
                    raise UnusableBackup(f"{table}: a row of a call that is not in it")
                self.standing += _standing(table, (row,))
            if done != total:
                raise UnusableBackup(f"{table}: {done} rows where the manifest says {total}")
        return calls


async def restore(platform: Platform, path: Path, journals: Sequence[Path], progress: Progress = _silent) -> Restored:
    """Merge the backup into this database, then apply every withdrawal of the journals, in one transaction.

    Raises UnusableBackup, NotAJournal, StorageUnavailable, OSError; then nothing was changed.
    """
    with path.open("rb") as file:
        try:
            backup = _Backup(zipfile.ZipFile(file))
            calls = backup.check()
        except NewerBackup:
            raise
        except Exception as error:
            # What zipfile stumbles over in a damaged file has a dozen types, and words for nobody.
            what = "a whole backup" if zipfile.is_zipfile(file) else "a backup of Not Alone"
            raise UnusableBackup(f"{path} is not {what}") from error
        # Before the transaction, which would take their faults for the database's. Who withdraws meanwhile is not
        # missed: her voice is here, marked already or as soon as its writer need no longer wait.
        read = {each: journal.read(each) for each in journals}
        withdrawals = {withdrawal for some in read.values() for withdrawal in some or ()}
        async with platform.database.write() as connection:
            await hold_writers(connection)
            await magnitude.hold_publishing(connection)
            before = await stored.calls_here(connection)
            applied = await _merge(connection, backup, withdrawals, progress)
            now = sum((await magnitude.totals(connection)).values())
    return Restored(
        backup.manifest.made_on,
        backup.standing,
        applied,
        now,
        {each: None if some is None else len(some) for each, some in read.items()},
        {row["slug"]: row["closed_on"] is None for row in calls if row["slug"] not in before},
    )


async def _merge(
    connection: Connection, backup: _Backup, withdrawals: Iterable[tuple[str, bytes]], progress: Progress
) -> int:
    """How many voices the withdrawals, by slug and id, took out."""
    ids, restored = await _merge_calls(connection, backup)
    # The texts of a call belong together: those that are here are newer and stay.
    await _merge_table(connection, backup, "call_text", restored, progress)
    for table in ("voice", "release", "server_key"):
        await _merge_table(connection, backup, table, ids, progress)
    for row in backup.rows("publication"):
        await stored.raise_tick(connection, row["tick"])
    here = await stored.calls_here(connection)
    applied = await stored.mark_withdrawn(
        connection, sorted((here[slug].id, id) for slug, id in withdrawals if slug in here)
    )
    await stored.count_again(connection)
    return applied


async def _merge_calls(connection: Connection, backup: _Backup) -> tuple[dict[int, int], dict[int, int]]:
    """The id here of each call of the backup, and of those alone that were restored now."""
    here = await stored.calls_here(connection)
    ids: dict[int, int] = {}
    restored: dict[int, int] = {}
    for row in backup.rows("call"):
        there = here.get(row["slug"])
        if there is None:
            ids[row["id"]] = restored[row["id"]] = await stored.add_call(connection, row)
        elif there.salt == row["salt"]:
            ids[row["id"]] = there.id
            if row["closed_on"] is not None:
                await stored.close_call(connection, there.id, row["closed_on"])
        elif there.used:
            raise AnotherCall(
                f"the call {row['slug']} here is another one than the backup's, and it has voices or published numbers"
            )
        else:
            ids[row["id"]] = restored[row["id"]] = await stored.replace_call(connection, row)
    return ids, restored


async def _merge_table(
    connection: Connection, backup: _Backup, table: str, ids: Mapping[int, int], progress: Progress
) -> None:
    done, total = 0, backup.manifest.rows[table]
    for chunk in _chunks(backup.rows(table)):
        ours = (row for row in chunk if "call_id" not in row or row["call_id"] in ids)
        moved = [{**row, "call_id": ids[row["call_id"]]} if "call_id" in row else row for row in ours]
        if moved:
            await stored.add_rows(connection, table, moved)
        if table == "voice":
            await stored.mark_withdrawn(connection, ((r["call_id"], r["id"]) for r in moved if r["kind"] == WITHDRAWN))
        done += len(chunk)
        progress(table, done, total)


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(rows, stored.CHUNK)):
        yield chunk
