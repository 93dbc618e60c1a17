# SPDX-License-Identifier: AGPL-3.0-or-later
"""Voices at a steady rate, from a process of its own: python -m bench.pace URL SLUG RATE SECONDS."""

from __future__ import annotations

import json
import sys

import uvloop

from bench.load import BITS
from notalone.client.crowd import Crowd, Target
from notalone.client.curve import steady
from notalone.client.door import open_door
from notalone.client.wire import Through

CONNECTIONS = 32


async def main(url: str, slug: str, rate: float, seconds: float) -> None:
    async with open_door(url, Through.FORM) as door:
        target = Target(url, slug, Through.FORM, "en", BITS)
        outcome = await Crowd(target, steady(rate, seconds), door, connections=CONNECTIONS).run()
    print(
        json.dumps(
            {
                "accepted": outcome.accepted.total(),
                "seconds": outcome.elapsed,
                "behind": outcome.most_behind,
                "p99": outcome.percentile(99) * 1000,
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
