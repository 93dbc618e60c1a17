# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every page as a picture: telephone and desktop, light and dark, each language; and the one in the README.

python -m tools.pictures FOLDER
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from notalone.protocol.voice import NONCE_BYTES, Kind, nonce_from
from notalone.services.bundle import read_bundle
from notalone.services.platform import open_platform
from notalone.services.settings import Settings
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
# So that there are numbers and charts to look at: taps in each hour, up to now. They say nothing of real people.
TAPS = {
    Kind.ME_TOO: (
        *(12, 34, 61, 88, 120, 145, 131, 96, 70, 41, 22, 12, 8, 6, 9),
        *(21, 44, 63, 71, 82, 90, 84, 77, 69, 73, 81, 92, 88, 64, 47),
    ),
    Kind.STAND_WITH_YOU: (
        *(3, 9, 14, 30, 41, 38, 52, 44, 21, 12, 6, 3, 2, 1, 3),
        *(8, 19, 24, 22, 35, 30, 41, 27, 22, 31, 25, 38, 27, 19, 12),
    ),
}
HOUR = 3600


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
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data=Path(data))
        asyncio.run(give_voices(settings))
        with server(settings.data, tick=settings.tick, pow_bits=4) as place, chromium() as browser:
            page = browser.new_page(viewport={"width": 1000, "height": 760})
            page.goto(f"{place.url}/en/call/metoo")
            page.screenshot(path=README_PICTURE)
            take_all(place, browser, folder)
    print(f"pictures in {folder}, and {README_PICTURE.relative_to(ROOT)}")


async def give_voices(settings: Settings) -> None:
    """The demo call with its taps, tick by tick, by a clock that is put forward from then to now."""
    ticks = HOUR // settings.tick
    hours = len(TAPS[Kind.ME_TOO])
    now = time.time() // settings.tick * settings.tick - hours * HOUR
    async with open_platform(settings, lambda: now) as platform:
        await platform.calls.load(DEMO_CALL.name, read_bundle(DEMO_CALL))
        call = platform.calls.get(DEMO_CALL.name)
        await platform.voices.start()
        for hour in range(hours):
            for tick in range(ticks):
                given = [
                    platform.voices.give(call, nonce_from(secrets.token_bytes(NONCE_BYTES)), kind)
                    for kind, taps in TAPS.items()
                    for _ in range(taps[hour] * (tick + 1) // ticks - taps[hour] * tick // ticks)
                ]
                await asyncio.gather(*given)
                now += settings.tick
                await platform.magnitude.release()
        await platform.voices.stop()


if __name__ == "__main__":
    main()
