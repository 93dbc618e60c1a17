# SPDX-License-Identifier: AGPL-3.0-or-later
"""A call bundle: one folder, one Markdown file a language (docs/call-bundles.md tells an organiser how to write one).

Reading is total: whatever the bytes, the answer is a `CallText` or a `BundleError` that names each place and what to
do there. All findings are collected, so that an organiser mends a file once and not once a finding.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from babel import Locale, UnknownLocaleError

from notalone.protocol.call import LANGUAGE, SLUG
from notalone.services.prose import Prose, Report, address_problem, forbidden_character, quoted, read_prose

LARGEST_FILE = 256 * 1024
# Ten times what its keys can hold, and nothing in it is nested.
_LARGEST_FRONT_MATTER = 16 * 1024
_DEEPEST_YAML = 3
REQUIRED_SECTIONS = ("privacy", "minors")

# Characters at most. What stands above the buttons of a phone must fit there.
_TEXTS = {
    "title": 80,
    "ask": 300,
    "summary": 200,
    "operator": 200,
    "contact": 200,
    "me_too": 200,
    "stand": 200,
}
_FLAGS = ("reviewed", "rehearsal")
_OPTIONAL = ("me_too", "stand", "rehearsal")
_KEYS = ("title", "ask", "summary", "operator", "contact", "reviewed", "me_too", "stand", "rehearsal")
_REQUIRED_KEYS = tuple(key for key in _KEYS if key not in _OPTIONAL)

_UNFINISHED = re.compile(r"\bTODO:")
# What is to be done is told whole, as long as it is one sentence.
_LONGEST_TASK = 160


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a call's text. `heading` is plain text; `html` is safe to insert and begins at h3."""

    id: str
    heading: str
    html: str


@dataclass(frozen=True, slots=True)
class CallText:
    """A call in one language, checked."""

    lang: str
    title: str
    ask: str
    summary: str
    operator: str
    contact: str
    reviewed: bool
    rehearsal: bool
    me_too: str | None
    stand: str | None
    sections: tuple[Section, ...]

    def section(self, id: str) -> Section:
        """Raises KeyError if the call has no such section. `privacy` and `minors` are always there."""
        for each in self.sections:
            if each.id == id:
                return each
        raise KeyError(id)

    @property
    def story_sections(self) -> tuple[Section, ...]:
        """What the public page tells: all sections but those with a page of their own."""
        return tuple(each for each in self.sections if each.id not in REQUIRED_SECTIONS)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend. `line` is counted from 1; 0 means the file or folder as a whole."""

    path: str
    line: int
    message: str
    hint: str


class BundleError(Exception):
    """This bundle cannot be used as it is. Nothing was loaded or changed."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(f"{each.path}:{each.line}: {each.message}" for each in self.findings))


@dataclass(slots=True)
class _Draft:
    """One file while it is read. Values and sections are there as far as they could be read."""

    lang: str
    path: str
    source: str = ""
    values: dict[str, str | bool] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    prose: Prose | None = None
    findings: list[Finding] = field(default_factory=list)

    def report(self, line: int, message: str, hint: str) -> None:
        self.findings.append(Finding(self.path, line, message, hint))

    @property
    def last_line(self) -> int:
        return self.source.count("\n", 0, len(self.source.rstrip())) + 1


def is_slug(text: str) -> bool:
    """Whether a call can have this name in addresses."""
    return re.fullmatch(SLUG, text) is not None


def is_language(text: str) -> bool:
    """Whether `text` is the code of a language that pages can be set in: `es`, `pt-BR`, `zh-Hant`."""
    if re.fullmatch(LANGUAGE, text) is None:
        return False
    try:
        Locale.parse(text, sep="-", resolve_likely_subtags=False)
    except (UnknownLocaleError, ValueError):
        return False
    return True


def text_problem(key: str, value: str) -> tuple[str, str] | None:
    """What is wrong with a text of the front matter and what to do; None if it may stand there."""
    limit = _TEXTS[key]
    if not value:
        return f'"{key}" is empty', "write it, or take the line out if it is not needed"
    if character := forbidden_character(value):
        return f'"{key}" holds the character {character}', "take it out"
    if len(value) > limit:
        return f'"{key}" has {len(value)} characters', f"shorten it to {limit} at most"
    return _contact_problem(value) if key == "contact" else None


