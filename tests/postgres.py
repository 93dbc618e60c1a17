# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real PostgreSQL of our own: a fresh cluster in a temporary folder, reached by a Unix socket.

PostgreSQL refuses to run as root; there it runs as the user `postgres` that Debian's package made.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
# Durable as in production; only what costs set-up time is left out.
OPTIONS = "-c listen_addresses='' -c fsync=on -c synchronous_commit=on -c max_connections=60 -c shared_buffers=256MB"


class PostgresMissing(RuntimeError):
    """No PostgreSQL is installed: apt-get install postgresql (`make test` does)."""


def program(name: str) -> Path:
    """The newest installed version of one of PostgreSQL's programs."""
    versions = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise PostgresMissing(PostgresMissing.__doc__)
    return versions[-1]


class Cluster:
    """One running server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def url(self, database: str) -> str:
        return f"postgresql://notalone@/{database}?host={self.folder}"

    def fresh_url(self) -> str:
        """An empty database."""
        name = f"t{secrets.token_hex(6)}"
        self.run("createdb", "-h", self.folder, "-U", "notalone", name)
        return self.url(name)

    def run(self, name: str, *arguments: str | Path) -> None:
        # Root's own folder is not PostgreSQL's to stand in.
        subprocess.run(
            [*_as_own_user(), program(name), *arguments], check=True, cwd=self.folder, capture_output=True, text=True
        )

    def start(self) -> None:
        log = self.folder / "log"
        self.run(
            "pg_ctl",
            "start",
            "-w",
            "-D",
            self.data,
            "-l",
            log,
            "-o",
            f"{OPTIONS} -c unix_socket_directories='{self.folder}'",
        )

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: no checkpoint, no farewell."""
        self.run("pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)


@contextmanager
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="notalone-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o755)
        made = Cluster(folder)
        made.run("initdb", "-D", made.data, "-U", "notalone", "-A", "trust", "-E", "UTF8", "--no-locale")
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_own_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    pwd.getpwnam("postgres")  # KeyError: the package made no such user
    return ["runuser", "-u", "postgres", "--"]
