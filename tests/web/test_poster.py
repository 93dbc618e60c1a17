# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sheet to print: as a page of the site, and as a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notalone.web.pages.frame import LANGUAGES
from notalone.web.pages.poster import poster_page, render_poster
from tests.web.test_pages import CALL, Seen, frame


def test_a_poster_is_a_file_that_loads_nothing() -> None:
    for code in ("en", "es", "pt-BR"):
        text = replace(CALL.text(code), lang=code)
        page = Seen(render_poster(text, code, "https://example.org/en/call/metoo"))
        assert page.only("html").attributes == {"lang": code, "dir": "ltr"}
        assert not [each for each in page.elements if {"src", "href", "style", "srcset"} & each.attributes.keys()]
        assert "https://example.org/en/call/metoo" in page.words
        assert text.ask in page.words
        # The site speaks no Portuguese yet, and a sheet in two languages is worse than a short one.
        assert ("no account" in page.words.replace(text.ask, "")) is (code == "en")


@pytest.mark.parametrize(
    ("url", "alone"),
    [
        ("http://127.0.0.1:8000/en/call/metoo", True),
        ("http://0.0.0.0:8000/en/call/metoo", True),
        ("http://[::1]:8000/en/call/metoo", True),
        ("http://localhost/en/call/metoo", True),
        ("https://calls.example.org/en/call/metoo", False),
        ("http://192.0.2.7/en/call/metoo", False),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_poster_that_leads_to_the_server_alone_says_so_beside_the_sheet(lang: str, url: str, alone: bool) -> None:
    page = Seen(poster_page(frame(lang), CALL, url))
    notes = [each for each in page.all("p") if "NOTALONE_PUBLIC_URL" in each.words]
    assert bool(notes) is alone
    (unprinted,) = [each for each in page.all("div") if each.attributes.get("class") == "no-print"]
    assert all(each.words in unprinted.words for each in notes)
    (sheet,) = [each for each in page.all("article") if "sheet" in each.attributes.get("class", "")]
    assert url in sheet.words
    assert "NOTALONE" not in sheet.words


def test_the_address_of_a_poster_breaks_after_its_slashes() -> None:
    html = poster_page(frame("en"), CALL, "https://example.org/en/call/metoo")
    assert "https://<wbr>example.org/<wbr>en/<wbr>call/<wbr>metoo<" in html
