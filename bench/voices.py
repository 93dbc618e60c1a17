# SPDX-License-Identifier: AGPL-3.0-or-later
"""Voices through HTTP, durable, and every accepted one looked up; beside the bare door."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.load import BITS, Measured, send_voices
from bench.lookup import Found, look_up
from bench.machine import Cpu, largest_memory
from bench.places import POSTGRESQL, SQLITE, Bench, Place, notalone, served
from bench.table import against, print_table, working
from notalone.client.wire import Through

DEPLOYMENTS = ((SQLITE, 1), (POSTGRESQL, 1), (POSTGRESQL, 2))
CLIENTS = (64, 256)
RUNS = tuple((through, clients) for through in Through for clients in CLIENTS)
# One part of the voices for each run on a database, and one to warm up with.
PARTS = len(RUNS) + 1
WARM_SECONDS = 1.0

BARS = {SQLITE: 7_000, POSTGRESQL: 9_000}
P99_BAR = 100.0
BARE_BAR = 25.0
MEMORY_BAR = 150.0


@dataclass(frozen=True)
class Run:
    """One run on one server; CPU in microseconds a voice."""

    server: str
    through: Through
    clients: int
    measured: Measured
    loop: float
    threads: float
    database: float


def measure(bench: Bench) -> tuple[float, int]:
    """Print the tables; the best rate there was, and how many accepted voices were not found afterwards."""
    bare = _bare(bench)
    runs: list[Run] = []
    looked_up: dict[str, Found] = {}
    memory: list[list[str]] = []
    for engine, workers in DEPLOYMENTS:
        folder = bench.fresh(f"voices {engine} {workers}")
        codes = folder / "codes"
        with notalone(bench, engine, workers, folder) as place:
            at_first = largest_memory(place.pid)
            runs += _runs(bench, place, codes)
            resident = largest_memory(place.pid)
            bar = against(resident, MEMORY_BAR, least=False)
            memory.append([place.name, f"{at_first:,.0f}", f"{resident:,.0f}", bar])
            looked_up[place.name] = look_up(place.database_url, bench.voices.slug, codes)
    _print_runs(bench, bare, runs)
    head = ["every accepted voice looked up", "answered 201", "in the database", "in the count", "lost"]
    note = "More may be stored than was answered: when its time is over, wrk leaves the last answers unread."
    print_table("Accepted means kept", head, [_looked_up(*each) for each in looked_up.items()], note)
    head = ["MB resident, largest process", "before the load", "after it", "bar"]
    print_table("Memory of one worker", head, memory)
    return max(run.measured.rate for run in runs), sum(found.lost for found in looked_up.values())


def _bare(bench: Bench) -> list[Run]:
    folder = bench.fresh("bare")
    with served(bench, "bare", folder) as place:
        return _runs(bench, place, folder / "codes")


def _runs(bench: Bench, place: Place, codes: Path) -> list[Run]:
    warm = RUNS[0][0]
    send_voices(place.url, bench.voices, warm, clients=64, seconds=WARM_SECONDS, codes=codes, part=len(RUNS))
    done = []
    for part, (through, clients) in enumerate(RUNS):
        with working(f"{place.name}: {through.value} door, {clients} clients, {bench.seconds:g} s"):
            done.append(one_run(bench, place, through, clients, codes, part))
    return done


def one_run(
    bench: Bench,
    place: Place,
    through: Through,
    clients: int,
    codes: Path,
    part: int,
    new_connections: bool = False,
) -> Run:
    server_before, database_before = place.cpu()
    measured = send_voices(
        place.url,
        bench.voices,
        through,
        clients=clients,
        seconds=bench.seconds,
        codes=codes,
        part=part,
        new_connections=new_connections,
    )
    server_after, database_after = place.cpu()
    used: Cpu = server_after - server_before
    each = 1e6 / max(measured.answers, 1)
    database = (database_after - database_before) * each
    return Run(place.name, through, clients, measured, used.loop * each, used.threads * each, database)


def _print_runs(bench: Bench, bare: list[Run], runs: list[Run]) -> None:
    bare_rates = {(run.through, run.clients): run.measured.rate for run in bare}
    rows, costs = [], []
    for run in (*bare, *runs):
        name, measured = f"{run.server}, {run.through.value}, {run.clients} clients", run.measured
        bar = BARS.get(run.server.partition(",")[0])
        share = 100 * measured.rate / bare_rates[run.through, run.clients]
        rows.append(
            [
                name,
                f"{measured.rate:,.0f}",
                against(measured.rate, bar, least=True) if bar else "",
                f"{measured.p50:.1f}",
                f"{measured.p99:.1f}",
                against(measured.p99, P99_BAR, least=False) if bar and run.clients == 64 else "",
                f"{share:.0f}",
                against(share, BARE_BAR, least=True) if bar else "",
                f"{measured.broken + measured.refused}",
            ]
        )
        costs.append([name, *(f"{part:.0f}" for part in (run.loop, run.threads, run.database, measured.generator))])
    print_table(
        "Voices accepted through HTTP, durable",
        ["server, door", "a second", "bar", "p50 ms", "p99 ms", "bar", "% of bare", "bar", "not 201"],
        rows,
        f"{bench.seconds:g} s each. Default protection: every voice carries a proof of work, which the server checks "
        f"({BITS} bits instead of 16, for which the check costs the same).",
        "Bare: one worker of the same web server that reads the same POST and answers the same number of bytes, with "
        "no work between.",
    )
    print_table(
        "What a voice costs, in µs of CPU time",
        ["server, door", "event loop", "other threads", "database", "wrk"],
        costs,
        "All workers together. The other threads are SQLite's writer; the database is all of PostgreSQL's processes. "
        "Where the columns add up to 1,000,000 times the cores, divided by the rate, the machine is the limit.",
    )


def _looked_up(server: str, found: Found) -> list[str]:
    return [server, f"{found.accepted:,}", f"{found.stored:,}", f"{found.tallied:,}", f"{found.lost:,}"]
