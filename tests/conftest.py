# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the tests share: both engines, a clock that is set by hand, settings for a platform on a fresh database."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings

from notalone.protocol.voice import NONCE_BYTES, nonce_from
from notalone.services.platform import Platform, run_platform
from notalone.services.settings import Settings
from notalone.storage.database import Database
from tests.postgres import Cluster, cluster

# A busy machine may stall any one example; a limit for each would fail tests that are right.
hypothesis_settings.register_profile("notalone", deadline=None, print_blob=True)
hypothesis_settings.load_profile("notalone")

ENGINES = ("sqlite", "postgresql")

# The smallest text of a call that is complete.
TEXT = """\
---
title: "A call"
ask: "Were you harmed?"
summary: "One sentence."
operator: "Example"
contact: "mailto:us@example.org"
reviewed: yes
---
## Your privacy {#privacy}

We keep little.

## If you are under 18 {#minors}

Call 116111.
"""


def fresh_nonce() -> str:
    """As a form has one when it is rendered."""
    return nonce_from(secrets.token_bytes(NONCE_BYTES))


@dataclass
class Clock:
    """Seconds since 1970. Stands still until a test sets it."""

    now: float = datetime(2031, 5, 4, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


def pytest_configure() -> None:
    # A setting of whoever runs the tests must not decide what they find.
    for name in [name for name in os.environ if name.startswith("NOTALONE_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A private PostgreSQL, started when the first test asks for it."""
    with cluster() as running:
        yield running


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that this test runs on; it runs on each."""
    return str(request.param)


@pytest.fixture(scope="session")
def used_urls() -> list[str]:
    """PostgreSQL databases that earlier tests are done with. Emptying one is cheaper than making one."""
    return []


@pytest.fixture
def make_url(tmp_path: Path, request: pytest.FixtureRequest, used_urls: list[str]) -> Iterator[Callable[[str], str]]:
    """Makes the URL of an empty database of an engine."""
    files, urls = 0, list[str]()

    def make(engine: str) -> str:
        nonlocal files
        if engine == "sqlite":
            files += 1
            return f"sqlite:///{tmp_path}/{files}.db"
        running: Cluster = request.getfixturevalue("postgres")
        urls.append(used_urls.pop() if used_urls else running.fresh_url())
        return urls[-1]

    yield make
    with asyncio.Runner() as runner:
        for url in urls:
            runner.run(empty(url))
    used_urls += urls


async def empty(url: str) -> None:
    """Take everything out of a PostgreSQL database, and whoever is still in it."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} RESET ALL; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


@pytest.fixture
def database_url(engine: str, make_url: Callable[[str], str]) -> str:
    """An empty database."""
    return make_url(engine)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with the newest schema."""
    opened = Database(database_url)
    await opened.upgrade()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    """The platform's clock, set by hand; it begins on a tick."""
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A deployment on an empty database."""
    return Settings(data=tmp_path, database_url=database_url, workers=1)


@pytest.fixture
async def platform(settings: Settings, clock: Clock) -> AsyncIterator[Platform]:
    """A platform at work, with one open call, `metoo`."""
    async with run_platform(settings, clock) as running:
        await running.calls.load("metoo", {"en": TEXT})
        yield running
