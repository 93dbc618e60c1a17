# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is around a visitor: other people's voices, the numbers that are out, the words of her language."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

from notalone.client.door import open_door
from notalone.protocol.voice import Kind
from notalone.services.bundle import read_bundle
from notalone.services.help import SHIPPED
from notalone.services.platform import open_platform
from notalone.services.settings import Settings
from notalone.web.pages.frame import LANGUAGES, translations
from tests.server import DEMO_CALL, Server

EXIT_URL = Settings().exit_url
# Lines for the end of the run.
FIGURES: list[str] = []

# What she reads on any page, by language, in the words of the site's own catalogues.
WORDS: dict[str, Callable[[str], str]] = {lang: translations(lang).gettext for lang in LANGUAGES}


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a thread: beside Playwright's loop no other can run in the same one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def give(place: Server, slug: str, kind: str, many: int) -> None:
    """So many others tap."""

    async def crowd() -> None:
        async with open_door(place.url) as door:
            await asyncio.gather(*(door.give(slug, Kind.from_word(kind)) for _ in range(many)))

    apart(crowd())


def prepare_calls(data: Path) -> None:
    """Calls as visitors meet them: the demo call; one that nobody answered yet; one closed, one about to be; one in
    English alone."""
    texts = read_bundle(DEMO_CALL)

    async def load() -> None:
        async with open_platform(Settings(data=data)) as platform:
            for slug in ("metoo", "quiet", "closed", "closing"):
                rehearsal = "---\nrehearsal: yes\n" if slug == "quiet" else "---\n"
                sources = {lang: text.replace("---\n", rehearsal, 1) for lang, text in texts.items()}
                await platform.calls.load(slug, sources)
            await platform.calls.load("english", {"en": texts["en"]})
            await platform.calls.close("closed")

    apart(load())


def numbers(place: Server, slug: str = "metoo") -> dict[str, int | None]:
    """What is published now: a number for each kind, None where it is too small to show."""
    published: dict[str, int | None] = place.get_json(f"/api/calls/{slug}/count.json")["numbers"]
    return published


def await_numbers(place: Server, expected: dict[str, int | None], slug: str = "metoo", seconds: float = 20) -> None:
    """Wait for a tick at which these are published."""
    deadline = time.monotonic() + seconds
    while (found := numbers(place, slug)) != expected:
        assert time.monotonic() < deadline, f"{found} is published, not {expected}"
        time.sleep(0.1)


def await_tick(place: Server, seconds: float = 20) -> None:
    """Wait until the numbers were published once more."""
    released = place.get_json("/api/calls/metoo/count.json")["released_at"]
    deadline = time.monotonic() + seconds
    while place.get_json("/api/calls/metoo/count.json")["released_at"] == released:
        assert time.monotonic() < deadline, f"nothing was published since {released}"
        time.sleep(0.05)


def settled_numbers(place: Server) -> dict[str, int | None]:
    """What is published once all that was given before is counted."""
    await_tick(place)
    return numbers(place)


def help_of_today(folder: Path) -> Path:
    """The help directory, every second entry of it read today: both sides of the page have something to show."""
    entries = json.loads(SHIPPED.read_text())
    for entry in entries[::2]:
        entry["assured_date"] = datetime.now(UTC).date().isoformat()
    path = folder / "directory.json"
    path.write_text(json.dumps(entries))
    return path


def hard_work(page: Page, bits: int) -> None:
    """The public pages that this window opens ask for other work than the server does; of 60 bits, work without end."""

    def ask(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        assert 'data-bits="' in text
        route.fulfill(response=answer, body=text.replace('data-bits="8"', f'data-bits="{bits}"'))

    page.route("**/call/metoo", ask)


def posts(page: Page) -> list[str]:
    """The bodies of the forms that this window sends from now on."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    return sent
