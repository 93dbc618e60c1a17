# SPDX-License-Identifier: AGPL-3.0-or-later
"""The withdrawals journal: a file beside the database that outlives a restore.

A backup is older than some withdrawals. Restoring it must not bring back a voice whose owner took it away, so each
withdrawal is written here first, on disk, before the database forgets the voice. A line is the call's slug and the
voice's id in hex; neither says who.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from notalone.protocol.call import SLUG

# One torn line, and no more: the next one to be written would follow it.
_TORN_BYTES_MOST = 80
_LINE = re.compile(rf"({SLUG}) ([0-9a-f]{{32}})")


class NotAJournal(ValueError):
    """Not one line of this file is a withdrawal. Passed over in silence, it would bring withdrawn voices back."""


def append(path: Path, slug: str, id: bytes) -> None:
    """Durable when it returns. Raises OSError."""
    is_new = not path.exists()
    handle = _open(path)
    try:
        # A line torn by an earlier power failure must not swallow this one: every line begins with its own newline.
        line = f"\n{slug} {id.hex()}\n".encode()
        if os.write(handle, line) != len(line):  # a disk that fills up takes a part without an error
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def check(path: Path) -> None:
    """That withdrawals can be written there; makes it where it is not. Raises OSError."""
    os.close(_open(path))


def _open(path: Path) -> int:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def read(path: Path) -> set[tuple[str, bytes]] | None:
    """Slug and id of each withdrawal; None where there is no such file. Raises NotAJournal.

    A torn line was never answered, so it is passed over.
    """
    if not path.exists():
        return None
    withdrawals = set[tuple[str, bytes]]()
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            found = _LINE.fullmatch(line.rstrip("\n"))
            if found is not None:
                withdrawals.add((found[1], bytes.fromhex(found[2])))
    if not withdrawals and path.stat().st_size > _TORN_BYTES_MOST:
        raise NotAJournal(f"{path} is no journal of withdrawals")
    return withdrawals


def sync_folder(folder: Path) -> None:
    """Make the names in it durable: a file that was synced can be lost with its name. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
