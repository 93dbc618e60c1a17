# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was accepted is still there after the power failed, and this test knows a setting under which it is not.

Run as a program (`python -m tests.durability.test_powerloss PROGRAM DIRECTORY ...`), it is also what gets recorded.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import mmap
import os
import random
import resource
import secrets
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from tests.durability.powerloss import (
    SECTOR,
    Escaped,
    Image,
    Kind,
    Names,
    Operation,
    OperationLog,
    Recording,
    mark,
    record,
)

ROOT = Path(__file__).parents[2]
DATABASE = "voices.db"
ID_BYTES = 16


# ---- programs to record ----


def commit_rows(directory: str, synchronous: str, writers: str = "1", told: str = "after the commit") -> None:
    """Rows in groups, for ever, each group acknowledged; often checkpointed."""
    with closing(connect(directory, synchronous)) as connection:
        connection.execute("BEGIN")
        # No unique key here, so that the database itself would not hide a row that came twice.
        connection.execute("CREATE TABLE voice (id BLOB NOT NULL)")
        connection.execute("CREATE INDEX voice_id ON voice (id)")
        connection.execute("CREATE TABLE tally (number INTEGER NOT NULL)")
        connection.execute("COMMIT")
    for _ in range(int(writers) - 1):
        if os.fork() == 0:
            break
    connection = connect(directory, synchronous)
    while True:
        ids = [secrets.token_bytes(ID_BYTES) for _ in range(1 + secrets.randbelow(40))]
        if told == "too early":
            mark(b"".join(ids))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO voice VALUES (?)", ((id,) for id in ids))
        connection.execute("INSERT INTO tally VALUES (?)", (len(ids),))
        connection.execute("COMMIT")
        if told == "after the commit":
            mark(b"".join(ids))


def connect(directory: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(Path(directory) / DATABASE, isolation_level=None, timeout=20)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 40")
    return connection


def commit_voices(directory: str, synchronous: str) -> None:
    """The writer that the server uses, on a database made by the migrations; a few voices are sent again later."""
    asyncio.run(_commit_voices(directory, synchronous))


async def _commit_voices(directory: str, synchronous: str) -> None:
    # Here, because the other programs start several times as fast without it.
    from notalone.storage import call, voice
    from notalone.storage.database import SQLITE_PRAGMAS, Database

    database = Database(f"sqlite:///{directory}/{DATABASE}")
    await database.upgrade()
    async with database.write() as connection:
        call_id = await call.add(connection, "metoo", secrets.token_bytes(16), datetime.date(2017, 10, 15))
    writer = voice.voice_writer(database)
    extra = () if synchronous == "as it is" else (f"synchronous = {synchronous}",)
    with mock.patch.object(voice, "SQLITE_PRAGMAS", (*SQLITE_PRAGMAS, *extra, "wal_autocheckpoint = 60")):
        await writer.open()
    earlier: list[bytes] = []
    while True:
        ids = [secrets.token_bytes(ID_BYTES) for _ in range(1 + secrets.randbelow(40))]
        others = await writer.commit({(call_id, 1): ids + earlier[:3], (call_id, 2): earlier[3:5]})
        assert not others.keys() & set(ids)
        assert set(others.values()) <= {voice.NotNew.KNOWN}
        mark(b"".join(ids))
        earlier = ids


def recover(directory: str) -> None:
    """What a restart does first: play the log back, move it into the database, begin a new one."""
    with closing(sqlite3.connect(Path(directory) / DATABASE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("CREATE TABLE after_recovery (id INTEGER)")


def rewrite_files(directory: str) -> None:
    """Every recorded call, in the ways in which Python makes them."""
    folder = Path(directory)
    (folder / "below").mkdir()
    with (folder / "journal").open("ab") as journal:
        for line in (b"one\n", b"two\n"):
            journal.write(line)
            journal.flush()
            os.fsync(journal.fileno())
    with (folder / "journal").open("ab") as journal:
        journal.write(b"three\n")
    (folder / "below" / "draft").write_bytes(b"x" * 5000)
    with (folder / "below" / "draft").open("r+b") as draft:
        draft.seek(10)
        draft.write(b"yy")
        draft.truncate(4000)
        os.pwrite(draft.fileno(), b"zz", 4100)
    (folder / "below" / "draft").write_bytes(b"again")
    (folder / "below" / "draft").replace(folder / "final")
    (folder / "gone").touch()
    (folder / "gone").unlink()
    copy = os.dup(os.open("/dev/null", os.O_RDONLY))
    os.dup2(os.open(folder / "through-a-copy", os.O_WRONLY | os.O_CREAT), copy)
    os.write(copy, b"seen")
    os.close(copy)
    mark(b"done")


def write_unseen(directory: str) -> None:
    with (Path(directory) / "mapped").open("w+b") as file:
        file.truncate(SECTOR)
        with mmap.mmap(file.fileno(), SECTOR) as memory:
            memory[:4] = b"sly!"


def write_too_much(directory: str) -> None:
    """A disk that is full: the first write is cut short, the second fails."""
    full = 1 << 20  # beyond what the log itself comes to
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, full))
    file = os.open(Path(directory) / "file", os.O_WRONLY | os.O_CREAT)
    assert os.pwrite(file, b"a" * 900, full - 1000) == 900
    assert os.pwrite(file, b"b" * 900, full - 100) == 100
    with pytest.raises(OSError, match="File too large"):
        os.pwrite(file, b"c", full)


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program
    for program in (commit_rows, commit_voices, recover, rewrite_files, write_unseen, write_too_much)
}


