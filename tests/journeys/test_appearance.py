# SPDX-License-Identifier: AGPL-3.0-or-later
"""On paper, in colours of her own, in the dark: what matters stays there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, PdfMargins, expect

from notalone.services.bundle import parse_text
from notalone.web.pages.frame import LANGUAGES
from notalone.web.pages.poster import render_poster
from tests.journeys.conftest import Visit
from tests.server import DEMO_CALL, Server

PRINTERS: PdfMargins = {"top": "10mm", "bottom": "10mm", "left": "10mm", "right": "10mm"}


def sheets(page: Page, paper: str) -> int:
    pdf = page.pdf(format=paper, margin=PRINTERS, prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_poster_comes_out_on_one_sheet(visit: Visit, place: Server, lang: str, paper: str) -> None:
    page = visit(color_scheme="dark")
    for slug in ("metoo", "quiet"):
        page.goto(f"{place.url}/{lang}/call/{slug}/poster")
        page.emulate_media(media="print")
        for hidden in (".bar", ".top", "footer", ".no-print", ".notice"):
            expect(page.locator(hidden).filter(visible=True)).to_have_count(0)
        expect(page.locator(".sheet")).to_be_visible()
        expect(page.locator(".qr svg")).to_be_visible()
        assert sheets(page, paper) == 1, slug


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_organisers_poster_comes_out_on_one_sheet(page: Page, lang: str, tmp_path: Path) -> None:
    text = parse_text((DEMO_CALL / f"{lang}.md").read_text(), lang)
    sheet = tmp_path / "poster.html"
    sheet.write_text(render_poster(text, lang, "https://a-rather-long-name.example.org/en/call/metoo"))
    page.goto(sheet.as_uri())
    expect(page.locator(".qr svg")).to_be_visible()
    assert sheets(page, "A4") == 1


def test_a_call_can_be_printed(visit: Visit, place: Server) -> None:
    page = visit(color_scheme="dark")
    page.goto(f"{place.url}/en/call/metoo")
    page.emulate_media(media="print")
    for hidden in (".bar", ".top", "form"):
        expect(page.locator(hidden)).to_be_hidden()
    # Ink on paper, also for those whose screen is dark.
    expect(page.locator("html")).to_have_css("color", "rgb(0, 0, 0)")
    expect(page.locator("html")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator("#what-is h2")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_she_reads_in_colours_of_her_own(visit: Visit, place: Server, theme: str) -> None:
    page = visit(forced_colors="active", color_scheme=theme)
    page.goto(f"{place.url}/en/call/metoo")
    # Where backgrounds are gone, edges still tell what can be pressed.
    for button in ("#exit", "[value=metoo]", "[value=stand]"):
        expect(page.locator(button)).to_have_css("border-top-style", "solid")
        width = page.locator(button).evaluate("(each) => parseFloat(getComputedStyle(each).borderTopWidth)")
        assert width >= 2, button
    line = page.locator(".line").first
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert line.evaluate("(each) => getComputedStyle(each).stroke") == ink
    page.locator("[value=metoo]").focus()
    page.keyboard.press("Shift+Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_nothing_moves_for_those_whom_it_makes_ill(visit: Visit, place: Server) -> None:
    page = visit(reduced_motion="reduce")
    page.goto(f"{place.url}/en/call/metoo")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((each) => {
            const style = getComputedStyle(each);
            return style.transitionDuration !== "0s" || style.animationName !== "none"
                || style.scrollBehavior !== "auto";
        }).length"""
    )
    assert moving == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_follows_her_light(visit: Visit, place: Server, theme: str) -> None:
    page = visit(color_scheme=theme)
    page.goto(f"{place.url}/en/call/metoo")
    background = page.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/g).map(Number)"
    )
    assert (sum(background) > 600) == (theme == "light")
