# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was accepted is still there after the server, the database or the disk failed, and counts once.

Run as a program (`python -m tests.durability.test_kill`), it is where the servers come from: a process that has loaded
everything and forks a `notalone serve` for each line that it is given. Starting one otherwise takes seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from notalone.protocol.voice import Kind, code_for, id_for
from notalone.services.platform import open_platform
from notalone.services.settings import Settings
from tests.conftest import TEXT, fresh_nonce
from tests.postgres import Cluster, cluster
from tests.server import ROOT, free_port, wait_until_up

MOMENTS = 20
VISITORS = 48
SLUGS = ("metoo", "our-town")
PATIENCE = 20.0


# ---- servers ----


def fork_servers() -> None:
    """Starts a server for each line of input, and prints its process id."""
    import notalone.web.app
    from notalone.cli.operate import serve

    assert notalone.web.app  # loaded here, once
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            order = json.loads(line)
            os.environ.update(order["environment"])
            if order["largest_file"]:
                resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], order["largest_file"]))
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve.main(args=[], standalone_mode=False)
            os._exit(0)
        print(process, flush=True)


@dataclass(frozen=True)
class Forked:
    """A server that is another process's child."""

    process: int

    def poll(self) -> int | None:
        return None if Path(f"/proc/{self.process}").exists() else 0

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)


@dataclass
class Servers:
    """One deployment, served again and again."""

    nursery: subprocess.Popen[str]
    settings: Settings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @contextmanager
    def one(self, largest_file: int = 0) -> Iterator[Callable[[], None]]:
        """A server that is up; calling what is given kills it."""
        order = {"environment": self._environment(), "largest_file": largest_file}
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(order) + "\n")
        self.nursery.stdin.flush()
        process = Forked(int(self.nursery.stdout.readline()))
        try:
            wait_until_up(self.url, process)
            yield process.kill
        finally:
            process.kill()
            deadline = time.monotonic() + PATIENCE
            while process.poll() is None:
                assert time.monotonic() < deadline, "a server that was killed is still there"
                time.sleep(0.005)

    def _environment(self) -> dict[str, str]:
        there = self.settings
        return {
            "NOTALONE_DATA": str(there.data),
            "NOTALONE_DATABASE_URL": there.database_url,
            "NOTALONE_PORT": str(there.port),
            "NOTALONE_WORKERS": "1",
            "NOTALONE_POW_BITS": "0",
        }


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.durability.test_kill"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


async def deployed(nursery: subprocess.Popen[str], folder: Path, url: str) -> Servers:
    """A new deployment with two calls."""
    settings = Settings(data=folder, database_url=url, port=free_port(), workers=1)
    async with open_platform(settings) as platform:
        for slug in SLUGS:
            await platform.calls.load(slug, {"en": TEXT})
    return Servers(nursery, settings)


# ---- people ----


@dataclass(frozen=True)
class Tap:
    """What one person sends, the same however often she sends it."""

    slug: str
    kind: Kind
    nonce: str = field(default_factory=fresh_nonce)

    def id(self, salts: Mapping[str, bytes]) -> bytes:
        return id_for(salts[self.slug], code_for(salts[self.slug], self.nonce, self.kind))


@dataclass
class Crowd:
    """Everyone who came, and what they were told."""

    url: str
    sent: set[Tap] = field(default_factory=set)
    accepted: dict[Tap, str] = field(default_factory=dict)
    in_doubt: list[Tap] = field(default_factory=list)
    withdrawing: set[Tap] = field(default_factory=set)
    withdrawn: set[Tap] = field(default_factory=set)
    told_to_retry: int = 0
    new: bool = True
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def come(self, gone: Callable[[], bool], visitors: int = VISITORS) -> None:
        """Tap until the server is gone, or `gone` says so. Who was not answered taps again, first of all."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        connector = aiohttp.TCPConnector(limit=0)
        self.first.clear()
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(self._visit(session, gone) for _ in range(visitors)))

    async def _visit(self, session: aiohttp.ClientSession, gone: Callable[[], bool]) -> None:
        while not gone() and (self.in_doubt or self.new):
            tap = self.in_doubt.pop() if self.in_doubt else Tap(secrets.choice(SLUGS), secrets.choice(list(Kind)))
            self.sent.add(tap)
            try:
                await self._tap(session, tap)
            except aiohttp.ClientError:
                if tap not in self.accepted:
                    self.in_doubt.append(tap)
                return

    async def _tap(self, session: aiohttp.ClientSession, tap: Tap) -> None:
        voice = {"nonce": tap.nonce, "kind": tap.kind.word, "proof": "00000000"}
        async with session.post(f"/api/calls/{tap.slug}/voices", json=voice) as answer:
            told = await answer.json(content_type=None)
            status = answer.status
        if status == 503:
            self.told_to_retry += 1
            self.in_doubt.append(tap)
            await asyncio.sleep(0.05)
            return
        assert status == 201, told
        assert self.accepted.setdefault(tap, told["code"]) == told["code"]
        self.first.set()
        if secrets.randbelow(20) == 0:
            self.withdrawing.add(tap)
            async with session.post(f"/api/calls/{tap.slug}/withdrawals", json={"code": told["code"]}) as answer:
                await answer.read()
            if answer.status == 200:
                self.withdrawn.add(tap)


# ---- what is there ----


async def look(url: str) -> tuple[dict[str, bytes], dict[bytes, int], int]:
    """Salts of the calls; id -> kind of every voice; the tally's sum. By the engine's own means, past our code."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10)) as connection:
            salts = dict(connection.execute("SELECT slug, salt FROM call").fetchall())
            rows = connection.execute("SELECT id, kind FROM voice").fetchall()
            tally = connection.execute("SELECT coalesce(sum(number), 0) FROM tally").fetchone()[0]
            # The two were read one after the other: nobody may be tapping meanwhile.
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    else:
        line = await asyncpg.connect(url)
        salts = {row["slug"]: row["salt"] for row in await line.fetch("SELECT slug, salt FROM call")}
        rows = [(row["id"], row["kind"]) for row in await line.fetch("SELECT id, kind FROM voice")]
        tally = await line.fetchval("SELECT coalesce(sum(number), 0) FROM tally")
        await line.close()
    assert len(dict(rows)) == len(rows), "a voice is there twice"
    return salts, dict(rows), int(tally)