def recorded(program: Callable[..., None], directory: Path, *arguments: str, marks: float = math.inf) -> OperationLog:
    directory.mkdir(exist_ok=True)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tests.durability.test_powerloss",
        program.__name__,
        directory,
        *arguments,
    ]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return record(command, directory, marks=marks, environment={"PYTHONPATH": path})


# ---- what must hold on every disk ----


def faults(image: Image, folder: Path) -> list[str]:
    """What is wrong after the database in the image was opened again; nothing, if every promise was kept."""
    image.write(folder)
    acknowledged = set(split(image.marks))
    try:
        stored, counted = _read(folder / DATABASE)
    except sqlite3.DatabaseError as error:
        return [f"{image}: {error}"]
    found = []
    if lost := acknowledged - stored.keys():
        found.append(f"{image}: {len(lost)} of {len(acknowledged)} acknowledged are lost")
    if twice := [id for id, times in stored.items() if times > 1]:
        found.append(f"{image}: {len(twice)} are there twice")
    if counted != stored.total():
        found.append(f"{image}: {stored.total()} are stored but {counted} counted")
    return found


def split(marks: Sequence[bytes]) -> list[bytes]:
    """The ids in them."""
    return [told[at : at + ID_BYTES] for told in marks for at in range(0, len(told), ID_BYTES)]


