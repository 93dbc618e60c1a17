# SPDX-License-Identifier: AGPL-3.0-or-later
"""Journeys run in Debian's Chromium against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.server import DEMO_CALL, Server, server
from tools.pictures import chromium


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("journeys"), DEMO_CALL, tick=1, pow_bits=8, slow_rate=1000) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser, place: Server) -> Iterator[BrowserContext]:
    """A visitor's browser that fails the test when it asks any other server for anything."""
    visitor = browser.new_context()
    elsewhere: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith(place.url) and not request.is_navigation_request():
            elsewhere.append(request.url)

    visitor.on("request", watch)
    yield visitor
    cookies = visitor.cookies()
    visitor.close()
    assert elsewhere == []
    assert cookies == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    return opened
