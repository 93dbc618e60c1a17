# SPDX-License-Identifier: AGPL-3.0-or-later
"""Run a program, and rebuild what its disk may hold if the power fails at any moment of that run.

`Recording` runs programs under powerloss.c, which logs every change that they make to the files of one directory, every
sync, and every mark (what the outside world was told). `OperationLog.images` then cuts that log at many places
and lays out the directory as a disk may hold it: what was synced is there; whatever was not may be there or not.

What is certain, and what is not:
- A file's content is certain up to its last fsync or fdatasync, through whichever descriptor or process that came.
- Later changes are lost, or kept, or only some of the writes arrived, or each 512-byte sector stands as
  of a moment of its own and the size as of another. A sector is never torn in itself, and none holds what was never
  written to it: SQLite relies on the same.
- Names (create, rename, unlink) follow one of two rules, `Names`.
- What was in the directory when the recording began is certain, and so is the directory itself.
- An `-shm` file is mapped memory that SQLite makes again after a crash; it comes back as noise.
A sync that failed is no sync; that Linux may take the pages for clean after it is not modelled.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

SECTOR = 512
PATIENCE = 60.0
Command = Sequence[str | Path]
_PAGE = 4096
_HEAD = struct.Struct("<QQQ")  # where the log ends, the change in progress, marks
_RECORD = struct.Struct("<IIQq")  # kind, size of the path, size of the data, value
_SHARED_MEMORY = "-shm"


class Kind(IntEnum):
    """As in powerloss.c."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    SYNCED = 5
    UNLINK = 6
    RENAME = 7
    MARK = 8
    RESULT = 9
    DOUBT = 10


class Names(Enum):
    """When a new, renamed or removed name is certain."""

    STRICT = "strict"
    """POSIX: after an fsync of the directory that holds it. Until then each change of a name is kept or lost alone."""
    EXT4 = "ext4"
    """ext4 with its journal: changes of names reach the disk in their order. Syncing a directory, or a file since whose
    making (with fsync: also renaming) it was not synced, commits that change and all before it."""


class Loss(Enum):
    """What became of a file's changes that no sync vouches for."""

    LOST = "all lost"
    KEPT = "all kept"
    WRITES = "some writes lost"
    SECTORS = "torn at sectors"


class Escaped(Exception):
    """The directory is not as the log says: something wrote in a way that is not recorded, so nothing can be said."""


class NoCompiler(Exception):
    """The recorder is a few calls in C and needs a C compiler (Debian: gcc and libc6-dev)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One record. `value` is an offset, a size or an index in the log, as `kind` says."""

    kind: Kind
    path: str = ""
    data: bytes = b""
    value: int = 0