async def assert_kept(crowd: Crowd, url: str) -> None:
    salts, there, tally = await look(url)
    lost = [tap for tap in crowd.accepted if tap.id(salts) not in there]
    assert not lost, f"{len(lost)} of {len(crowd.accepted)} accepted voices are lost"
    assert there.keys() <= {tap.id(salts) for tap in crowd.sent}, "there are voices that nobody gave"
    assert sum(kind != 0 for kind in there.values()) == tally, "the tally does not agree with the rows"
    assert all(there[tap.id(salts)] == 0 for tap in crowd.withdrawn), "a voice taken back is there again"
    for tap in crowd.accepted.keys() - crowd.withdrawing:
        assert there[tap.id(salts)] == tap.kind


# ---- the server is killed ----


async def test_killed_at_any_moment_it_keeps_every_accepted_voice(
    nursery: subprocess.Popen[str], tmp_path: Path, make_url: Callable[[str], str], engine: str
) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311
    servers = await deployed(nursery, tmp_path, make_url(engine))
    crowd = Crowd(servers.url)
    try:
        for _ in range(MOMENTS):
            with servers.one() as kill:
                await assert_kept(crowd, servers.settings.database_url)
                coming = asyncio.create_task(crowd.come(lambda: False))
                await crowd.first.wait()
                await asyncio.sleep(chance.uniform(0, 0.4))
                kill()
                await coming
        with servers.one():
            crowd.new = False
            crowd.in_doubt += list(crowd.accepted.keys() - crowd.withdrawing)[:200]
            await crowd.come(lambda: False)
        assert not crowd.in_doubt
        assert crowd.accepted.keys() == crowd.sent
        await assert_kept(crowd, servers.settings.database_url)
        assert len(crowd.accepted) > MOMENTS * 20
        assert crowd.withdrawn
    except BaseException:
        print(f"random moments from seed {seed}")
        raise


# ---- the database fails ----


@asynccontextmanager
async def crowd_at(servers: Servers) -> AsyncIterator[Crowd]:
    """People who keep coming until the block ends; then those in doubt are answered."""
    crowd, over = Crowd(servers.url), asyncio.Event()
    with servers.one():
        coming = asyncio.create_task(crowd.come(over.is_set))
        await crowd.first.wait()
        yield crowd
        over.set()
        await coming
        crowd.new = False
        await crowd.come(lambda: False, visitors=8)
    assert crowd.accepted.keys() == crowd.sent
    await assert_kept(crowd, servers.settings.database_url)


async def test_postgresql_crashes_in_mid_load_and_every_voice_is_taken_once(
    nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    with cluster() as own:
        servers = await deployed(nursery, tmp_path, own.fresh_url())
        async with crowd_at(servers) as crowd:
            for _ in range(2):
                await asyncio.sleep(0.3)
                own.stop("immediate")
                await asyncio.sleep(0.2)
                before = len(crowd.accepted)
                own.start()
                async with asyncio.timeout(PATIENCE):
                    while len(crowd.accepted) < before + 200:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)


async def test_postgresql_connections_broken_in_mid_load_are_nobodys_loss(
    nursery: subprocess.Popen[str], tmp_path: Path, postgres: Cluster
) -> None:
    servers = await deployed(nursery, tmp_path, postgres.fresh_url())
    killer = await asyncpg.connect(servers.settings.database_url)
    async with crowd_at(servers) as crowd:
        for _ in range(8):
            await asyncio.sleep(0.1)
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    await killer.close()
    assert not crowd.told_to_retry


async def test_with_a_full_disk_it_says_so_and_takes_the_same_voices_later(
    nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    """No file may grow past a limit: what a full disk does, without filling one."""
    servers = await deployed(nursery, tmp_path, f"sqlite:///{tmp_path}/notalone.db")
    crowd = Crowd(servers.url)
    with servers.one(largest_file=600_000) as kill:
        await crowd.come(lambda: crowd.told_to_retry > 50)
        assert crowd.accepted
        kill()
    assert crowd.in_doubt
    with servers.one():
        await assert_kept(crowd, servers.settings.database_url)
        crowd.new = False
        await crowd.come(lambda: False)
    assert crowd.accepted.keys() == crowd.sent
    await assert_kept(crowd, servers.settings.database_url)


if __name__ == "__main__":
    fork_servers()
