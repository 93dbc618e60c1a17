# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a worker's CPU time goes for each voice, by the form and by the API, beside the bare door."""

from __future__ import annotations

import json

from bench.places import Bench, served
from bench.table import print_table, working
from bench.voices import one_run
from notalone.client.wire import Through

CLIENTS = 64
COLUMNS = (("app", Through.FORM), ("app", Through.API), ("bare", Through.FORM))


def measure(bench: Bench) -> None:
    costs: list[dict[str, float]] = []
    rates: list[float] = []
    for app, through in COLUMNS:
        folder = bench.fresh(f"profile {app} {through.value}")
        report = folder / "report"
        with served(bench, app, folder, "--report", report) as place, working(f"profile: {app}, {through.value}"):
            run = one_run(bench, place, through, CLIENTS, folder / "codes", 0)
        samples: dict[str, int] = json.loads(report.read_text())["samples"]
        seen = sum(samples.values())
        costs.append({part: (run.loop + run.threads) * number / seen for part, number in samples.items()})
        rates.append(run.measured.rate)
    parts = sorted({part for cost in costs for part in cost}, key=lambda part: -costs[0].get(part, 0.0))
    rows = [[part, *(f"{cost.get(part, 0.0):.1f}" for cost in costs)] for part in parts]
    rows.append(["together", *(f"{sum(cost.values()):.1f}" for cost in costs)])
    rows.append(["voices a second meanwhile", *(f"{rate:,.0f}" for rate in rates)])
    print_table(
        "Where a worker's time goes (PostgreSQL, 1 worker, 64 clients)",
        ["µs of CPU for each voice", "form", "API", "bare, form"],
        rows,
        "Sampled at every millisecond of CPU time; the sampling itself costs some percent. bench/sampler.py says what "
        "a sample can't tell.",
    )
