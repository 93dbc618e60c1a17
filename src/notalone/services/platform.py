# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything that one process needs, opened together and closed together."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from notalone.services.call import Calls
from notalone.services.magnitude import Magnitude
from notalone.services.settings import Settings
from notalone.services.voice import Voices
from notalone.services.waiting import KEY_BYTES, KEY_NAME, WaitingLine
from notalone.storage import key
from notalone.storage.database import Database, NoDatabase, StorageUnavailable, UnusableDatabaseURL
from notalone.storage.voice import voice_writer

# With what a platform raises: those who call services have no business with storage.
__all__ = ("NoDatabase", "Platform", "StorageUnavailable", "UnusableDatabaseURL", "open_platform", "run_platform")

_log = logging.getLogger(__name__)

Clock = Callable[[], float]
# How soon a worker notices that another process loaded or closed a call. The group commit itself asks each time.
REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Platform:
    settings: Settings
    database: Database
    calls: Calls
    voices: Voices
    magnitude: Magnitude
    line: WaitingLine
    clock: Clock

    def today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()


@asynccontextmanager
async def open_platform(
    settings: Settings, clock: Clock = time.time, *, create: bool = True
) -> AsyncIterator[Platform]:
    """The platform without its running parts: for commands. Brings the schema up to date.

    `create`: whether an empty database is made where there is none.
    Raises StorageUnavailable (NoDatabase where none was made), UnusableDatabaseURL.
    """
    database = Database(settings.database_url, create=create)
    try:
        await database.upgrade()
        calls = Calls(database, lambda: datetime.fromtimestamp(clock(), UTC).date())
        await calls.refresh()
        line_key = await key.read_or_make(database, KEY_NAME, secrets.token_bytes(KEY_BYTES))
        yield Platform(
            settings,
            database,
            calls,
            Voices(database, voice_writer(database), settings.withdrawals),
            Magnitude(database, settings.tick, clock),
            WaitingLine(settings.slow_rate / settings.workers, line_key, clock),
            clock,
        )
    finally:
        await database.close()


@asynccontextmanager
async def run_platform(settings: Settings, clock: Clock = time.time) -> AsyncIterator[Platform]:
    """The platform at work: taking voices, publishing at ticks, noticing changed calls."""
    async with open_platform(settings, clock) as platform, AsyncExitStack() as at_work:
        at_work.push_async_callback(platform.voices.stop)
        await platform.voices.start()
        at_work.push_async_callback(platform.magnitude.stop)
        await platform.magnitude.start()
        at_work.push_async_callback(_cancel, asyncio.create_task(_keep_fresh(platform.calls)))
        yield platform


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _keep_fresh(calls: Calls) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await calls.refresh()
        except StorageUnavailable:
            _log.warning("the calls could not be read again; those known stay")
        except Exception:
            # Such as a text that a newer version stored and this one cannot read. Other changes must still be noticed.
            _log.exception("the calls could not be read again; those known stay")
