# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Markdown of a call, made into HTML that needs no trust in who wrote it.

The rules, and what they protect:
- No raw HTML: a call's text runs nothing and styles nothing of its own.
- No images: showing one would tell another server who is reading.
- Links go to https, mailto or tel, say nothing of where the reader came from, and always have words.
- Every id in the HTML is the section's own id, an underscore and a number. Section ids have no underscore, so no two
  parts of a page can collide.

What breaks a rule is reported with its line and refused. Nothing is repaired in silence: what the organiser wrote is
what people read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import (
    StateInline,
    autolink,
    backtick,
    escape,
    html_inline,
    image,
    link,
    newline,
)
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

Report = Callable[[int, str, str], None]
"""Takes a line (counted from 1), what is wrong there, and what to do about it."""

HEADING_LIMIT = 120
# What a page has by these names already. All its other ids have an underscore, which section ids do not.
PAGE_IDS = frozenset({"voice", "exit", "exit-presses"})
_QUOTED_LIMIT = 60

# Control characters, and those that change the order in which letters are shown: with them a text can read otherwise
# than it was checked. The marks and joiners that Arabic, Hebrew and Persian need are not among them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_SECTION_ID = re.compile(r"[a-z][a-z0-9-]*")
_HEADING_ID = re.compile(r"\s*\{#([^{}]*)\}\s*$")
_NOT_IN_ADDRESS = re.compile(r'[\s<>"\\^`{|}]')
_MAILTO = re.compile(r"mailto:[^@?]+@[^@?]+\.[^@?.]+(\?.*)?", re.IGNORECASE)
_TEL = re.compile(r"tel:[+*]?[0-9][0-9*().-]+", re.IGNORECASE)
# Past 20 levels the parser drops text without a word, so writers are stopped before.
_DEEPEST = 18


@dataclass(frozen=True, slots=True)
class Part:
    """One section as parsed: from its `##` heading to the next."""

    id: str
    heading: str
    line: int
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """One footnote as defined."""

    line: int
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """The sections of one file. `html` is for a file about which nothing was reported."""

    parts: tuple[Part, ...]
    notes: Mapping[str, Note]

    def html(self, part: Part) -> str:
        """What stands below the part's heading, followed by the footnotes that it cites."""
        tokens = list(part.tokens)
        uses = _number_citations(part)
        if uses:
            tokens.append(Token("notes_open", "ol", 1, {"class": "notes"}, block=True))
            for number, label in enumerate(uses, start=1):
                tokens += _note_item(f"{part.id}_{number}", self.notes[label], uses[label])
            tokens.append(Token("notes_close", "ol", -1, block=True))
        return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {"section": part.id}))


def forbidden_character(text: str) -> str | None:
    """The first character that no text of a call may hold, as a person can look it up; None if there is none."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    name = unicodedata.name(found[0], "a control character").lower()
    return f"U+{ord(found[0]):04X} ({name})"


def quoted(text: str, limit: int = _QUOTED_LIMIT) -> str:
    """`text` in quotes for a message: one line, of `limit` characters at most, and harmless to a terminal."""
    line = _FORBIDDEN.sub("?", " ".join(text.split()))
    return f'"{line}"' if len(line) <= limit else f'"{line[:limit]}…"'


def suggested_id(text: str) -> str:
    """A name for addresses, made from words: small letters, digits and hyphens. Empty if there are no such letters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-0123456789")[:30].strip("-")


def address_problem(address: str) -> tuple[str, str] | None:
    """What is wrong with a link's address and what to do; None if it may be used."""
    scheme, colon, _ = address.partition(":")
    if not colon or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) is None:
        return f"{quoted(address)} is not a whole address", "begin it with https://, mailto: or tel:"
    if _NOT_IN_ADDRESS.search(address):
        return f"{quoted(address)} holds a space or a sign that addresses do not have", "take it out"
    match scheme.lower():
        case "https":
            return None if _has_plain_host(address) else (f"{quoted(address)} is not a web address", "copy it again")
        case "mailto":
            hint = "write it like mailto:name@example.org"
            return None if _MAILTO.fullmatch(address) else (f"{quoted(address)} is not an e-mail address", hint)
        case "tel":
            hint = "write it without spaces, like tel:+34900100200"
            return None if _TEL.fullmatch(address) else (f"{quoted(address)} is not a telephone number", hint)
        case "http":
            return f"{quoted(address)} is not encrypted", "use https://; if the site has none, name it without a link"
    return f"links may not begin with {quoted(scheme + ':')}", "use https://, mailto: or tel:"


