# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Markdown of a call: that what is shown is safe, and what is refused and in which line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.services.bundle import CallText, parse_text
from notalone.services.prose import PAGE_IDS, address_problem, forbidden_character, quoted, suggested_id
from tests.services.good_call import GOOD, Refused, Shown, assert_refused, assert_safe, findings, read_or_refuse

# What is shown


def test_the_html_of_a_section() -> None:
    assert parse_text(GOOD, "en").section("minors").html == (
        '<p>Call us: <a href="tel:116111" rel="noreferrer nofollow">116111</a>.</p>\n'
    )


def test_footnotes_stand_below_the_section_that_cites_them_and_lead_back_to_each_citation() -> None:
    text = parse_text(GOOD, "en")
    about, privacy = Shown(text.section("about").html), Shown(text.section("privacy").html)
    assert about.ids == ["about_1_1", "about_1_2", "about_2_1", "about_1", "about_2"]
    assert about.targets == ["about_1", "about_1", "about_2", "about_1_1", "about_1_2", "about_2_1"]
    assert privacy.ids == ["privacy_1_1", "privacy_1"]
    assert "Where it was said" in about.words
    assert "Where it was said" not in privacy.words


def test_what_looks_like_html_is_shown_as_text_in_code() -> None:
    text = parse_text(GOOD.replace("- two", "- `<script>`"), "en")
    assert "<code>&lt;script&gt;</code>" in text.section("about").html


# What is refused, and where

REFUSED: dict[str, Refused] = {
    "words before the first section": ("---\n##", "---\nHello\n##", "Hello", "belongs to no section", "{#about}"),
    "first-level heading": ("### A", "# A", "# A", "title, which stands in the front matter", "##"),
    "section in a quote": ("- one", "> ## x", "> ## x", "cannot begin inside a list", "###"),
    "level skipped": ("### A", "#### A", "#### A", "skips a level", "use ###"),
    "section without id": (" {#about}", "", "## What", 'section "What this is" has no id', "{#what-this-is}"),
    "bad id": ("{#about}", "{#A b!}", "## What", '"A b!" cannot be a section id', "{#a-b}"),
    "id that starts with a digit": ("{#about}", "{#2b}", "## What", '"2b" cannot be a section id', "{#b}"),
    "id of the page": ("{#about}", "{#voice}", "{#voice}", 'the page itself has a part with the id "voice"', "another"),
    "id twice": ("{#minors}", "{#about}", "under 18", 'section id "about" is on line 13 already', "of its own"),
    "id in a smaller heading": ("smaller heading", "x {#x}", "### A", "only ## headings have an id", "{#...} out"),
    "heading without words": ("What *this* is ", "", "## {#about}", "no words", "before the id"),
    "long heading": ("What *this* is", "x" * 121, "## x", "this heading has 121 characters", "120 at most"),
    "link in a heading": ("What *this*", "[x](https://x.org)", "## [", "words only", "below"),
    "empty section": ("We keep little.[^law]", "", "## Your", 'section "Your privacy" is empty', "below"),
    "html block": ("- one", "<div>\n\n- one", "<div>", "raw HTML is not allowed", "Markdown"),
    "html comment": ("- one", "<!-- x -->\n\n- one", "<!--", "raw HTML is not allowed", "Markdown"),
    "html in a line": ("More words", "More\nmany <b>words", "many <b>", 'raw HTML is not allowed: "<b>"', "Markdown"),
    "html in a footnote": ("- a list", "- a list <i>", "a list <i>", "raw HTML", "Markdown"),
    "image": ("- one", "- ![one](https://example.org/1.png)", "![one]", "images are not allowed", "in words"),
    "http link": ("<https://example.org/said>", "<http://example.org/said>", "said>", "is not encrypted", "https://"),
    "script link": ("https://example.org/?", "javascript:alert()//", "javascript", 'with "javascript:"', "https://"),
    "data link": ("https://example.org/?", "DATA:text/html,//", "DATA", 'with "DATA:"', "https://"),
    "relative link": ("https://example.org/?", "/en/?", "(/en/", '"/en/?a=1&b=2" is not a whole address', "https://"),
    "link with a name in it": ("https://example.org/?", "https://x@example.org/?", "x@", "not a web address", "copy"),
    "link with a bad port": ("https://example.org/?", "https://x.org:99999/?", "99999", "not a web address", "copy"),
    "link with a bad host": ("https://example.org/?", "https://[x/?", "[x/", "not a web address", "copy"),
    "mail without address": ("tel:116111", "mailto:us", "mailto:us)", "not an e-mail address", "name@example.org"),
    "letters for a number": ("tel:116111", "tel:abc", "tel:abc", "not a telephone number", "without spaces"),
    "link without words": ("[a link]", "[]", "[](", "this link has no words", "between [ and ]"),
    "link of blanks": ("[a link]", "[ &nbsp;]", "[ &", "this link has no words", "between [ and ]"),
    "link in a link": ("[a link]", "[a <https://b.org>]", "[a <", "inside a link", "follow the other"),
    "footnote not defined": ("others.[^law]", "others.\n[^zzz]", "[^zzz]", "footnote [^zzz] is not defined", "[^zzz]:"),
    "footnote never cited": ("[^law]:", "[^x]: X\n[^law]:", "[^x]", "footnote [^x] is never cited", "where it belongs"),
    "footnote twice": ("[^law]:", "[^tweet]: X\n[^law]:", "[^tweet]: X", "is on line 23 already", "another name"),
    "footnote with a space": ("others.[^law]", "others.[^law][^a b]", "[^a b]", "a space in its name", "[^source]"),
    "footnote without text": ("    - a list\n", "", "[^law]:", "this footnote has no text", "the source"),
    "footnote in a footnote": ("Where it was", "W[^law]", "W[^law]", "cannot cite a footnote", "into the text"),
    "footnote begun in a footnote": ("- a list", "[^n]: x", "[^n]: x", "begins inside another", "left margin"),
    "footnote in a link": ("[a link]", "[a[^law] link]", "[a[^law]", "this link cannot be read", "without footnotes"),
    "nested too deep": ("- one", "> " * 25 + "one", "> > one", "nested too deep", "some levels"),
    "override as an entity": ("More words", "More\n&#x202e;words", "&#x202e;", "U+202E", "take it out"),
    "override in a title": ('"its title"', '"&#x202e;"', "&#x202e;", "U+202E", "take it out"),
    "override in a heading": ("this* is", "this* &#x202e;", "## What", "U+202E", "take it out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_with_its_line_and_a_way_out(case: str) -> None:
    assert_refused(REFUSED[case])


def test_the_line_is_right_after_links_that_span_lines() -> None:
    source = GOOD.replace("More words", 'See\n[a](\nhttps://x.org\n"t"),\n\\*, &amp; `a\nb` <b>')
    lines = source.split("\n")
    assert [each.line for each in findings(source)] == [lines.index("b` <b>[^tweet], and others.[^law]") + 1]


def test_a_long_quotation_is_cut_and_cannot_speak_to_the_terminal() -> None:
    (found,) = findings(GOOD.replace("{#about}", f"{{#&#27;{'x' * 500}}}"))[:1]
    assert len(found.message) < 200
    assert "\x1b" not in found.message


# Whatever is written

SIGNS = [
    "# ",
    "## ",
    "### ",
    "{#a}",
    "{#b}",
    "[^1]",
    "[^1]: ",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "!",
    "`",
    "```\n",
    "*",
    "_",
    "> ",
    "- ",
    "1. ",
    "    ",
    "\n",
    "\n\n",
    "---",
    "--- \n",
    "&#x202e;",
    "&lt;",
    "<b>",
    "<!--",
    "-->",
    "https://a.b",
    "javascript:",
    "mailto:a@b.c",
    "tel:12",
    "\\",
    '"',
    "'",
    "<https://a.b/>",
    "[a](https://a.b)",
    "a",
    ": ",
    "é",
    "TODO:",
    "privacy",
    "{#minors}",
    "<script>",
    "\t",
    "\r",
    "&quot;",
    "%00",
    "onclick=",
    "![x](y)",
    "[x]: https://a.b\n",
]

MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(SIGNS),
        st.text(max_size=4),
    ),
    max_size=40,
).map("".join)


