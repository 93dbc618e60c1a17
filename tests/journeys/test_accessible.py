# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every page stands before axe at WCAG 2.2 AA and its best practices: each language, light and dark."""

from __future__ import annotations

from playwright.sync_api import Page

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.conftest import Visit
from tests.journeys.inspection import AXE, violations
from tests.journeys.pages import Tour, drawn_pages
from tests.journeys.scene import FIGURES
from tests.server import Server


def test_axe_finds_nothing_on_any_page(tour: Tour) -> None:
    found = {(seen.lang, seen.name): seen.violations for seen in tour if seen.violations}
    pages = f"{len(tour) // len(LANGUAGES)} pages in {len(LANGUAGES)} languages, light and dark"
    FIGURES.append(f"axe: {pages}: {sum(map(len, found.values()))} violations")
    assert found == {}


def test_axe_finds_nothing_on_the_pages_of_what_seldom_happens(page: Page, place: Server) -> None:
    page.add_init_script(path=AXE)
    found = {each: violations(page) for each in drawn_pages(page, place)}
    FIGURES.append(f"axe: {len(found)} pages of what seldom happens: {sum(map(len, found.values()))} violations")
    assert {each: its for each, its in found.items() if its} == {}


def test_axe_finds_nothing_on_a_wide_screen(visit: Visit, place: Server) -> None:
    page = visit(viewport={"width": 1280, "height": 900})
    page.add_init_script(path=AXE)
    for path in ("/en/call/metoo", "/ar/call/metoo", "/en/call/metoo/count", "/es/help"):
        page.goto(place.url + path)
        assert violations(page) == [], path


def test_axe_would_find_something(page: Page, place: Server) -> None:
    page.add_init_script(path=AXE)
    page.goto(f"{place.url}/en/")
    page.evaluate("document.querySelector('h1').outerHTML = '<img><p>a</p>'; document.body.style.color = '#ddd'")
    found = {rule for _, rule, *_ in violations(page)}
    assert found >= {"image-alt", "color-contrast", "page-has-heading-one"}
