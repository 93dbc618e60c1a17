# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a new TLS connection for every visit costs: as when everyone comes for the first time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.places import Bench, served
from bench.table import print_table, working
from bench.voices import Run, one_run
from notalone.client.wire import Through

CLIENTS = 64


def measure(bench: Bench) -> None:
    key, certificate = _throw_away_certificate(bench.folder)
    plain, secure = bench.fresh("tls plain"), bench.fresh("tls secure")
    with served(bench, "app", plain) as place:
        with working(f"kept connections, {bench.seconds:g} s"):
            kept = one_run(bench, place, Through.FORM, CLIENTS, plain / "codes", 0)
        with working(f"a new connection for every voice, {bench.seconds:g} s"):
            new = one_run(bench, place, Through.FORM, CLIENTS, plain / "codes", 1, new_connections=True)
    report = secure / "report"
    with (
        served(bench, "app", secure, "--tls", key, certificate, "--report", report, tls=True) as place,
        working(f"a new TLS connection for every voice, {bench.seconds:g} s"),
    ):
        tls = one_run(bench, place, Through.FORM, CLIENTS, secure / "codes", 0, new_connections=True)
    handshakes = json.loads(report.read_text())["tls"]
    rows = [_row("kept open", kept, kept), _row("new for every voice", new, kept), _row("new, with TLS", tls, kept)]
    head = [
        "connection",
        "a second",
        "p50 ms",
        "p99 ms",
        "worker µs",
        "more than kept µs",
        "a core could take",
        "wrk µs",
        "not 201",
    ]
    print_table(
        "A new connection for every visit (PostgreSQL, 1 worker, form door, 64 clients)",
        head,
        rows,
        f"TLS 1.3, P-256: {handshakes['accept_good']:,} handshakes, {handshakes['hits']:,} of them taken up again "
        "from an earlier one. A proxy in front, which keeps its connections to the worker, takes this off the worker. "
        "A core could take so many a second; wrk shakes the same hands and takes its own share of the machine.",
    )


def _row(name: str, run: Run, kept: Run) -> list[str]:
    worker, usual = run.loop + run.threads, kept.loop + kept.threads
    measured = run.measured
    return [
        name,
        f"{measured.rate:,.0f}",
        f"{measured.p50:.1f}",
        f"{measured.p99:.1f}",
        f"{worker:.0f}",
        f"{worker - usual:.0f}",
        f"{1e6 / max(worker, 1):,.0f}",
        f"{measured.generator:.0f}",
        f"{measured.broken + measured.refused}",
    ]


def _throw_away_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "1",
            ),
            *("-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return key, certificate