@dataclass(frozen=True, slots=True)
class Image:
    """A directory as the disk may hold it after the power failed just before operation number `at`."""

    at: int
    files: Mapping[str, bytes]
    marks: Sequence[bytes]
    """What the outside world had been told by then, in order."""
    losses: Mapping[str, Loss]
    """For every file with changes that were not certain."""

    def write(self, folder: Path) -> Path:
        """Lay the files out in `folder`, which must be empty or absent; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError(folder)
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def __str__(self) -> str:
        losses = ", ".join(f"{name}: {loss.value}" for name, loss in sorted(self.losses.items()))
        return f"power lost before operation {self.at} ({losses or 'nothing was uncertain'})"


@dataclass(slots=True, eq=False)
class _File:
    certain: bytearray
    pending: list[tuple[int, Operation]] = field(default_factory=list)

    def settle(self, before: int) -> None:
        """A sync that began at index `before` vouches for all changes until then."""
        sure = sum(index < before for index, _ in self.pending)
        for _, change in self.pending[:sure]:
            _apply(self.certain, change)
        del self.pending[:sure]

    def after(self, loss: Loss, chance: random.Random) -> bytearray:
        pending = [change for _, change in self.pending]
        if loss is Loss.SECTORS:
            return _torn(self.certain, pending, chance)
        content = bytearray(self.certain)
        share = {Loss.LOST: 0.0, Loss.KEPT: 1.0}.get(loss, chance.random())
        for change in pending:
            if chance.random() < share:
                _apply(content, change)
        return content


def _apply(content: bytearray, change: Operation, low: int = 0, high: int | None = None) -> None:
    """Make the change, or that part of it that falls between the offsets `low` and `high`."""
    if change.kind is Kind.WRITE:
        first, last = max(change.value, low), change.value + len(change.data)
        last = last if high is None else min(last, high)
        content.extend(bytes(max(0, last - len(content))))
        content[first:last] = change.data[first - change.value : last - change.value]
    elif high is None:
        del content[change.value :]
        content.extend(bytes(change.value - len(content)))
    else:  # what a smaller size cut off reads as zeros when the file grows again
        first = max(change.value, low)
        content[first:high] = bytes(high - first)


def _torn(certain: bytearray, pending: Sequence[Operation], chance: random.Random) -> bytearray:
    sizes = [len(certain)]
    touching: dict[int, list[Operation]] = {}
    for change in pending:
        if change.kind is Kind.WRITE:
            first, last = change.value, change.value + len(change.data)
            sizes.append(max(sizes[-1], last))
        else:
            first, last = change.value, max(sizes)
            sizes.append(change.value)
        for sector in range(first // SECTOR, -(-last // SECTOR)):
            touching.setdefault(sector, []).append(change)
    whole_sectors = -(-max(sizes) // SECTOR) * SECTOR
    content = certain + bytes(whole_sectors - len(certain))
    for sector, changes in touching.items():
        for change in changes[: chance.randint(0, len(changes))]:
            _apply(content, change, sector * SECTOR, (sector + 1) * SECTOR)
    return content[: chance.choice(sizes)]


class _Disk:
    """The directory as the running program sees it, with what of it is certain."""

    def __init__(self, start: Mapping[str, bytes], names: Names) -> None:
        self._rule = names
        self._now = {name: _File(bytearray(content)) for name, content in start.items()}
        self._certain = dict(self._now)
        self._changes: list[tuple[int, Operation, _File]] = []  # of names, not certain yet
        self._syncs: dict[int, tuple[Operation, _File | None]] = {}
        self.marks: list[bytes] = []

    def advance(self, index: int, operation: Operation) -> None:
        match operation.kind:
            case Kind.MARK:
                self.marks.append(operation.data)
            case Kind.WRITE | Kind.TRUNCATE:
                self._file(operation.path).pending.append((index, operation))
            case Kind.CREATE | Kind.UNLINK | Kind.RENAME:
                file = _File(bytearray()) if operation.kind is Kind.CREATE else self._file(operation.path)
                self._changes.append((index, operation, file))
                _rename(self._now, operation, file)
            case Kind.SYNC:
                self._syncs[index] = operation, self._now.get(operation.path)
            case Kind.SYNCED:
                self._synced(operation.value, *self._syncs.pop(operation.value))

    def _file(self, name: str) -> _File:
        if name not in self._now:
            raise Escaped(f"{name} came into the directory unseen")
        return self._now[name]

    def _synced(self, begun: int, sync: Operation, file: _File | None) -> None:
        if file is not None:
            file.settle(begun)
        own = [change for change in self._changes if change[0] < begun and _covers(sync, file, *change[1:])]
        if self._rule is Names.EXT4:
            last = max((index for index, *_ in own), default=-1)
            own = [change for change in self._changes if change[0] <= last]
        elif file is not None:
            own = []
        for change in own:
            _rename(self._certain, *change[1:])
            self._changes.remove(change)

    def image(self, at: int, chance: random.Random) -> Image:
        names = dict(self._certain)
        plain = chance.random() < 0.25  # the plain case often enough: all that was not synced is gone
        kept = 0.0 if plain else chance.random()
        for _, change, file in self._changes:
            if chance.random() < kept:
                _rename(names, change, file)
            elif self._rule is Names.EXT4:
                break
        files: dict[str, bytes] = {}
        losses: dict[str, Loss] = {}
        for name, file in names.items():
            if name.endswith(_SHARED_MEMORY):
                files[name] = chance.randbytes(32768)
                continue
            loss = Loss.LOST if plain else chance.choice(list(Loss))
            if file.pending:
                losses[name] = loss
            files[name] = bytes(file.after(loss, chance))
        return Image(at, files, tuple(self.marks), losses)

    def seen(self) -> dict[str, bytearray]:
        """What the running program sees."""
        return {name: file.after(Loss.KEPT, random.Random(0)) for name, file in self._now.items()}  # noqa: S311


def _covers(sync: Operation, synced: _File | None, change: Operation, file: _File) -> bool:
    """Is it a change of a name in the synced directory, or of the synced file?"""
    if synced is not None:
        only_data = sync.value == 1
        return synced is file and (change.kind is Kind.CREATE or not only_data)
    name = change.data.decode() if change.kind is Kind.RENAME else change.path
    return name.rpartition("/")[0] == sync.path


def _rename(names: dict[str, _File], change: Operation, file: _File) -> None:
    if change.kind is Kind.CREATE:
        names[change.path] = file
        return
    if names.get(change.path) is file:
        del names[change.path]
    if change.kind is Kind.RENAME:
        names[change.data.decode()] = file


@dataclass(frozen=True, slots=True)
class OperationLog:
    """All that was done to a directory, in order, and what was in it before."""

    start: Mapping[str, bytes]
    operations: Sequence[Operation]

    @property
    def marks(self) -> list[bytes]:
        return [operation.data for operation in self.operations if operation.kind is Kind.MARK]

    def images(self, seed: int, count: int, names: Names = Names.STRICT) -> Iterator[Image]:
        """`count` disks, in the order of their moments; the same seed gives the same ones.

        Half of the moments are just after a mark, where a promise made too early is most surely broken; the others fall
        anywhere, the end of the log included.
        """
        chance = random.Random(seed)  # noqa: S311 - it must be repeatable, and hides nothing
        told = [at for at, operation in enumerate(self.operations, 1) if operation.kind is Kind.MARK]
        anywhere = range(len(self.operations) + 1)
        moments = sorted(chance.choice(told if told and n % 2 else anywhere) for n in range(count))
        disk = _Disk(self.start, names)
        done = 0
        for moment in moments:
            for index in range(done, moment):
                disk.advance(index, self.operations[index])
            done = moment
            yield disk.image(moment, chance)

    def compare(self, directory: Path, unsure: int | None = None) -> None:
        """Raises Escaped unless the directory is as the log says; operation `unsure` may or may not have happened."""
        now = _contents(directory)
        differing = self._differing(now, enumerate(self.operations))
        if differing and unsure is not None:
            others = (numbered for numbered in enumerate(self.operations) if numbered[0] != unsure)
            differing = self._differing(now, others)
            if self.operations[unsure].kind is Kind.WRITE:  # of which some may have been done
                differing.discard(self.operations[unsure].path)
        if differing:
            raise Escaped(f"the log does not explain {', '.join(sorted(differing))}")

    def _differing(self, now: Mapping[str, bytes], operations: Iterable[tuple[int, Operation]]) -> set[str]:
        disk = _Disk(self.start, Names.STRICT)
        for index, operation in operations:
            disk.advance(index, operation)
        seen = disk.seen()
        same = {name for name in seen.keys() & now.keys() if name.endswith(_SHARED_MEMORY) or seen[name] == now[name]}
        return (seen.keys() | now.keys()) - same


def _contents(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def read_log(start: Mapping[str, bytes], log: bytes) -> tuple[OperationLog, int | None]:
    """The log, and the index of the operation that the kill may have cut short."""
    end, in_progress, _ = _HEAD.unpack_from(log)
    operations: list[Operation] = []
    at: dict[int, int] = {}  # place in the file -> index
    place = _PAGE
    unsure = None
    while place < end:
        kind, path_size, data_size, value = _RECORD.unpack_from(log, place)
        body = place + _RECORD.size
        path, data = log[body : body + path_size].decode(), log[body + path_size : body + path_size + data_size]
        at[place] = len(operations)
        if kind in (Kind.SYNCED, Kind.RESULT, Kind.DOUBT):
            value = at[value]
        if kind == Kind.RESULT:
            operations[value] = _corrected(operations[value], int.from_bytes(data, "little", signed=True))
        elif kind == Kind.DOUBT:
            unsure = value
        operations.append(Operation(Kind(kind), path, data, value))
        place = body + path_size + data_size
    return OperationLog(start, operations), at.get(in_progress, unsure)


def _corrected(operation: Operation, result: int) -> Operation:
    """A change that failed, or a write that was cut short."""
    if operation.kind is Kind.WRITE and result > 0:
        return Operation(Kind.WRITE, operation.path, operation.data[:result], operation.value)
    return Operation(Kind.RESULT)


@functools.cache
def _recorder() -> Path:
    """powerloss.c, compiled once for this process."""
    folder = Path(tempfile.mkdtemp(prefix="powerloss-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "powerloss.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler(NoCompiler.__doc__)
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    subprocess.run([compiler, *flags, "-o", library, Path(__file__).with_suffix(".c")], check=True)
    return library


class Recording:
    """Records what the programs started by `start` do to `directory` (which must exist), until the block ends.

    Leaving the block kills whatever of them still runs, at one stroke, and then `log` is there. One recording at a
    time in a process.
    """

    log: OperationLog

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve(strict=True)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._start = _contents(self._directory)
        self._place = Path(tempfile.mkdtemp(prefix="powerloss-"))
        self._path = self._place / "log"
        self._path.write_bytes(_HEAD.pack(_PAGE, 0, 0).ljust(_PAGE, b"\0"))
        self._library = ctypes.CDLL(str(_recorder()))
        self._library.powerloss_attach(os.fsencode(self._path), os.fsencode(self._directory))
        return self

    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to be recorded."""
        return {
            "LD_PRELOAD": f"{_recorder()}:{os.environ.get('LD_PRELOAD', '')}".rstrip(":"),
            "POWERLOSS_LOG": str(self._path),
            "POWERLOSS_DIRECTORY": str(self._directory),
        }

    def start(
        self, command: Command, environment: Mapping[str, str] | None = None, output: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Run a command, recorded, in a process group of its own. `environment` is added to ours; `output` is a
        descriptor or subprocess.PIPE for what it prints."""
        variables = {**os.environ, **(environment or {}), **self.environment()}
        process = subprocess.Popen(command, env=variables, stdout=output, start_new_session=True)
        self._processes.append(process)
        return process

    def mark(self, what: bytes) -> None:
        """Note in the log what the outside world (this process) has been told by now, for instance in an answer."""
        _note(self._library, what)

    @property
    def marks(self) -> int:
        """How many marks the log has so far."""
        with self._path.open("rb") as log:
            return int(_HEAD.unpack(log.read(_HEAD.size))[2])

    def kill(self) -> None:
        """SIGKILL to every program and all that it started, other than in a session of its own."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        groups = {process.pid for process in self._processes}
        while groups & _running_groups():  # what they started is not ours to wait for
            time.sleep(0.002)
        self._processes.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.kill()
            self._library.powerloss_detach()
            log, unsure = read_log(self._start, self._path.read_bytes())
            if error is None:
                log.compare(self._directory, unsure)
            self.log = log
        finally:
            shutil.rmtree(self._place, ignore_errors=True)


def _running_groups() -> set[int]:
    """The process groups with a member that is not a zombie."""
    groups = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = entry.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it ended while we looked
        if state not in "ZX":
            groups.add(int(group))
    return groups


def record(
    command: Command, directory: Path, *, marks: float = math.inf, environment: Mapping[str, str] | None = None
) -> OperationLog:
    """Run the command until it ends or the log has `marks` marks, then SIGKILL it; its log.

    Raises TimeoutError after PATIENCE seconds, CalledProcessError if the command failed by itself, Escaped if it
    changed the directory unseen.
    """
    deadline = time.monotonic() + PATIENCE
    with Recording(directory) as recording:
        process = recording.start(command, environment)
        while process.poll() is None and recording.marks < marks:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {PATIENCE} s")
            time.sleep(0.001)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return recording.log


def mark(what: bytes) -> None:
    """For the recorded program: note that the outside world is being told `what`, now.

    Raises LookupError in a program that is not recorded.
    """
    _note(ctypes.CDLL(None), what)


def _note(library: ctypes.CDLL, what: bytes) -> None:
    note = getattr(library, "powerloss_mark", None)
    if note is None or note(what, ctypes.c_size_t(len(what))) != 0:
        raise LookupError("nothing is recorded here")