def _read(database: Path) -> tuple[Counter[bytes], int]:
    """The ids stored, and what the tally says."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for (verdict,) in connection.execute("PRAGMA integrity_check"):
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if not {"voice", "tally"} <= tables:
            return Counter(), 0
        stored = Counter(id for (id,) in connection.execute("SELECT id FROM voice"))
        (counted,) = connection.execute("SELECT coalesce(sum(number), 0) FROM tally").fetchone()
        return stored, int(counted)


def after_the_first_mark(log: OperationLog) -> set[str]:
    """Which files were written then."""
    kinds = [operation.kind for operation in log.operations]
    later = log.operations[kinds.index(Kind.MARK) :]
    return {operation.path for operation in later if operation.kind is Kind.WRITE}


def all_faults(images: Iterable[Image], folder: Path) -> list[str]:
    return [fault for n, image in enumerate(images) for fault in faults(image, folder / str(n))]


# ---- SQLite ----


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> OperationLog:
    return recorded(commit_rows, tmp_path_factory.mktemp("rows") / "run", "FULL", marks=60)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> OperationLog:
    return recorded(commit_voices, tmp_path_factory.mktemp("voices") / "run", "as it is", marks=45)


@pytest.mark.parametrize("names", Names)
def test_sqlite_keeps_what_it_acknowledged(rows: OperationLog, names: Names, tmp_path: Path) -> None:
    assert DATABASE in after_the_first_mark(rows), "too short a run: nothing was moved from the log into the database"
    assert all_faults(rows.images(seed=1, count=60, names=names), tmp_path) == []


def test_two_processes_keep_what_they_acknowledged(tmp_path: Path) -> None:
    log = recorded(commit_rows, tmp_path / "run", "FULL", "2", marks=60)
    assert all_faults(log.images(seed=2, count=40), tmp_path / "images") == []


@pytest.mark.parametrize(
    ("synchronous", "told"),
    [("NORMAL", "after the commit"), ("OFF", "after the commit"), ("FULL", "too early")],
)
def test_a_promise_made_too_early_is_found_out(tmp_path: Path, synchronous: str, told: str) -> None:
    log = recorded(commit_rows, tmp_path / "run", synchronous, "1", told, marks=60)
    found = all_faults(log.images(seed=1, count=30), tmp_path / "images")
    assert any("acknowledged are lost" in fault for fault in found)
    if synchronous != "OFF":  # it may forget the newest groups, but never breaks
        assert all("acknowledged are lost" in fault for fault in found)


@pytest.mark.parametrize("name", [DATABASE, f"{DATABASE}-wal", ""], ids=["database", "log", "directory"])
def test_a_disk_that_lies_about_one_file_is_found_out(rows: OperationLog, name: str, tmp_path: Path) -> None:
    assert all_faults(without_syncs(rows, name).images(seed=3, count=30), tmp_path)


def without_syncs(log: OperationLog, name: str) -> OperationLog:
    void = {
        index
        for index, operation in enumerate(log.operations)
        if operation.kind is Kind.SYNC and operation.path == name
    }
    assert void
    ends = {
        index
        for index, operation in enumerate(log.operations)
        if operation.kind is Kind.SYNCED and operation.value in void
    }
    nothing = Operation(Kind.RESULT)
    operations = [nothing if index in void | ends else operation for index, operation in enumerate(log.operations)]
    return OperationLog(log.start, operations)


def test_power_fails_again_while_sqlite_recovers(rows: OperationLog, tmp_path: Path) -> None:
    for n, image in enumerate(list(rows.images(seed=4, count=4))[1::2]):
        again = recorded(recover, image.write(tmp_path / f"restart-{n}"))
        promised = [Image(disk.at, disk.files, image.marks, disk.losses) for disk in again.images(seed=n, count=15)]
        assert all_faults(promised, tmp_path / f"images-{n}") == []


def test_the_servers_writer_keeps_what_it_acknowledged(voices: OperationLog, tmp_path: Path) -> None:
    assert DATABASE in after_the_first_mark(voices)
    assert all_faults(voices.images(seed=5, count=40), tmp_path) == []


def test_the_servers_writer_would_be_found_out(tmp_path: Path) -> None:
    log = recorded(commit_voices, tmp_path / "run", "NORMAL", marks=10)
    assert any(
        "acknowledged are lost" in fault for fault in all_faults(log.images(seed=6, count=15), tmp_path / "images")
    )


async def test_voices_sent_again_after_the_power_failed_count_once(voices: OperationLog, tmp_path: Path) -> None:
    from notalone.storage.voice import NotNew, SqliteVoiceWriter

    everyone = split(voices.marks)
    for n, image in enumerate(voices.images(seed=7, count=6)):
        if not image.marks:
            continue
        folder = image.write(tmp_path / f"image-{n}")
        before, _ = _read(folder / DATABASE)
        writer = SqliteVoiceWriter(str(folder / DATABASE))
        await writer.open()
        assert await writer.commit({(1, 1): everyone}) == dict.fromkeys(before, NotNew.KNOWN)
        await writer.close()
        after, counted = _read(folder / DATABASE)
        assert after.keys() == before.keys() | set(everyone)
        assert counted == after.total() == len(after)


# ---- the recorder ----


def test_the_log_tells_what_python_does_to_files(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal").write_bytes(b"zero\n")
    log = recorded(rewrite_files, tmp_path / "run")  # which compares the log with the directory
    assert log.start == {"journal": b"zero\n"}
    assert log.marks == [b"done"]
    kinds = Counter(operation.kind for operation in log.operations)
    assert kinds[Kind.SYNC] == kinds[Kind.SYNCED] == 2
    assert kinds[Kind.CREATE] == 3
    assert Operation(Kind.RENAME, "below/draft", b"final") in log.operations
    for image in log.images(seed=1, count=40):
        lines = image.files["journal"].split(b"\n")
        assert lines[0] == b"zero"
        if image.marks:
            assert lines[:3] == [b"zero", b"one", b"two"]


def test_a_change_made_unseen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Escaped, match="mapped"):
        recorded(write_unseen, tmp_path / "run")


def test_writes_that_failed_or_were_cut_short_are_not_believed(tmp_path: Path) -> None:
    log = recorded(write_too_much, tmp_path / "run")
    written = [operation.data for operation in log.operations if operation.kind is Kind.WRITE]
    assert written == [b"a" * 900, b"b" * 100]


def test_this_process_can_mark_what_it_was_told(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with Recording(tmp_path / "run") as recording:
        recording.start(["sh", "-c", f"echo told > {tmp_path}/run/file"]).wait()
        recording.mark(b"heard")
    with pytest.raises(LookupError):
        mark(b"not recorded")
    kinds = [operation.kind for operation in recording.log.operations]
    assert kinds == [Kind.CREATE, Kind.WRITE, Kind.MARK]


# ---- the disk ----

OLD, NEW = b"o" * 2048, b"n" * 2048
SYNC_FILE = [Operation(Kind.SYNC, "file"), Operation(Kind.SYNCED, value=0)]


def disks(*operations: Operation, names: Names = Names.STRICT) -> list[Image]:
    """Many disks on which all of these operations were done; a SYNCED is of the SYNC before it."""
    began = 0
    placed: list[Operation] = []
    for operation in operations:
        if operation.kind is Kind.SYNC:
            began = len(placed)
        is_end = operation.kind is Kind.SYNCED
        placed.append(Operation(Kind.SYNCED, value=began) if is_end else operation)
    log = OperationLog({"file": OLD}, placed)
    return [image for image in log.images(seed=1, count=400, names=names) if image.at == len(placed)]


def contents(images: Sequence[Image], name: str = "file") -> set[bytes | None]:
    return {image.files.get(name) for image in images}


def test_what_was_not_synced_may_be_lost_kept_or_torn_but_only_between_sectors() -> None:
    found = contents(disks(Operation(Kind.WRITE, "file", NEW)))
    assert {OLD, NEW} < found
    for content in found:
        assert content is not None
        assert len(content) == len(OLD)
        assert all(len(set(content[at : at + SECTOR])) == 1 for at in range(0, len(content), SECTOR))


def test_what_was_synced_is_certain_and_what_came_during_the_sync_is_not() -> None:
    write = Operation(Kind.WRITE, "file", NEW)
    assert contents(disks(write, *SYNC_FILE)) == {NEW}
    assert OLD in contents(disks(SYNC_FILE[0], write, SYNC_FILE[1]))
    assert OLD in contents(disks(write, SYNC_FILE[0]))


def test_a_size_may_be_that_of_another_moment() -> None:
    longer = contents(disks(Operation(Kind.WRITE, "file", NEW, value=len(OLD))))
    assert OLD + bytes(len(NEW)) in longer  # the size arrived, the data did not
    assert OLD + NEW in longer
    shorter = contents(disks(Operation(Kind.TRUNCATE, "file", value=700), Operation(Kind.TRUNCATE, "file", value=1500)))
    assert {OLD, OLD[:700], OLD[:700] + bytes(800)} <= shorter


def test_of_two_writes_the_second_alone_may_arrive() -> None:
    first, second = Operation(Kind.WRITE, "file", NEW[:512]), Operation(Kind.WRITE, "file", NEW[:512], value=1024)
    assert OLD[:1024] + NEW[:512] + OLD[:512] in contents(disks(first, second))


@pytest.mark.parametrize(
    ("sync", "strict", "ext4"),
    [
        ([], {None, NEW}, {None, NEW}),
        ([Operation(Kind.SYNC, "new", value=1), Operation(Kind.SYNCED)], {None, NEW}, {NEW}),
        ([Operation(Kind.SYNC, ""), Operation(Kind.SYNCED)], {NEW}, {NEW}),
        ([Operation(Kind.SYNC, "below"), Operation(Kind.SYNCED)], {None, NEW}, {None, NEW}),
    ],
    ids=["nothing", "the file", "its directory", "another directory"],
)
def test_when_a_new_name_is_certain(sync: list[Operation], strict: set[bytes | None], ext4: set[bytes | None]) -> None:
    made = [Operation(Kind.CREATE, "new"), Operation(Kind.WRITE, "new", NEW)]
    for names, expected in ((Names.STRICT, strict), (Names.EXT4, ext4)):
        found = contents(disks(*made, *sync, names=names), "new")
        assert (None in found) == (None in expected)
        assert NEW in found


@pytest.mark.parametrize("names", Names)
def test_a_replaced_file_is_the_old_or_the_new_one(names: Names) -> None:
    made = [Operation(Kind.CREATE, "new"), Operation(Kind.WRITE, "new", NEW)]
    synced = [Operation(Kind.SYNC, "new"), Operation(Kind.SYNCED)]
    rename = Operation(Kind.RENAME, "new", b"file")
    assert contents(disks(*made, *synced, rename, names=names)) == {OLD, NEW}
    directory = [Operation(Kind.SYNC, ""), Operation(Kind.SYNCED)]
    assert contents(disks(*made, *synced, rename, *directory, names=names)) == {NEW}
    assert b"" in contents(disks(*made, rename, *directory, names=names))


def test_ext4_keeps_the_order_of_names() -> None:
    first, second = Operation(Kind.CREATE, "first"), Operation(Kind.CREATE, "second")
    strict, ext4 = ({frozenset(image.files) for image in disks(first, second, names=names)} for names in Names)
    alone = frozenset({"file", "second"})
    assert alone in strict
    assert alone not in ext4


def test_the_same_seed_gives_the_same_disks() -> None:
    log = OperationLog({"file": OLD}, [Operation(Kind.WRITE, "file", NEW)] * 5)
    assert list(log.images(seed=4, count=9)) == list(log.images(seed=4, count=9))
    assert list(log.images(seed=4, count=9)) != list(log.images(seed=random.Random(5).getrandbits(9), count=9))  # noqa: S311


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](*sys.argv[2:])
