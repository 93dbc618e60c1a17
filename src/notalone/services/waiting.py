# SPDX-License-Identifier: AGPL-3.0-or-later
"""The waiting line of voices that come without proof of work: slower under a flood, never refused.

A browser without script cannot show work, so these voices share a rate. Each takes the next free place in time. A
short wait is waited out on the open connection. A long one is answered with a ticket: her place, signed, bound to
her form, so that the server keeps nothing about her and she loses nothing by coming back later.
"""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

KEY_NAME = "waiting line"
KEY_BYTES = 32
# Seconds of the rate that may come at once: a page shown to a full room is tapped together.
BURST_SECONDS = 2.0
_MAC_BYTES = 16
_TICKET = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """Wait so many seconds; then this ticket is good."""

    seconds: float
    ticket: str


class WaitingLine:
    """Places in time, `rate` a second, handed out in the order of asking."""

    def __init__(self, rate: float, key: bytes, clock: Callable[[], float]) -> None:
        self._step = 1 / rate
        self._key = key
        self._clock = clock
        self._next = -math.inf

    def take(self, form: str) -> Place:
        """The next free place, for one form: its call and nonce."""
        now = self._clock()
        at = max(self._next, now - BURST_SECONDS)
        self._next = at + self._step
        whole = math.ceil(max(at, now))
        return Place(max(at - now, 0.0), f"{whole:08x}{self._sign(form, whole)}")

    def redeem(self, form: str, ticket: str) -> float | None:
        """Seconds that this ticket's owner still has to wait; None: it is no ticket of ours for this form."""
        if _TICKET.fullmatch(ticket) is None:
            return None
        at = int(ticket[:8], 16)
        if not hmac.compare_digest(ticket[8:].encode(), self._sign(form, at).encode()):
            return None
        return max(at - self._clock(), 0.0)

    def _sign(self, form: str, at: int) -> str:
        signed = f"{at:08x} {form}".encode()
        return blake2b(signed, digest_size=_MAC_BYTES, key=self._key, person=b"notalone-ticket1").hexdigest()
