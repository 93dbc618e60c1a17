# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that are measured, each with a database of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import BITS, Voices
from bench.machine import Cpu, cpu
from tests.postgres import Cluster
from tests.server import DEMO_CALL, ROOT, environment, free_port, server, serving

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
    its_environment = environment(folder, port, database_url=url, pow_bits=BITS)
    if app == "app":
        load: list[str | Path] = [sys.executable, "-m", "notalone", "call", "load", DEMO_CALL]
        subprocess.run(load, env=its_environment, cwd=ROOT, check=True, capture_output=True)
    command: list[str | Path] = [sys.executable, "-m", "bench.served", app, str(port), *options]
    address = f"http{'s' if tls else ''}://127.0.0.1:{port}"
    with serving(command, its_environment, address) as process:
        yield Place(app, address, process.pid, url, database)


def _database(bench: Bench, engine: str, folder: Path) -> tuple[str, int | None]:
    if engine == SQLITE:
        return f"sqlite:///{folder / 'notalone.db'}", None
    return bench.cluster.fresh_url(), int((bench.cluster.data / "postmaster.pid").read_text().split()[0])
