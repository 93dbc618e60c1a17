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
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from notalone.protocol.voice import Kind
from notalone.services.call import Call
from notalone.storage import magnitude as stored
from notalone.storage.database import Connection, Database, StorageUnavailable

_log = logging.getLogger(__name__)

SHOWN_FROM = 50
# A missed tick is tried again after so many seconds, then after twice as many each time, up to the longest. Else one
# failure of a moment would leave old numbers standing for a whole tick, which may be a day.
RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One published number; None: fewer than SHOWN_FROM, not shown."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """What the public saw from `at` (Unix seconds, a tick) on."""

    at: int
    metoo: int | None = None
    stand: int | None = None

    def of(self, kind: int) -> int | None:
        return self.metoo if kind == Kind.ME_TOO else self.stand


@dataclass(frozen=True, slots=True)
class Published:
    """All that the public may know of one call's count. It changes at `next_release_at`, if at all."""

    kinds: dict[str, Shown]
    series: tuple[Point, ...]
    tick_seconds: int
    released_at: int
    next_release_at: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What is published, as it was last read."""

    released_at: int = 0
    series: Mapping[int, tuple[Point, ...]] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    newest: int = -1

    def shown(self, call_id: int, kind: int) -> int | None:
        points = self.series.get(call_id)
        return points[-1].of(kind) if points else None

    def extended(self, later: Sequence[stored.StoredRelease], released_at: int) -> _Known:
        """With releases that are all later than the newest, in order."""
        points: dict[int, list[Point]] = {}
        for each in later:
            mine = points.setdefault(each.call_id, list(self.series.get(each.call_id, ())))
            before = mine[-1] if mine else Point(each.tick)
            if mine and before.at == each.tick:
                mine.pop()
            numbers = {kind.word: each.number if kind == each.kind else before.of(kind) for kind in Kind}
            mine.append(Point(each.tick, **numbers))
        series = {**self.series, **{call_id: tuple(mine) for call_id, mine in points.items()}}
        counts = Counter(self.counts) + Counter(each.call_id for each in later)
        newest = later[-1].tick if later else self.newest
        return _Known(released_at, series, counts, newest)


class Magnitude:
    """The releases of every call."""

    def __init__(self, database: Database, tick_seconds: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._tick_seconds = tick_seconds
        self._clock = clock
        # One thing: a page drawn between two would show the old numbers under the new tick, and be kept for it.
        self._known = _Known()
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
        return self._known.released_at

    def published(self, call: Call) -> Published:
        known = self._known
        return Published(
            kinds={kind.word: Shown(known.shown(call.id, kind)) for kind in Kind},
            series=known.series.get(call.id, ()),
            tick_seconds=self._tick_seconds,
            released_at=known.released_at,
            # Not a tick's length later: the last tick may be one of another length, from before the setting changed.
            next_release_at=(known.released_at // self._tick_seconds + 1) * self._tick_seconds,
        )

    async def release(self) -> None:
        """Publish what has come by the last tick, unless another worker did; then read what is published.

        Raises StorageUnavailable; then nothing was published, and the numbers known stay.
        """
        tick = self._tick()
        async with self._database.write() as connection:
            if await stored.take_tick(connection, tick):
                await _publish(connection, tick, await self._read(connection))
        await self.look()
        if self.ahead:
            _log.error(
                "the count was last published at %s, which is later than now, so it stands still. If the clock is "
                'wrong now, set it; if it was wrong then, "notalone date-back" mends it',
                datetime.fromtimestamp(self.released_at, UTC),
            )

    @property
    def ahead(self) -> bool:
        """Whether numbers were published by a clock that was more than a tick ahead of this one."""
        return self.released_at > self._tick() + self._tick_seconds

    async def date_back(self) -> None:
        """Date what was published later than now to the present tick. Raises StorageUnavailable."""
        async with self._database.write() as connection:
            await stored.hold_publishing(connection)
            await stored.date_back(connection, self._tick())
        await self.look()

    async def look(self) -> None:
        """Read what is published. Raises StorageUnavailable."""
        async with self._database.read() as connection:
            self._known = await self._read(connection)

    def _tick(self) -> int:
        return int(self._clock()) // self._tick_seconds * self._tick_seconds

    async def _read(self, connection: Connection) -> _Known:
        """What is published, of which only what is new is asked for: a long series costs seconds to read."""
        released_at = await stored.last_tick(connection)
        known = self._known.extended(await stored.releases(connection, self._known.newest), released_at)
        # A restore adds older ones, and calls are deleted. But no release of a call goes while the call stays, none
        # changes, and no other call gets its id; so it shows in how many there are. Or they were dated back.
        if known.counts != await stored.counts(connection) or released_at < self.released_at:
            known = _Known().extended(await stored.releases(connection), released_at)
        return known

    async def _release_at_ticks(self) -> None:
        retry = math.inf
        while True:
            next_tick = self._tick_seconds - self._clock() % self._tick_seconds
            await asyncio.sleep(min(retry, next_tick))
            try:
                await self.release()
            except StorageUnavailable:
                # The numbers stay as they were.
                _log.warning("the count could not be published; trying again soon")
                retry = RETRY_SECONDS if retry == math.inf else min(retry * 2, LONGEST_RETRY_SECONDS)
                continue
            except Exception:
                _log.exception("the count could not be published at this tick")
            retry = math.inf


async def _publish(connection: Connection, tick: int, before: _Known) -> None:
    now = {which: total if total >= SHOWN_FROM else None for which, total in (await stored.totals(connection)).items()}
    # Only changes are stored, so a quiet call leaves no trace of when its first few people came.
    changed = {which: number for which, number in now.items() if number != before.shown(*which)}
    await stored.add_releases(connection, tick, changed)
