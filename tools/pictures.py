# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every page as a picture: telephone and desktop, light and dark, each language; and the one in the README.

python -m tools.pictures FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from notalone.client.door import open_door
from notalone.protocol.voice import Kind
from tests.server import DEMO_CALL, ROOT, Server, server

CHROMIUM = "/usr/bin/chromium"
# Chromium's own calls home are refused where there is no network, and slow.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SIZES = {"telephone": (320, 640), "desktop": (1280, 900)}
THEMES = ("light", "dark")
PATHS = {
    "home": "/{lang}/",
    "call": "/{lang}/call/metoo",
    "count": "/{lang}/call/metoo/count",
    "privacy": "/{lang}/call/metoo/privacy",
    "minors": "/{lang}/call/metoo/minors",
    "start": "/{lang}/call/metoo/start",
    "withdraw": "/{lang}/call/metoo/withdraw",
    "poster": "/{lang}/call/metoo/poster",
    "voice": "/{lang}/call/metoo/voice",
    "help": "/{lang}/help",
    "safety": "/{lang}/safety",
    "nothing": "/{lang}/nothing-here",
}
README_PICTURE = ROOT / "docs" / "pictures" / "call.png"


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def take_all(place: Server, browser: Browser, folder: Path) -> None:
    for size, (width, height) in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,  # type: ignore[arg-type]
            )
            page = context.new_page()
            for lang in ("en", "es", "ar"):
                for name, path in PATHS.items():
                    page.goto(place.url + path.format(lang=lang))
                    _shoot(page, folder / f"{lang}-{name}-{size}-{theme}.png")
                page.goto(f"{place.url}/{lang}/call/metoo")
                page.locator('button[value="metoo"]').click()
                page.wait_for_url("**/voice#said_here")
                _shoot(page, folder / f"{lang}-receipt-{size}-{theme}.png")
            context.close()


def _shoot(page: Page, path: Path) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, full_page=True)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "data/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, server(Path(data), DEMO_CALL, tick=2, pow_bits=4) as place:
        give_some_voices(place)
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1000, "height": 760})
            page.goto(f"{place.url}/en/call/metoo")
            page.screenshot(path=README_PICTURE)
            take_all(place, browser, folder)
    print(f"pictures in {folder}, and {README_PICTURE.relative_to(ROOT)}")


def give_some_voices(place: Server) -> None:
    """So that there is a number and a chart to look at. The pictures say nothing of real people."""

    async def give(many: int, kind: Kind) -> None:
        async with open_door(place.url) as door:
            for _ in range(many):
                await door.give("metoo", kind)

    for many in (60, 90, 40):
        asyncio.run(give(many, Kind.ME_TOO))
        asyncio.run(give(many, Kind.STAND_WITH_YOU))
        time.sleep(2.5)


if __name__ == "__main__":
    main()
