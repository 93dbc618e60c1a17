# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every page stands before axe at WCAG 2.2 AA and its best practices: each language, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.conftest import Visit
from tests.journeys.pages import drawn_pages, every_page
from tests.journeys.scene import FIGURES
from tests.server import ROOT, Server

AXE = ROOT / "browser" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EVERYTHING = {"type": "tag", "values": [*STANDARD, "best-practice"]}
# The rules that look at colours: all that a theme changes.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
RUN = """async (rules) => {
    document.querySelectorAll("details").forEach((each) => (each.open = true));
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
    return found.violations.flatMap(({id, nodes}) => nodes.map((node) => [id, node.html, node.failureSummary]));
}"""


@pytest.fixture
def examined(visit: Visit) -> Page:
    # axe is put into the page from outside, which the pages' own rules would not allow.
    page = visit(bypass_csp=True)
    page.add_init_script(path=AXE)
    return page


def violations(page: Page) -> Iterator[Any]:
    for theme, rules in (("light", EVERYTHING), ("dark", COLOURS)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        yield from ([theme, *each] for each in page.evaluate(RUN, rules))
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_on_any_page(examined: Page, place: Server, lang: str) -> None:
    found = {}
    for name, _ in every_page(examined, place, lang):
        found[name] = list(violations(examined))
    FIGURES.append(f"axe: {len(found)} pages in {lang}, light and dark: {sum(map(len, found.values()))} violations")
    assert {name: each for name, each in found.items() if each} == {}


def test_axe_finds_nothing_on_the_pages_of_what_seldom_happens(examined: Page, place: Server) -> None:
    found = {}
    for lang, name in drawn_pages(examined, place):
        found[lang, name] = list(violations(examined))
    FIGURES.append(f"axe: {len(found)} seldom pages, light and dark: {sum(map(len, found.values()))} violations")
    assert {name: each for name, each in found.items() if each} == {}


def test_axe_would_find_something(examined: Page, place: Server) -> None:
    examined.goto(f"{place.url}/en/")
    examined.evaluate("document.querySelector('h1').outerHTML = '<img><p>a</p>'; document.body.style.color = '#ddd'")
    found = {rule for _, rule, *_ in violations(examined)}
    assert found >= {"image-alt", "color-contrast", "page-has-heading-one"}