def _has_plain_host(address: str) -> bool:
    try:
        split = urlsplit(address)
        port = split.port  # reading it is what checks it
    except ValueError:
        return False
    return bool(split.hostname) and not set("@%") & set(split.netloc) and port != 0


def read_prose(source: str, report: Report) -> Prose:
    """The sections of `source`, in order. Lines are counted in `source` as given."""
    tokens, notes = _take_notes(_MARKDOWN.parse(source, {}), report)
    parts = tuple(_split(tokens, report))
    _check_ids(parts, report)
    for part in parts:
        _check_blocks(part.tokens, report)
        if not part.tokens:
            report(part.line, f"section {quoted(part.heading)} is empty", "write its text below the heading")
    for note in notes.values():
        _check_blocks(note.tokens, report)
        if not any(token.content for token in note.tokens):
            report(note.line, "this footnote has no text", "write the source after the colon")
    _check_citations(parts, notes, report)
    return Prose(parts, notes)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _children(block: Token) -> Iterator[tuple[int, Token]]:
    """What a block's text consists of, each with its line."""
    at = 0
    for child in block.children or []:
        # Plain text was given no place of its own: it begins where what stands before it ends.
        at = child.meta.get("at", at)
        yield _line(block) + block.content.count("\n", 0, at), child
        at = child.meta.get("end", at)


def _take_notes(tokens: Sequence[Token], report: Report) -> tuple[list[Token], dict[str, Note]]:
    rest: list[Token] = []
    notes: dict[str, Note] = {}
    inside: list[Token] = []
    opened: list[Token] = []
    for token in tokens:
        if token.type == "footnote_reference_open":
            if opened:
                report(_line(token), "a footnote begins inside another", "begin it at the left margin")
            opened.append(token)
        elif token.type == "footnote_reference_close":
            opening = opened.pop()
            label = opening.meta["label"]
            if label in notes:
                first = notes[label].line
                report(_line(opening), f"footnote [^{label}] is on line {first} already", "give it another name")
            else:
                notes[label] = Note(_line(opening), tuple(inside))
            inside = []
        else:
            (inside if opened else rest).append(token)
    return rest, notes


def _split(tokens: Sequence[Token], report: Report) -> Iterator[Part]:
    starts = [at for at, token in enumerate(tokens) if token.type == "heading_open" and _opens_part(token)]
    if tokens and (not starts or starts[0] > 0):
        hint = 'begin with a section, like "## What this is {#about}"; the title stands in the front matter'
        report(_line(tokens[0]), "this text belongs to no section", hint)
    for start, end in pairwise([*starts, len(tokens)]):
        # A heading is three tokens: open, its words, close.
        identifier, heading = _read_heading(tokens[start + 1], report)
        yield Part(identifier, heading, _line(tokens[start]), tuple(tokens[start + 3 : end]))


def _opens_part(token: Token) -> bool:
    return token.tag == "h2" and token.level == 0


