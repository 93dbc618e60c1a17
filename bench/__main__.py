# SPDX-License-Identifier: AGPL-3.0-or-later
"""`make bench`, or `python -m bench --seconds 5 voices`: measures and prints. About fifteen minutes as it is.

Exit status 1: an accepted voice was not found afterwards. A bar that is not met is said, and is no failure: machines
differ.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import bench.browser
import bench.pages
import bench.profile
import bench.protocol
import bench.tls
import bench.voices
from bench.load import Voices
from bench.machine import processor
from bench.places import Bench
from bench.table import print_table, working
from tests.postgres import cluster
from tests.server import DEMO_CALL

SECTIONS = ("voices", "tls", "pages", "profile", "protocol", "browser")
# Facebook's own figures for the first 24 hours (NBC Washington and others, October 2017).
STRESS = (("people who joined in", 4_700_000), ("posts, comments and reactions", 12_000_000))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast it is, and where the time goes.")
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(SECTIONS)}; all unless told")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load in each run; 30 unless told")
    chosen = parser.parse_args()
    unknown = set(chosen.sections) - set(SECTIONS)
    if unknown or chosen.seconds < 1:
        parser.error(f"no section {', '.join(unknown)}" if unknown else "a run takes a second at least")
    for program in ("wrk", "openssl"):
        if shutil.which(program) is None:
            parser.error(f"{program} is not installed: apt-get install {program}")
    sections = chosen.sections or SECTIONS
    print(f"Not Alone, {datetime.now(UTC):%Y-%m-%d}, {processor()}; the load comes from the same machine.")
    if "protocol" in sections:
        bench.protocol.measure()
    if "browser" in sections:
        bench.browser.measure()
    if set(sections) <= {"protocol", "browser"}:
        return 0
    with tempfile.TemporaryDirectory(prefix="notalone-bench-") as name, cluster() as running:
        with working("making voices with their proofs"):
            voices = Voices.make(Path(name) / "voices", DEMO_CALL.name, chosen.seconds, bench.voices.PARTS)
        lost = run(Bench(chosen.seconds, Path(name), running, voices), sections)
    return 1 if lost else 0


def run(place: Bench, sections: Sequence[str]) -> int:
    """How many accepted voices were not found afterwards."""
    lost = 0
    if "voices" in sections:
        best, lost = bench.voices.measure(place)
        _print_stress(best)
    if "profile" in sections:
        bench.profile.measure(place)
    if "tls" in sections:
        bench.tls.measure(place)
    if "pages" in sections:
        bench.pages.measure(place)
    return lost


def _print_stress(rate: float) -> None:
    rows = [[what, f"{number:,}", f"{number / rate / 60:.1f}", f"{number / 86_400:.0f}"] for what, number in STRESS]
    head = ["Facebook's first day of #MeToo", "number", "minutes", "a second, if spread over the day"]
    print_table(
        "If each of them were a voice here", head, rows, f"At {rate:,.0f} voices a second, the best rate of this run."
    )


if __name__ == "__main__":
    sys.exit(main())
