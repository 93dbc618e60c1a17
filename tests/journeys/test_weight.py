# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public page comes quickly through a slow network: all of it weighs no more than 30 kB on the wire."""

from __future__ import annotations

import re
import urllib.request

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.scene import FIGURES
from tests.server import Server

MOST = 30_000


def fetch(url: str) -> tuple[int, bytes]:
    """What an answer weighs, headers included, when it is asked for as browsers do; and what it says."""
    request = urllib.request.Request(url, headers={"accept-encoding": "gzip"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        body = answer.read()
        return len(bytes(answer.headers)) + len(body), body


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_the_public_page_weighs_little(place: Server) -> None:
    heaviest = {"page": 0, "without script": 0, "with script": 0}
    for lang in LANGUAGES:
        url = f"{place.url}/{lang}/call/metoo"
        files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', text_of(url)))
        assert len(files) == 4
        page, _ = fetch(url)
        weights = {path: fetch(place.url + path)[0] for path in files}
        scripts = sum(weight for path, weight in weights.items() if ".js" in path)
        rest = page + sum(weights.values())
        for name, weight in (("page", page), ("without script", rest - scripts), ("with script", rest)):
            heaviest[name] = max(heaviest[name], weight)
    said = ", ".join(f"{name} {weight / 1000:.1f} kB" for name, weight in heaviest.items())
    FIGURES.append(f"public page, gzip, heaviest language: {said}, of {MOST / 1000:.0f} kB")
    assert heaviest["with script"] <= MOST
