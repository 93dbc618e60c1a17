# SPDX-License-Identifier: AGPL-3.0-or-later
"""Journeys run in Debian's Chromium against real servers, with browsers that see to it that nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.inspection import AXE, FACTS, violations
from tests.journeys.pages import Seen, Tour, every_page
from tests.journeys.scene import EXIT_URL, FIGURES, await_numbers, give, help_of_today, prepare_calls
from tests.server import Server, server
from tools.pictures import ARGUMENTS, CHROMIUM, chromium

SMALLEST: ViewportSize = {"width": 320, "height": 640}

# Playwright's loop runs for as long as its browser is open, and tests with a loop of their own cannot run beside it:
# everything here ends with this folder, not with the session.


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for figure in FIGURES:
        terminalreporter.write_line(f"journeys: {figure}")


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Where the journeys take place: numbers and a line to look at, new ones every second."""
    data = tmp_path_factory.mktemp("journeys")
    prepare_calls(data)
    with server(data, tick=1, pow_bits=8, slow_rate=1000, help_directory=help_of_today(data)) as running:
        expected = 0
        for many in (55, 20):
            expected += many
            give(running, "metoo", "metoo", many)
            give(running, "metoo", "stand", many)
            await_numbers(running, {"metoo": expected, "stand": expected})
        yield running


@pytest.fixture(scope="package")
def slow_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Where the line of those without script is soon long, and numbers stand still long enough to be looked at."""
    data = tmp_path_factory.mktemp("slow")
    prepare_calls(data)
    with server(data, tick=3, pow_bits=8, slow_rate=8) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def remembering_browser(browser: Browser) -> Iterator[Browser]:
    """Keeps whole pages to go back to, as browsers do by themselves; Playwright turns it off."""
    running = browser.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield running
    running.close()


class Visit(Protocol):
    """A visitor's new browser window. Options as for `Browser.new_context`."""

    def __call__(self, other_browser: Browser | None = None, **options: Any) -> Page: ...


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Makes windows, and fails the test when a page asks another server, breaks its rules, or leaves a cookie."""
    with ExitStack() as windows:

        def open_window(other_browser: Browser | None = None, **options: Any) -> Page:
            window = (other_browser or browser).new_context(**options)
            windows.callback(_Watch(window).end)
            page = window.new_page()
            page.set_default_timeout(20_000)
            return page

        yield open_window


_NO_COMPLAINT = (
    # Every answer that is a problem; which ones are right is for the tests to say.
    "Failed to load resource",
    # A tap that was held while she left: the page is empty, so there is nothing to send.
    "Form submission canceled because the form is not connected",
)


class _Watch:
    def __init__(self, window: BrowserContext) -> None:
        self._window = window
        self._elsewhere: list[str] = []
        self._complaints: list[str] = []
        window.on("request", self._asked)
        window.on("console", self._said)
        window.on("weberror", lambda error: self._complaints.append(str(error.error)))
        # A page that everybody visits, and which need not be there for our tests.
        window.route(EXIT_URL, lambda route: route.fulfill(body="<title>Weather</title>", content_type="text/html"))

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).hostname != "127.0.0.1" and not request.is_navigation_request():
            self._elsewhere.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_NO_COMPLAINT):
            self._complaints.append(message.text)

    def end(self) -> None:
        cookies = self._window.cookies()
        self._window.close()
        assert self._elsewhere == []
        assert self._complaints == []
        assert cookies == []


@pytest.fixture(scope="package")
def tour(browser: Browser, place: Server) -> Tour:
    """Every page in every language, on the smallest screen. Seen once, looked at by many tests."""
    window = browser.new_context(viewport=SMALLEST)
    watch, page = _Watch(window), window.new_page()
    page.add_init_script(path=AXE)
    seen = []
    for lang in LANGUAGES:
        for name, answer in every_page(page, place, lang):
            path, headers = urlsplit(page.url).path, answer.all_headers()
            seen.append(Seen(lang, name, path, answer.status, headers, page.evaluate(FACTS), violations(page)))
    watch.end()
    return seen


@pytest.fixture
def page(visit: Visit) -> Page:
    """One visitor's window."""
    return visit()
