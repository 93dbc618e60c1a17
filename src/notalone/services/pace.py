# SPDX-License-Identifier: AGPL-3.0-or-later
"""When voices are written: at the edges of windows of 25 ms, until so many come that a single one no longer shows.

Whoever taps and takes the time of the answer can tell whether the disk was busy with a voice of somebody else. So in
quiet times every commit begins at an edge, where the one that watches and the one that is watched for share it. When
the window before had a few dozen new voices, groups are written one after the other. How many those are is drawn
anew each time and told to nobody, or who brings all but one would see the last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from notalone.magnitude.noise import two_sided_geometric

# Longer than a wait for an ordinary disk, shorter than anyone notices.
WINDOW_SECONDS = 0.025
CROWD = 24
# One voice more or less changes the odds of whatever is seen by a factor of 8/7 at the most.
_ODDS = 8


class Pace:
    """`clock`: in seconds, the same for all processes of this machine, so that they share their edges."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        noise: Callable[[], int] = lambda: two_sided_geometric(_ODDS),
    ) -> None:
        self._clock = clock
        self._noise = noise
        self._window = 0
        self._new = 0
        self._crowded = False

    @property
    def crowded(self) -> bool:
        self._look()
        return self._crowded

    def count(self, new: int) -> None:
        """So many were new of those that were written just now. Who sends old ones again must not seem a crowd."""
        self._look()
        self._new += new

    async def turn(self) -> None:
        """Until the next group may be written."""
        if not self.crowded:
            await asyncio.sleep((self._window + 1) * WINDOW_SECONDS - self._clock())

    def _look(self) -> None:
        window = int(self._clock() / WINDOW_SECONDS)
        if window != self._window:
            crowd = max(CROWD + self._noise(), 1)
            self._crowded = window == self._window + 1 and self._new >= crowd
            self._window, self._new = window, 0
