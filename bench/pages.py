# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public page: how fast while voices come in, and how heavy."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import urllib.request
from html.parser import HTMLParser

from bench.load import read_page
from bench.places import POSTGRESQL, SQLITE, Bench, Place, notalone
from bench.table import against, print_table, working

DEPLOYMENTS = ((SQLITE, 1), (POSTGRESQL, 1), (POSTGRESQL, 2))
READERS = 64
INGEST = 3_000
# Ticks come often, so that the page has a number and a chart to show, and is made anew while it is read.
TICK = 5
AHEAD_SECONDS = TICK + 2.0

READS_BAR, P99_BAR = 1_000, 100
WEIGHT_BAR = 30_000


def measure(bench: Bench) -> None:
    rows = []
    weight: list[list[str]] = []
    for engine, workers in DEPLOYMENTS:
        folder = bench.fresh(f"page {engine} {workers}")
        with (
            notalone(bench, engine, workers, folder, tick=TICK) as place,
            working(f"public page, {place.name}, {bench.seconds:g} s"),
        ):
            rows.append(_read_while_voices_come(bench, place))
            weight = _weight(f"{place.url}/en/call/{bench.voices.slug}", place.url)
    head = ["public page, warm", "pages a second", "bar", "p50 ms", "p99 ms", "bar", "voices a second beside", "p99 ms"]
    print_table(
        f"The public page, {READERS} readers, while {INGEST:,} voices a second come in",
        head,
        rows,
        "The voices come through the form door from a process of their own, paced by the clock: each 5 ms as many as "
        f"are due, on 32 connections. The count is published every {TICK} s, so the page is rendered anew as often.",
    )
    head = ["the public page with its count and chart", "bytes", "gzip", "bar"]
    print_table("Weight of the public page", head, weight)


def _read_while_voices_come(bench: Bench, place: Place) -> list[str]:
    seconds = AHEAD_SECONDS + bench.seconds
    command = [sys.executable, "-m", "bench.pace", place.url, bench.voices.slug, str(INGEST), str(seconds)]
    pacing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(AHEAD_SECONDS)
    read = read_page(f"{place.url}/en/call/{bench.voices.slug}", clients=READERS, seconds=bench.seconds)
    said, _ = pacing.communicate(timeout=60)
    voices = json.loads(said)
    return [
        place.name,
        f"{read.rate:,.0f}",
        against(read.rate, READS_BAR, least=True),
        f"{read.p50:.1f}",
        f"{read.p99:.1f}",
        against(read.p99, P99_BAR, least=False),
        f"{voices['accepted'] / voices['seconds']:,.0f}",
        f"{voices['p99']:.1f}",
    ]


class _Parts(HTMLParser):
    """What a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        rel = (named.get("rel") or "").split()
        if tag == "link" and {"stylesheet", "icon", "preload", "manifest"} & set(rel):
            self.paths.append(named.get("href") or "")
        elif tag in ("script", "img"):
            self.paths.append(named.get("src") or "")


def _weight(page: str, url: str) -> list[list[str]]:
    html = _fetch(page)
    parts = _Parts()
    parts.feed(html.decode())
    files = {"the page itself": html}
    for path in dict.fromkeys(path for path in parts.paths if path and not path.startswith("data:")):
        files[path.partition("?")[0].rpartition("/")[2]] = _fetch(url + path)
    zipped = {name: len(gzip.compress(content, 6)) for name, content in files.items()}
    rows = [[name, f"{len(content):,}", f"{zipped[name]:,}", ""] for name, content in files.items()]
    for title, chosen in (
        ("without script", [name for name in files if not name.endswith(".js")]),
        ("all in", list(files)),
    ):
        total = sum(zipped[name] for name in chosen)
        raw = sum(len(files[name]) for name in chosen)
        rows.append([title, f"{raw:,}", f"{total:,}", against(total, WEIGHT_BAR, least=False)])
    return rows


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
        return bytes(answer.read())