def _read_heading(words: Token, report: Report) -> tuple[str, str]:
    line = _line(words)
    children = words.children or []
    flat = "".join(" " if child.type in ("softbreak", "hardbreak") else child.content for child in children)
    found = _HEADING_ID.search(flat)
    heading = flat[: found.start()].strip() if found else flat.strip()
    if not heading:
        report(line, "this heading has no words", 'write them before the id, like "## Your privacy {#privacy}"')
    elif found is None:
        hint = f"end the heading with an id in braces: {{#{suggested_id(heading) or 'about'}}}"
        report(line, f"section {quoted(heading)} has no id", hint)
    if found is not None and _SECTION_ID.fullmatch(found[1]) is None:
        hint = f"use small letters, digits and hyphens, like {{#{suggested_id(found[1]) or 'about'}}}"
        report(line, f"{quoted(found[1])} cannot be a section id", hint)
    elif found is not None and found[1] in PAGE_IDS:
        report(line, f'the page itself has a part with the id "{found[1]}"', "choose another word")
    if len(heading) > HEADING_LIMIT:
        report(line, f"this heading has {len(heading)} characters", f"use {HEADING_LIMIT} at most")
    if any(child.type in ("link_open", "footnote_ref", "image", "html_inline") for child in children):
        report(line, "a heading holds words only", "move links and footnotes into the text below")
    if character := forbidden_character(flat):
        report(line, f"this heading holds the character {character}", "take it out")
    return (found[1] if found else ""), heading


def _check_ids(parts: Sequence[Part], report: Report) -> None:
    first: dict[str, int] = {}
    for part in parts:
        if part.id and part.id in first:
            hint = "give each section an id of its own"
            report(part.line, f'section id "{part.id}" is on line {first[part.id]} already', hint)
        first.setdefault(part.id, part.line)


def _check_blocks(tokens: Sequence[Token], report: Report) -> None:
    level = 2
    for token in tokens:
        if token.type == "html_block":
            report(_line(token), "raw HTML is not allowed", "write it in Markdown, or take it out")
        elif token.type == "heading_open":
            _check_heading(token, level, report)
            level = int(token.tag[1])
        elif token.type == "inline":
            _check_inline(token, report)
        if token.nesting == 1 and token.level > _DEEPEST:
            report(_line(token), "lists or quotes are nested too deep", "take some levels out")


def _check_heading(token: Token, level: int, report: Report) -> None:
    number = int(token.tag[1])
    if number < 2:
        report(_line(token), "a # heading is for the title, which stands in the front matter", "use ## or ###")
    elif number == 2:
        report(_line(token), "a section cannot begin inside a list, a quote or a footnote", "use ###")
    elif number > level + 1:
        report(_line(token), "this heading skips a level", f"use {'#' * (level + 1)}")


def _check_inline(block: Token, report: Report) -> None:
    if _HEADING_ID.search(block.content):
        report(_line(block), "only ## headings have an id", "take the {#...} out")
    in_link, words = False, ""
    for line, child in _children(block):
        words += child.content
        if child.type == "link_open":
            if in_link:
                report(line, "a link cannot stand inside a link", "let one follow the other")
            in_link, words = True, ""
        elif child.type == "link_close":
            if not words.strip():
                report(line, "this link has no words", "write between [ and ] what the link leads to")
            in_link = False
        if problem := _child_problem(child):
            report(line, *problem)
        # The raw source was looked at before. This finds what was spelled as an entity.
        if character := forbidden_character(child.content + str(child.attrs.get("title", ""))):
            report(line, f"this text holds the character {character}", "take it out")


def _child_problem(child: Token) -> tuple[str, str] | None:
    if child.type == "html_inline":
        return f"raw HTML is not allowed: {quoted(child.content)}", "write it in Markdown, or take it out"
    if child.type == "image":
        hint = "say in words what it shows, or link to it"
        return "images are not allowed: loading one tells its server who is reading", hint
    if child.type == "link_open":
        return address_problem(str(child.attrs.get("href", "")))
    if child.type == "text" and "](" in child.content:
        return "this link cannot be read", "write it like [words](https://example.org), without footnotes in it"
    if child.type == "text" and "[^" in child.content:
        return "this footnote has no ending, or a space in its name", "write it like [^source]"
    return None


