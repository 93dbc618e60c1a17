# SPDX-License-Identifier: AGPL-3.0-or-later
"""A good text of a call, and the eyes of a browser on what becomes of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from notalone.services.bundle import BundleError, CallText, Finding, decode_text, parse_text

GOOD = """\
---
# a note to oneself
title: "#MeToo"
ask: "Were you harmed?"
summary: >
  One sentence,
  on two lines.
operator: "Example"
contact: "mailto:us@example.org"
reviewed: yes
me_too: "For anyone."
---
## What *this* is {#about}

Some words[^tweet] and [a link](https://example.org/?a=1&b=2 "its title").
More words[^tweet], and others.[^law]

### A smaller heading

- one
- two

[^tweet]: Where it was said: <https://example.org/said>
[^law]:
    - a list

## Your privacy {#privacy}

We keep little.[^law]

## If you are under 18 {#minors}

Call us: [116111](tel:116111).
"""

SHOWN_TAGS = {
    "a",
    "blockquote",
    "br",
    "code",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sup",
    "ul",
}
SHOWN_ATTRIBUTES = {
    "a": {"href", "title", "rel", "id", "role"},
    "sup": {"class"},
    "ol": {"class", "start"},
    "li": {"id"},
    "code": {"class"},
}


class Shown(HTMLParser):
    """Reads HTML as a browser would and holds it against what a page of a call may contain."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHOWN_TAGS, tag
        given = dict(attrs)
        assert given.keys() <= SHOWN_ATTRIBUTES.get(tag, set()), (tag, given)
        if tag not in ("br", "hr"):
            self.open.append(tag)
        if tag == "a":
            assert self.open.count("a") == 1, "a link in a link"
            href = given["href"] or ""
            if href.startswith("#"):
                self.targets.append(href[1:])
            else:
                assert re.match("(?i)(https://|mailto:|tel:)", href), href
                assert given["rel"] == "noreferrer nofollow"
        if "id" in given:
            self.ids.append(given["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        pytest.fail(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        pytest.fail(f"an instruction: {data}")


def assert_safe(text: CallText) -> None:
    page = [Shown(section.html) for section in text.sections]
    ids = [section.id for section in text.sections] + [id for shown in page for id in shown.ids]
    assert len(ids) == len(set(ids))
    assert {target for shown in page for target in shown.targets} <= set(ids)


def findings(source: str, lang: str = "en") -> tuple[Finding, ...]:
    try:
        parse_text(source, lang)
    except BundleError as error:
        return error.findings
    return ()


def read_or_refuse(data: bytes) -> CallText | tuple[Finding, ...]:
    try:
        return parse_text(decode_text(data, "en.md"), "en")
    except BundleError as error:
        return error.findings or pytest.fail("refused without a reason")


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True)
    for lang, text in texts.items():
        (folder / f"{lang.replace('_', '-')}.md").write_text(text, encoding="utf-8")
    return folder


Refused = tuple[str, str, str | int, str, str]
"""What to change in the good text, into what, the finding's line or what that line holds, its message, its hint."""


def assert_refused(case: Refused) -> None:
    old, new, place, message, hint = case
    assert old in GOOD
    source = GOOD.replace(old, new, 1)
    lines = source.split("\n")
    line = place if isinstance(place, int) else next(at for at, text in enumerate(lines, 1) if place in text)
    found = findings(source)
    matching = [each for each in found if message in each.message]
    assert matching, found
    assert matching[0].line == line
    assert hint in matching[0].hint
    assert all(1 <= each.line <= len(lines) and each.path == "en.md" for each in found)
    assert all(each.hint and "\n" not in each.message + each.hint for each in found)
