# SPDX-License-Identifier: AGPL-3.0-or-later
"""The waiting line of voices that come without proof of work: slower under a flood, never refused.

A browser without script cannot show work, so these voices share a rate. The line has a length in seconds, and whoever
has waited that long goes through. A short wait is waited out on the open connection. A long one is answered with a
ticket: the moment of asking, signed and bound to the form. So the server keeps nothing about her, she loses nothing by
coming back later, and those who never come back make nobody wait.

The length must not tell that one person tapped. It therefore grows in steps, each after about a hundred voices; after
how many exactly is drawn anew each time and told to nobody (spec/voice.md, section 6).
"""

from __future__ import annotations

import hmac
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from notalone.magnitude.noise import two_sided_geometric
from notalone.protocol.labels import TICKET

KEY_NAME = "waiting line"
KEY_BYTES = 32
# Voices to a step. The noise falls below -STEP less than once in a million draws.
STEP = 100
# One voice more or less changes the odds of whatever is seen of the line by a factor of 8/7 at the most.
_ODDS = 8
_MAC_BYTES = 16
_TICKET = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """Wait so many seconds, then ask again with this ticket; 0: go through."""

    seconds: float
    ticket: str


class WaitingLine:
    """Lets `rate` voices a second through in the long run, the longest waiting first.

    While a flood lasts and the line grows it can be up to twice as many, and the first two steps go through at once.
    """

    def __init__(
        self,
        rate: float,
        key: bytes,
        clock: Callable[[], float],
        steady: Callable[[], float] = time.monotonic,
        noise: Callable[[], int] = lambda: two_sided_geometric(_ODDS),
    ) -> None:
        self._step_seconds = STEP / rate
        self._key = key
        # The moment in a ticket holds beyond a restart. The length must not jump when somebody sets the clock.
        self._clock = clock
        self._steady = steady
        self._noise = noise
        # When all that went through so far will have had its time at the rate.
        self._paid_off = -math.inf
        self._left = self._draw()

    def ask(self, form: str, ticket: str = "") -> Place:
        """For a form (its call and nonce) and the ticket that came with it. One that is not ours counts as none."""
        now = self._clock()
        asked = self._asked(form, ticket)
        if asked is None:
            asked = math.ceil(now)
        waited = max(now - asked, 0.0)
        # She gains a second on the line with every second, and the line loses one.
        seconds = max(self._length() - waited, 0.0) / 2
        return Place(seconds, f"{asked:08x}{self._sign(form, asked)}")

    def enter(self) -> None:
        """One goes through now, or will after the rest of a short wait."""
        self._left -= 1
        if self._left <= 0:
            self._left = self._draw()
            self._paid_off = max(self._paid_off, self._steady()) + self._step_seconds

    def _length(self) -> float:
        # One step is free: a page that is shown to a full room is tapped together.
        return max(self._paid_off - self._steady() - self._step_seconds, 0.0)

    def _draw(self) -> int:
        return max(STEP + self._noise(), 1)

    def _asked(self, form: str, ticket: str) -> int | None:
        if _TICKET.fullmatch(ticket) is None:
            return None
        asked = int(ticket[:8], 16)
        signed = self._sign(form, asked)
        return asked if hmac.compare_digest(ticket[8:].encode(), signed.encode()) else None

    def _sign(self, form: str, asked: int) -> str:
        signed = f"{asked:08x} {form}".encode()
        return blake2b(signed, digest_size=_MAC_BYTES, key=self._key, person=TICKET).hexdigest()
