# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that are measured, each with a database of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import BITS, Voices
from bench.machine import Cpu, cpu
from tests.postgres import Cluster
from tests.server import DEMO_CALL, ROOT, free_port, server

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Bench:
    """What every section shares."""

    seconds: float
    folder: Path
    cluster: Cluster
    voices: Voices

    def fresh(self, name: str) -> Path:
        """A new folder."""
        made = self.folder / name.replace(" ", "-").lower()
        made.mkdir()
        return made


@dataclass(frozen=True)
class Place:
    """A server at work. `database`: the process of PostgreSQL beside it."""

    name: str
    url: str
    pid: int
    database_url: str
    database: int | None

    def cpu(self) -> tuple[Cpu, float]:
        """Used so far: by the server, and in seconds by PostgreSQL."""
        used = cpu(self.database) if self.database is not None else Cpu(0, 0)
        return cpu(self.pid), used.loop + used.threads


@contextmanager
def notalone(bench: Bench, engine: str, workers: int, folder: Path, **settings: object) -> Iterator[Place]:
    """`notalone serve` with the demo call."""
    url, database = _database(bench, engine, folder)
    plural = "worker" if workers == 1 else "workers"
    with server(folder, DEMO_CALL, database_url=url, workers=workers, pow_bits=BITS, **settings) as up:
        yield Place(f"{engine}, {workers} {plural}", up.url, up.process.pid, url, database)


@contextmanager
def served(bench: Bench, app: str, folder: Path, *options: str | Path, tls: bool = False) -> Iterator[Place]:
    """One worker of bench.served, on PostgreSQL; or the bare door."""
    url, database = _database(bench, POSTGRESQL, folder)
    port = free_port()
    ours = {"NOTALONE_DATA": str(folder), "NOTALONE_DATABASE_URL": url, "NOTALONE_POW_BITS": str(BITS)}
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("NOTALONE_")}, **ours}
    if app == "app":
        load: list[str | Path] = [sys.executable, "-m", "notalone", "call", "load", DEMO_CALL]
        subprocess.run(load, env=environment, cwd=ROOT, check=True, capture_output=True)
    command: list[str | Path] = [sys.executable, "-m", "bench.served", app, str(port), *options]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        _wait_until_listening(port, process)
        yield Place(app, f"http{'s' if tls else ''}://127.0.0.1:{port}", process.pid, url, database)
    finally:
        process.terminate()
        process.wait(20)


def _database(bench: Bench, engine: str, folder: Path) -> tuple[str, int | None]:
    if engine == SQLITE:
        return f"sqlite:///{folder / 'notalone.db'}", None
    return bench.cluster.fresh_url(), int((bench.cluster.data / "postmaster.pid").read_text().split()[0])


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the server ended before it was up") from None
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not come up")