def _citations(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Each citation of a footnote with its line."""
    for token in tokens:
        for line, child in _children(token):
            if child.type == "footnote_ref":
                yield line, child


def _check_citations(parts: Sequence[Part], notes: Mapping[str, Note], report: Report) -> None:
    cited = set()
    for part in parts:
        for line, child in _citations(part.tokens):
            label = child.meta["label"]
            cited.add(label)
            if label not in notes:
                hint = f'add a line "[^{label}]: ..." with the source, or take the footnote out'
                report(line, f"footnote [^{label}] is not defined", hint)
    for label, note in notes.items():
        for line, _ in _citations(note.tokens):
            report(line, "a footnote cannot cite a footnote", "put the source into the text")
        if label not in cited:
            hint = f"cite it with [^{label}] where it belongs, or take it out"
            report(note.line, f"footnote [^{label}] is never cited", hint)


def _number_citations(part: Part) -> dict[str, int]:
    """Footnotes in the order of their first citation, with how often each is cited."""
    uses: dict[str, int] = {}
    for _, child in _citations(part.tokens):
        label = child.meta["label"]
        uses[label] = uses.get(label, 0) + 1
        child.meta["number"] = list(uses).index(label) + 1
        child.meta["use"] = uses[label]
    return uses


def _citation_id(note_id: str, use: int) -> str:
    return f"{note_id}_{use}"


def _note_item(note_id: str, note: Note, uses: int) -> list[Token]:
    """A list item: the footnote, with a way back to each place that cites it."""
    back = Token("notes_back", "", 0, meta={"note": note_id, "uses": uses})
    body = list(note.tokens)
    if body[-1].type == "paragraph_close":
        body.insert(-1, back)
    else:
        body += [Token("paragraph_open", "p", 1, block=True), back, Token("paragraph_close", "p", -1, block=True)]
    return [
        Token("notes_item_open", "li", 1, {"id": note_id}, block=True),
        *body,
        Token("notes_item_close", "li", -1, block=True),
    ]


def _render_citation(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    number, use = tokens[index].meta["number"], tokens[index].meta["use"]
    note_id = f"{env['section']}_{number}"
    return (
        f'<sup class="note"><a href="#{note_id}" id="{_citation_id(note_id, use)}" role="doc-noteref">'
        f"[{number}]</a></sup>"
    )


def _render_back(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    # The role says "back" in the reader's own language; an arrow up reads the same in both directions of writing.
    note_id, uses = tokens[index].meta["note"], tokens[index].meta["uses"]
    return "".join(
        f' <a href="#{_citation_id(note_id, use)}" role="doc-backlink">↑{use if uses > 1 else ""}</a>'
        for use in range(1, uses + 1)
    )


def _render_link_open(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    tokens[index].attrSet("rel", "noreferrer nofollow")
    return renderer.renderToken(tokens, index, options, env)


def _render_escaped(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return escapeHtml(tokens[index].content)


class _Markdown(MarkdownIt):
    """CommonMark that recognises what is refused, so that it can be reported where it stands."""

    def validateLink(self, url: str) -> bool:
        return True  # left unparsed, a bad link would be shown as its source; address_problem names it instead


def _located(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """The same rule, noting where in the block's text its tokens begin and the last of them ends."""

    def located(state: StateInline, silent: bool) -> bool:
        start, known = state.pos, len(state.tokens)
        matched = rule(state, silent)
        for token in state.tokens[known:]:
            token.meta.setdefault("at", start)
        if len(state.tokens) > known:
            state.tokens[-1].meta["end"] = state.pos
        return matched

    return located


def _make_markdown() -> MarkdownIt:
    markdown = _Markdown("commonmark", {"xhtmlOut": False})
    # move_to_end is off: one file has several sections, each with its own list of footnotes.
    markdown.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=True)
    rules: dict[str, Callable[[StateInline, bool], bool]] = {
        "newline": newline,
        "escape": escape,
        "backticks": backtick,
        "link": link,
        "image": image,
        "autolink": autolink,
        "html_inline": html_inline,
        "footnote_ref": partial(footnote_ref, always_match=True),
    }
    for name, rule in rules.items():
        markdown.inline.ruler.at(name, _located(rule))
    markdown.add_render_rule("footnote_ref", _render_citation)
    markdown.add_render_rule("notes_back", _render_back)
    markdown.add_render_rule("link_open", _render_link_open)
    # Never reached, since raw HTML is refused; were it ever, it would be shown and not obeyed.
    markdown.add_render_rule("html_block", _render_escaped)
    markdown.add_render_rule("html_inline", _render_escaped)
    return markdown


_MARKDOWN = _make_markdown()
