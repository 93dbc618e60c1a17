# SPDX-License-Identifier: AGPL-3.0-or-later
"""How pages show the published numbers: as a number, a line and a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.services.magnitude import Point
from notalone.web.pages.frame import LANGUAGES
from notalone.web.pages.magnitude import TABLE_ROWS, count_page, counts, thinned
from tests.web.test_pages import CALL, PAGES, TICK, Seen, frame, published, say


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_number_is_shown_with_how_sure_it_is(lang: str) -> None:
    sure = "This is the number of taps. We do not check who taps, and one person can tap twice."
    exact = "A number that is shown is exact: nothing was added to it or taken from it to hide people."
    for html in (PAGES["call"](frame(lang)), PAGES["count"](frame(lang))):
        words = Seen(html).words
        assert ("12.345" if lang == "es" else "12,345") in words
        assert "678" in words
        assert say(lang, sure) in words
        assert say(lang, exact) in words
    noise = say(lang, "Such a change to a number is called noise. In this version no noise is added.")
    assert noise in Seen(PAGES["count"](frame(lang))).words


def test_a_line_is_told_in_words(lang: str) -> None:
    said = {name: Seen(PAGES[name](frame(lang))).all("svg")[0].attributes["aria-label"] for name in ("call", "count")}
    number = "12.345" if lang == "es" else "12,345"
    assert "60" in said["call"]
    assert number in said["call"]
    # The table stands on the count page alone.
    assert said["count"] == said["call"] + " " + say(lang, "The table below says the same.")


def test_few_are_not_shown(lang: str) -> None:
    for html in (PAGES["few"](frame(lang)), PAGES["no count"](frame(lang))):
        page = Seen(html)
        few = [each for each in page.all("strong") if each.attributes.get("class") == "few"]
        assert [each.words for each in few] == [say(lang, "fewer than %(number)s") % {"number": 50}] * 2
        assert say(lang, "Not shown yet, to keep people safe.") in page.words
        assert not page.all("svg")


def test_a_line_has_steps_and_gaps() -> None:
    grown, hidden = counts(published((50, None), (100, None), (None, None), (80, None), (90, None)), 60)
    assert hidden.chart is None
    assert grown.chart is not None
    # Of 5 ticks; at the third nothing was shown, so nothing is drawn there.
    assert grown.chart.line == "M0 100H120V0H240M360 40H480V20H600"
    assert grown.chart.area == "M0 100H120V0H240V200H0ZM360 40H480V20H600V200H360Z"
    assert (grown.chart.top, grown.chart.first, grown.chart.last) == (100, 50, 90)


@given(st.lists(st.integers(0, 10**7), max_size=400, unique=True), st.integers(1, 60))
def test_a_long_table_is_thinned_to_its_last_numbers(ticks: list[int], most: int) -> None:
    series = [Point(tick * TICK, n, None) for n, tick in enumerate(sorted(ticks))]
    kept = thinned(series, most)
    assert len(kept) <= most
    assert kept == sorted(set(kept) & set(series), key=lambda each: each.at)
    assert kept[-1:] == series[-1:]
    if len(series) <= most:
        assert kept == series


def test_the_table_says_what_the_line_says(lang: str) -> None:
    page = Seen(PAGES["count"](frame(lang)))
    assert [each.words for each in page.all("td")][:2] == (["12.345", "678"] if lang == "es" else ["12,345", "678"])
    assert len(page.all("tr")) == 5
    drawn = Seen(count_page(frame(lang), CALL, published(*((n + 50, None) for n in range(1000)))))
    assert len(drawn.all("tr")) <= TABLE_ROWS + 1


def test_a_closed_call_promises_no_more_numbers(lang: str) -> None:
    hopeful = {
        "How many so far": "How many",
        "Not shown yet, to keep people safe.": "Not shown, to keep people safe.",
        "There is not enough to draw yet.": "There is not enough to draw.",
        "No number has been shown yet.": "No number was shown.",
    }
    for ended, name in ((False, "few"), (False, "no count"), (True, "few, closed"), (True, "no count, closed")):
        page = Seen(PAGES[name](frame(lang)))
        words = [each.words.strip() for each in page.elements]
        said = {sentence for pair in hopeful.items() for sentence in pair if say(lang, sentence) in words}
        assert said
        assert said <= set(hopeful.values() if ended else hopeful)
