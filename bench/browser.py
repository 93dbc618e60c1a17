# SPDX-License-Identifier: AGPL-3.0-or-later
"""A deposit in Chromium: what the page itself takes, without the trustees, the network and the return code."""

from __future__ import annotations

from statistics import median

from bench.table import against, print_table, working
from tests.journeys.protocol import deposit_in, page_with_tests
from tests.protocol.world import world
from tools.pictures import chromium

TIMES = 10
BAR = 500


def measure() -> None:
    rows = []
    with chromium() as browser, working(f"{TIMES} deposits in Chromium"):
        for highest in (5, 10):
            with page_with_tests(browser) as page:
                some = [deposit_in(page, world(highest), 31, f"him{n}@example.org", 2)[1] for n in range(TIMES)]
            bar = against(some[0], BAR, least=False) if highest == 5 else ""
            rows.append([f"levels 2 to {highest}", f"{some[0]:.0f}", bar, f"{median(some):.0f}"])
    head = ["one identifier, 2 trustees", "the first, ms", "bar", "median, ms"]
    print_table(
        "A deposit in Chromium",
        head,
        rows,
        f"Proofs checked, record sealed. Of {TIMES}; the first is what a visitor waits for, since nothing of the "
        "script was compiled before.",
    )