def _contact_problem(address: str) -> tuple[str, str] | None:
    problem = address_problem(address)
    if problem is None and address.lower().startswith("https:"):
        host = urlsplit(address).hostname or ""
        if "." not in host.strip("."):
            hint = "write the whole address, like https://example.org"
            return f"{quoted(address)} leads nowhere: {quoted(host)} is not the name of a site", hint
    return problem


def decode_text(data: bytes, path: str) -> str:
    """The text of a file's bytes. Raises BundleError if they are too many or not UTF-8."""
    if len(data) > LARGEST_FILE:
        raise BundleError([_too_large(path)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save the file again as UTF-8: editors offer it under Save as"
        raise BundleError([Finding(path, line, "this file is not in UTF-8", hint)]) from None


def parse_text(source: str, lang: str, path: str | None = None) -> CallText:
    """One file's text as a call in one language. `path` is how findings call it; by default `LANG.md`.

    Raises BundleError with every finding.
    """
    draft = _read(source, lang, path or f"{lang}.md")
    if draft.findings or draft.prose is None:
        raise BundleError(draft.findings)
    prose, values = draft.prose, draft.values

    def text(key: str) -> str:
        return str(values[key])

    return CallText(
        lang=lang,
        title=text("title"),
        ask=text("ask"),
        summary=text("summary"),
        operator=text("operator"),
        contact=text("contact"),
        reviewed=values["reviewed"] is True,
        rehearsal=values.get("rehearsal") is True,
        me_too=text("me_too") if "me_too" in values else None,
        stand=text("stand") if "stand" in values else None,
        sections=tuple(Section(part.id, part.heading, prose.html(part)) for part in prose.parts),
    )


def check_bundle(folder: Path) -> list[Finding]:
    """Everything that keeps this folder from being loaded, in the order of files and lines. Empty: it can be."""
    return _read_folder(folder)[1]


def read_bundle(folder: Path) -> dict[str, str]:
    """Language to source, in the order of language codes. Raises BundleError with every finding."""
    drafts, findings = _read_folder(folder)
    if findings:
        raise BundleError(findings)
    return {draft.lang: draft.source for draft in drafts}


def _too_large(path: str) -> Finding:
    hint = "a call's text is read on telephones: shorten it"
    return Finding(path, 0, f"this file has more than {LARGEST_FILE // 1024} kB", hint)


def _read_folder(folder: Path) -> tuple[list[_Draft], list[Finding]]:
    findings: list[Finding] = []
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except NotADirectoryError:
        return [], [Finding(str(folder), 0, "this is not a folder", f"give the call's folder: {folder.parent}")]
    except (OSError, ValueError) as error:
        hint = 'give the folder of a call, or write one with "notalone call new"'
        return [], [Finding(str(folder), 0, f"this folder cannot be read: {_reason(error)}", hint)]
    if inner := _folders_of_calls(paths):
        hint = f"give one call's folder, like {inner[0]}; to check all of them, give {folder}/*"
        return [], [Finding(str(folder), 0, "this folder holds folders of calls, and is none itself", hint)]
    name = folder.resolve().name
    if not is_slug(name):
        hint = "use 2 to 40 small letters, digits and hyphens: it becomes the call's address"
        findings.append(Finding(str(folder), 0, f"{quoted(name)} cannot be the name of a call", hint))
    drafts: list[_Draft] = []
    for path in paths:
        try:
            drafts.append(_read_file(path))
        except BundleError as error:
            findings += error.findings
    if not paths:
        hint = 'write one file a language, like en.md; "notalone call new" writes them for you'
        findings.append(Finding(str(folder), 0, "this folder has no texts", hint))
    _compare(drafts)
    findings += [finding for draft in drafts for finding in draft.findings]
    return drafts, sorted(set(findings))


def _folders_of_calls(paths: Sequence[Path]) -> list[Path]:
    """Those that hold texts, where no text stands beside them."""
    if any(path.suffix == ".md" for path in paths):
        return []
    return [path for path in paths if any(is_language(text.stem) for text in path.glob("*.md"))]


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read_file(path: Path) -> _Draft:
    lang, name = path.stem, str(path)
    if path.suffix != ".md" or not path.is_file():
        hint = "it holds one file a language, like en.md; keep other things elsewhere"
        raise BundleError([Finding(name, 0, "this does not belong in the folder of a call", hint)])
    if not is_language(lang):
        raise BundleError([Finding(name, 0, f"{quoted(lang)} is not a language code", _language_hint(lang))])
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BundleError(
            [Finding(name, 0, f"this file cannot be read: {_reason(error)}", "see who may read it")]
        ) from None
    return _read(decode_text(data, name), lang, name)


def _language_hint(text: str) -> str:
    language, _, rest = text.replace("_", "-").partition("-")
    near = language.lower() + (f"-{rest.upper() if len(rest) == 2 else rest.title()}" if rest else "")
    if near != text and is_language(near):
        return f"name the file {near}.md"
    return "name the file by its language, like en.md, es.md, pt-BR.md or zh-Hant.md"


def _compare(drafts: Sequence[_Draft]) -> None:
    """Report where languages disagree: one call has one contact and the same sections in each of them."""
    readable = [draft for draft in drafts if draft.prose is not None]
    if not readable:
        return
    first = next((draft for draft in readable if draft.lang == "en"), readable[0])
    for draft in readable:
        if draft is first:
            continue
        _compare_sections(first, draft)
        for key in ("contact", "rehearsal"):
            absent = False if key == "rehearsal" else None
            here, there = draft.values.get(key, absent), first.values.get(key, absent)
            if here != there and here is not None and there is not None:
                hint = "write the same in every language"
                line = draft.key_lines.get(key, 1)
                draft.report(line, f'"{key}" is not the same as in {first.lang}.md', hint)


def _compare_sections(first: _Draft, draft: _Draft) -> None:
    here = {part.id: part.line for part in draft.prose.parts if part.id} if draft.prose else {}
    there = [part.id for part in first.prose.parts if part.id] if first.prose else []
    missing = [id for id in there if id not in here]
    extra = [id for id in here if id not in there]
    for id in missing:
        # Required sections are reported as missing already.
        if id not in REQUIRED_SECTIONS:
            hint = "write every section in every language, with the same id"
            draft.report(draft.last_line, f'section "{id}" of {first.lang}.md is missing here', hint)
    for id in extra:
        hint = f"write it there too, or take it out; {first.lang}.md has: {', '.join(there)}"
        if id not in REQUIRED_SECTIONS:
            draft.report(here[id], f'section "{id}" is not in {first.lang}.md', hint)
    common_here = [id for id in here if id in there]
    common_there = [id for id in dict.fromkeys(there) if id in here]
    for id, expected in zip(common_here, common_there, strict=True):
        if id != expected:
            hint = f"keep the order of {first.lang}.md: {', '.join(there)}"
            draft.report(here[id], f'section "{id}" stands where "{expected}" is expected', hint)
            break


def _read(source: str, lang: str, path: str) -> _Draft:
    draft = _Draft(lang, path)
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not is_language(lang):
        draft.report(0, f"{quoted(lang)} is not a language code", _language_hint(lang))
    if len(source.encode("utf-8", "surrogatepass")) > LARGEST_FILE:
        draft.findings.append(_too_large(path))
        return draft
    draft.source = source
    lines = source.split("\n")
    for number, line in enumerate(lines, start=1):
        if character := forbidden_character(line):
            hint = "delete it; it cannot be seen, so type the words around it anew"
            draft.report(number, f"this line holds the character {character}", hint)
        if unfinished := _UNFINISHED.search(line):
            rest = line[unfinished.end() :].strip(' "')
            hint = "write what it asks for in place of TODO:"
            draft.report(number, f"still to be done: {quoted(rest, _LONGEST_TASK)}", hint)
    if any(forbidden_character(line) for line in lines):
        return draft
    end = _front_matter_end(lines, draft.report)
    if end is not None:
        whole = _read_front_matter("\n".join(lines[1:end]), draft)
        # Blank lines instead of the front matter keep the numbers of the lines below it.
        draft.prose = read_prose("\n" * (end + 1) + "\n".join(lines[end + 1 :]), draft.report)
        _check_required(draft, _REQUIRED_KEYS if whole else ())
    return draft


def _front_matter_end(lines: Sequence[str], report: Report) -> int | None:
    """The index of the line that ends the front matter."""
    if lines[0].rstrip() != "---":
        hint = 'begin with a line "---", then "title:", "ask:" and the others, then another line "---"'
        report(1, "the front matter is missing", hint)
        return None
    for index, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return index
    report(1, "the front matter has no end", 'put a line "---" between it and the first section')
    return None


def _check_required(draft: _Draft, keys: Sequence[str]) -> None:
    for key in keys:
        if key not in draft.key_lines:
            draft.report(1, f'"{key}" is missing', f"add a line to the front matter: {_example(key)}")
    present = {part.id for part in draft.prose.parts} if draft.prose else set()
    hints = {
        "privacy": 'add "## Your privacy {#privacy}": who keeps what, why and how long',
        "minors": 'add "## If you are under 18 {#minors}": where a young person finds help first',
    }
    for id in REQUIRED_SECTIONS:
        if id not in present:
            draft.report(draft.last_line, f'section "{id}" is missing', hints[id])


def _example(key: str) -> str:
    if key in _FLAGS:
        return f"{key}: no"
    return f'{key}: "mailto:name@example.org"' if key == "contact" else f'{key}: "..."'


@dataclass(frozen=True, slots=True)
class _Node:
    """A key or a value of the front matter. `tag` is what YAML takes it for; empty for what is not one value."""

    line: int
    tag: str
    text: str


def _read_front_matter(text: str, draft: _Draft) -> bool:
    """Whether all of it could be read: what stands behind an error is not missing."""
    # Line 0 of the YAML is line 2 of the file.
    hint = 'put texts in quotes, like title: "A: B"'
    if len(text) > _LARGEST_FRONT_MATTER:
        limit = _LARGEST_FRONT_MATTER // 1024
        draft.report(1, f"the front matter has more than {limit} kB", "move what is long into a section")
        return False
    loader = yaml.SafeLoader(text)
    try:
        for key, value in _pairs(loader, draft.report):
            _read_entry(key, value, draft)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line if mark else 0, text.count("\n")) + 2
        draft.report(line, f"this cannot be read as YAML: {error.problem}", hint)
    except (ValueError, OverflowError):
        # What the parser lets through from int and chr: "\UFFFFFFFF" names no character.
        draft.report(loader.line + 2, "this cannot be read as YAML: it holds a number that means nothing", hint)
    else:
        return True
    return False


def _pairs(loader: yaml.SafeLoader, report: Report) -> Iterator[tuple[_Node, _Node]]:
    """Keys and values in order. Walks the parser's events, so that no nesting of a file becomes recursion here.

    Raises MarkedYAMLError for what is nested past all sense: the parser needs time by the square of the depth.
    """
    depth = 0
    key: _Node | None = None
    while loader.check_event():
        event: yaml.Event = loader.get_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.NodeEvent):
            line = event.start_mark.line + 2 if event.start_mark else 2
            if depth == 0 and not isinstance(event, yaml.MappingStartEvent):
                report(line, "the front matter is not a list of keys", 'write lines like title: "..."')
                return
            if depth == 1:
                node = _node(loader, event, line)
                if key is not None:
                    yield key, node
                key = node if key is None else None
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_YAML:
            mark = event.start_mark if isinstance(event.start_mark, yaml.Mark) else None
            raise yaml.MarkedYAMLError(problem="it has lists in lists", problem_mark=mark)