@settings(max_examples=250, deadline=None)
@given(MARKDOWN)
def test_whatever_a_section_holds_its_html_is_safe_or_it_is_refused(markdown: str) -> None:
    source = GOOD.replace("We keep little.", markdown)
    answer = read_or_refuse(source.encode("utf-8", "surrogatepass"))
    if isinstance(answer, CallText):
        assert_safe(answer)
    else:
        assert all(0 <= each.line <= source.count("\n") + source.count("\r") + 1 for each in answer)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), MARKDOWN), min_size=1, max_size=3))
def test_a_good_text_with_anything_written_into_it_is_read_or_refused(splices: list[tuple[int, str]]) -> None:
    source = GOOD
    for at, words in splices:
        source = source[:at] + words + source[at:]
    answer = read_or_refuse(source.encode("utf-8", "surrogatepass"))
    if isinstance(answer, CallText):
        assert_safe(answer)


# The small rules


def test_no_section_can_have_an_id_of_the_page_around_it() -> None:
    pages = Path(__file__).parents[2] / "src" / "notalone" / "web"
    sources = [
        path.read_text() for path in [*pages.rglob("*.html"), *(pages.parents[2] / "browser").glob("src/**/*.ts")]
    ]
    ids = {id for source in sources for id in re.findall(r"""\bid ?= ?["']([a-z][a-z0-9-]*)["']""", source)}
    assert ids <= PAGE_IDS


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org",
        "HTTPS://example.org:8443/a?b#c",
        "https://[2001:db8::1]/",
        "mailto:a.b+c@example.org?subject=x",
        "tel:+34900100200",
        "tel:*4141",
        "tel:1-800-656-4673",
    ],
)
def test_addresses_that_may_be_used(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        ":",
        "example.org",
        "//example.org",
        "https:",
        "https://",
        "https:example.org",
        "https://a b",
        "https://a\tb.org",
        "https://user:pass@example.org",
        "https://example.org:0",
        "http://example.org",
        "ftp://example.org",
        "vbscript:x",
        "mailto:",
        "mailto:a@b",
        "mailto:a@b@c.org",
        "tel:",
        "tel:1",
        "tel:+",
        'https://x.org/"onclick="x',
    ],
)
def test_addresses_that_may_not_be_used_come_with_a_way_out(address: str) -> None:
    problem = address_problem(address)
    assert problem is not None
    assert all(problem)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(max_size=30).map("https://".__add__)))
def test_any_address_is_judged(address: str) -> None:
    address_problem(address)


def test_characters_are_named_as_people_can_look_them_up() -> None:
    assert forbidden_character("fine\ttext\n\u200f") is None
    assert forbidden_character("a\u202eb\0") == "U+202E (right-to-left override)"


def test_quotations_are_short_and_of_one_line() -> None:
    assert quoted("a\n  b\x1b") == '"a b?"'
    assert quoted("x" * 61) == f'"{"x" * 60}…"'


@pytest.mark.parametrize(
    ("words", "id"),
    [("#MeToo", "metoo"), ("¿Qué pasó?", "que-paso"), ("2024: the walkout", "the-walkout"), ("Правда", "")],
)
def test_words_suggest_a_name_for_addresses(words: str, id: str) -> None:
    assert suggested_id(words) == id
