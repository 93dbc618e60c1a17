# SPDX-License-Identifier: AGPL-3.0-or-later
"""How many. Every number that leaves this server is made here, once, and then only repeated.

Numbers change at ticks, never at a tap: whoever watches the page while someone is at her telephone must learn
nothing. What was published is stored and never computed again. Below SHOWN_FROM nothing is shown. The two kinds are
never added up: of a sum and one part, the hidden part could be told.

No noise is added in this version, and the pages say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from notalone.protocol.voice import Kind
from notalone.services.call import Call
from notalone.storage import magnitude as stored
from notalone.storage.database import Connection, Database, StorageUnavailable

_log = logging.getLogger(__name__)

SHOWN_FROM = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One published number; None: fewer than SHOWN_FROM, not shown."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """What the public saw from `at` (Unix seconds, a tick) on."""

    at: int
    metoo: int | None
    stand: int | None


@dataclass(frozen=True, slots=True)
class Published:
    """All that the public may know of one call's count."""

    kinds: dict[str, Shown]
    series: tuple[Point, ...]
    tick_seconds: int
    released_at: int
    next_release_at: int


class Magnitude:
    """The releases of every call."""

    def __init__(self, database: Database, tick_seconds: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._tick_seconds = tick_seconds
        self._clock = clock
        self._series: dict[int, tuple[Point, ...]] = {}
        self._released_at = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.release()
        self._task = asyncio.create_task(self._release_at_ticks())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def released_at(self) -> int:
        """The tick whose numbers are shown; changes when anything shown may change."""
        return self._released_at

    def published(self, call: Call) -> Published:
        series = self._series.get(call.id, ())
        last = series[-1] if series else Point(self._released_at, None, None)
        return Published(
            kinds={Kind.ME_TOO.word: Shown(last.metoo), Kind.STAND_WITH_YOU.word: Shown(last.stand)},
            series=series,
            tick_seconds=self._tick_seconds,
            released_at=self._released_at,
            next_release_at=self._released_at + self._tick_seconds,
        )

    async def release(self) -> None:
        """Publish what has come by the last tick, unless another worker did; then read what is published."""
        tick = int(self._clock()) // self._tick_seconds * self._tick_seconds
        async with self._database.write() as connection:
            if await stored.take_tick(connection, tick):
                await _publish(connection, tick)
        async with self._database.read() as connection:
            released_at = await stored.last_tick(connection)
            series = _series(await stored.releases(connection))
        # Together: a page drawn between the two would show the old numbers under the new tick, and be kept for it.
        self._released_at, self._series = released_at, series

    async def _release_at_ticks(self) -> None:
        while True:
            now = self._clock()
            await asyncio.sleep(self._tick_seconds - now % self._tick_seconds)
            try:
                await self.release()
            except StorageUnavailable:
                # The numbers stay as they were; the next tick takes up what this one missed.
                _log.warning("the count could not be published at this tick")
            except Exception:
                _log.exception("the count could not be published at this tick")


async def _publish(connection: Connection, tick: int) -> None:
    before = await stored.latest(connection)
    now = {which: total if total >= SHOWN_FROM else None for which, total in (await stored.totals(connection)).items()}
    # Only changes are stored, so a quiet call leaves no trace of when its first few people came.
    changed = {which: number for which, number in now.items() if number != before.get(which)}
    await stored.add_releases(connection, tick, changed)


def _series(releases: Iterable[stored.StoredRelease]) -> dict[int, tuple[Point, ...]]:
    """The releases of each call as points in time, each with both kinds."""
    points: dict[int, list[Point]] = {}
    for each in releases:
        mine = points.setdefault(each.call_id, [])
        last = mine.pop() if mine and mine[-1].at == each.tick else None
        before = last or (mine[-1] if mine else Point(each.tick, None, None))
        if each.kind == Kind.ME_TOO:
            mine.append(Point(each.tick, each.number, before.stand))
        else:
            mine.append(Point(each.tick, before.metoo, each.number))
    return {call_id: tuple(each) for call_id, each in points.items()}