def _node(loader: yaml.SafeLoader, event: yaml.NodeEvent, line: int) -> _Node:
    if not isinstance(event, yaml.ScalarEvent):
        return _Node(line, "", "")
    tag = event.tag
    if tag is None or tag == "!":
        tag = str(loader.resolve(yaml.ScalarNode, event.value, event.implicit))  # type: ignore[no-untyped-call]
    return _Node(line, tag.removeprefix("tag:yaml.org,2002:"), event.value)


def _read_entry(key_node: _Node, value_node: _Node, draft: _Draft) -> None:
    line, key = key_node.line, key_node.text
    if key not in _KEYS:
        near = difflib.get_close_matches(key.lower(), _KEYS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"the keys are: {', '.join(_KEYS)}"
        draft.report(line, f"unknown key {quoted(key)}", hint)
        return
    if key in draft.key_lines:
        draft.report(line, f'"{key}" is on line {draft.key_lines[key]} already', "keep one of the two")
        return
    draft.key_lines[key] = line
    if key in _FLAGS:
        flag = yaml.SafeLoader.bool_values.get(value_node.text.lower()) if value_node.tag == "bool" else None
        if flag is None:
            draft.report(line, f'"{key}" must be yes or no', f"write {key}: yes or {key}: no")
        else:
            draft.values[key] = flag
    elif value_node.tag != "str":
        draft.report(line, f'"{key}" must be a text', f"write it in quotes: {_example(key)}")
    else:
        text = " ".join(value_node.text.split())
        if problem := text_problem(key, text):
            draft.report(line, *problem)
        else:
            draft.values[key] = text
