# SPDX-License-Identifier: AGPL-3.0-or-later
"""Commands of an organiser: write a call, check it, put it on the server, print its poster, close and delete it."""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from string import Template

import click
from babel import Locale

from notalone.cli.terminal import Trouble, counted, say
from notalone.services.bundle import (
    BundleError,
    CallText,
    Finding,
    check_bundle,
    is_language,
    is_slug,
    parse_text,
    read_bundle,
    text_problem,
)
from notalone.services.call import Call, Calls, UnknownCall
from notalone.services.platform import NoDatabase, Platform, open_platform
from notalone.services.prose import address_problem, suggested_id
from notalone.services.settings import Settings, read_settings, without_password

# Past this, a QR code on paper has squares too small to read.
_LONGEST_ADDRESS = 300
_STARTERS = files("notalone.cli") / "starter"


@click.group()
def call() -> None:
    """Write a call, check it, put it on the server, close it, delete it.

    A call is a folder with one text for each language. Everything below works while the server runs.

    \b
    From an idea to a call that people can answer:
      notalone call new calls/no-more       asks a few questions and writes the texts
      notalone call check calls/no-more     says, line by line, what is still to be done
      notalone call load calls/no-more      puts it on the server
      notalone call poster no-more          makes a page to print, with a QR code
    """


class _Answer(click.ParamType[str]):
    """A text of the front matter, checked as `call check` will check it."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.name = key

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = " ".join(value.split())
        if self.key == "contact":
            text = _with_scheme(text)
            if not re.search(r"[.:@ ]", text):
                hint = "write it like name@example.org, example.org or +34900100200"
                self.fail(f'"{text}" is no address that people can use; {hint}', param, ctx)
        if problem := text_problem(self.key, text):
            self.fail("; ".join(problem), param, ctx)
        return text


class _Language(click.ParamType[str]):
    name = "code"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_language(value):
            self.fail(f'"{value}" is not a language code; write one like en, es, pt-BR or zh-Hant', param, ctx)
        return value


def _with_scheme(contact: str) -> str:
    """What people type for a contact, as an address."""
    if re.fullmatch(r"\+?[0-9][0-9 ()./-]+", contact):
        return "tel:" + re.sub(r"[^0-9+]", "", contact)
    # What cannot be an address is left as it was typed, to be told so.
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", contact) or " " in contact:
        return contact
    if "@" in contact:
        return f"mailto:{contact}"
    return f"https://{contact}" if "." in contact.partition("/")[0] else contact


@call.command(short_help="Write the texts of a new call, to be filled in.")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--title", type=_Answer("title"), help="The call's name, as people will read it.")
@click.option("--lang", "langs", type=_Language(), multiple=True, help="A language of the texts, once for each.")
@click.option("--operator", type=_Answer("operator"), help="Who runs the call.")
@click.option("--contact", type=_Answer("contact"), help="Where people reach them: e-mail, web page or telephone.")
@click.option("--rehearsal", is_flag=True, help="For practice: every page says that the numbers are not people.")
def new(
    folder: Path | None,
    title: str | None,
    langs: Sequence[str],
    operator: str | None,
    contact: str | None,
    rehearsal: bool,
) -> None:
    """Write the texts of a new call into FOLDER, to be filled in.

    What is not given is asked. The last part of FOLDER becomes the call's address. An existing folder is never touched.

    \b
    For example:
      notalone call new
      notalone call new calls/no-more --lang en --lang es
      notalone call new calls/drill --title "Fire drill" --lang en --operator "Us" \\
          --contact mailto:us@example.org --rehearsal
    """
    if folder is not None:
        _check_new(folder)
    title = title or _ask("What is the call's name, as people will read it?", _Answer("title"))
    if folder is None:
        folder = Path("calls") / _ask_slug(title)
        _check_new(folder)
    langs = langs or _ask_languages()
    operator = operator or _ask("Who runs this call? Name those who answer for it", _Answer("operator"))
    contact = contact or _ask("Where can people reach them? E-mail, web page or telephone", _Answer("contact"))
    texts = {lang: _starter(lang, title, operator, contact, rehearsal) for lang in dict.fromkeys(langs)}
    _write(folder, texts)
    for lang in texts:
        say(str(folder / f"{lang}.md"))
    say(f"People will reach them at {contact}", err=True)
    if rehearsal:
        say(f'Next: "notalone call load {folder}" puts it on the server, as it is.', err=True)
    else:
        say(f'Next: write what each "TODO:" asks for. "notalone call check {folder}" lists what is left.', err=True)


def _check_new(folder: Path) -> None:
    if not is_slug(folder.name):
        near = suggested_id(folder.name)
        hint = "use 2 to 40 small letters, digits and hyphens" + (f", like {folder.with_name(near)}" if near else "")
        raise Trouble(f'"{folder.name}" cannot be a call\'s address', hint)
    if folder.exists() or folder.is_symlink():
        raise Trouble(f"{folder} is there already", "nothing was written; choose another name, or move it away")


def _ask(question: str, kind: click.ParamType[str], default: str | None = None) -> str:
    return str(click.prompt(question, type=kind, default=default, err=True))


def _ask_slug(title: str) -> str:
    def read(text: str) -> str:
        if not is_slug(text):
            raise click.BadParameter("use 2 to 40 small letters, digits and hyphens")
        return text

    near = suggested_id(title)
    question = "Its short name, for the address"
    return str(click.prompt(question, value_proc=read, default=near if is_slug(near) else None, err=True))


def _ask_languages() -> list[str]:
    def read(text: str) -> list[str]:
        return [_Language().convert(code, None, None) for code in re.split(r"[\s,;]+", text.strip())]

    answer: list[str] = click.prompt(
        "In which languages? Write their codes, like: en es", value_proc=read, default="en", err=True
    )
    return answer


def _starter(lang: str, title: str, operator: str, contact: str, rehearsal: bool) -> str:
    starters = _STARTERS / "rehearsal" if rehearsal else _STARTERS
    own = starters / f"{lang}.md"
    source = own if own.is_file() else starters / "en.md"
    name = Locale.parse(lang, sep="-").get_display_name("en")
    note = "" if rehearsal else f"TODO: this whole text is still in English; write it in {name}.\n\n"

    def in_quotes(text: str) -> str:
        # JSON's way of quoting is one of YAML's.
        return json.dumps(text, ensure_ascii=False)

    return Template(source.read_text("utf-8")).substitute(
        title=in_quotes(title),
        operator=in_quotes(operator),
        contact=in_quotes(contact),
        contact_link=contact,
        untranslated="" if source == own else note,
    )


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True)
        for lang, text in texts.items():
            (folder / f"{lang}.md").write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Trouble(
            f"{folder} could not be written: {error.strerror}", "is there space, and may you write there?"
        ) from None


@call.command(short_help="Say, line by line, what is still to be done.")
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(folders: Sequence[Path]) -> int:
    """Say, line by line, what keeps each FOLDER from being loaded.

    Nothing is changed. The exit status is 1 if anything is found.

    \b
    For example:
      notalone call check calls/no-more
      notalone call check calls/*
    """
    found = 0
    for folder in folders:
        findings = check_bundle(folder)
        _show(findings, err=False)
        if not findings:
            langs = list(read_bundle(folder))
            say(f"{folder}: ready to be loaded ({', '.join(langs)})")
            _note_languages(langs)
        found += len(findings)
    if found:
        raise Trouble(f"{counted(found, 'thing')} to mend before this can be loaded")
    return 0


def _show(findings: Iterable[Finding], *, err: bool) -> None:
    hint = ""
    for each in findings:
        place = f"{each.path}:{each.line}" if each.line else each.path
        say(f"{place}: {each.message}", err=err)
        if each.hint != hint:
            say(f"  hint: {each.hint}", err=err)
        hint = each.hint


def _note_languages(langs: Sequence[str]) -> None:
    """Say what becomes of texts in languages that the pages do not have."""
    from notalone.web.pages.frame import LANGUAGES, language_name

    *names, last = (language_name(lang, "en") for lang in LANGUAGES)
    shown = _first_language(langs)
    for lang in langs:
        if lang == shown and lang not in LANGUAGES:
            say(f"{lang}: the buttons and the pages around it are in {', '.join(names)} or {last} only", err=True)
        elif lang not in LANGUAGES:
            instead = language_name(shown, "en")
            say(f"{lang}: the pages are in {', '.join(names)} or {last} only, and show the {instead} text", err=True)


def _read(folder: Path, undone: str) -> dict[str, str]:
    """`undone`: what does not happen if there is something to mend."""
    try:
        return read_bundle(folder)
    except BundleError as error:
        _show(error.findings, err=True)
        raise Trouble(f"{counted(len(error.findings), 'thing')} to mend in {folder}; {undone}") from None


@call.command(short_help="Put a call on the server, or its changed texts.")
@click.argument("folder", type=click.Path(path_type=Path))
def load(folder: Path) -> None:
    """Put the call in FOLDER on the server, or its changed texts.

    The folder's name is the call's address. Voices already given stay; a closed call stays closed. A running server
    shows the texts within seconds.

    \b
    For example:
      notalone call load calls/no-more
    """
    sources = _read(folder, "nothing was loaded")
    asyncio.run(_load(read_settings(), folder.resolve().name, sources))


async def _load(settings: Settings, slug: str, sources: dict[str, str]) -> None:
    async with _open_or_make(settings) as platform:
        outcome = await platform.calls.load(slug, sources)
        loaded = platform.calls.get(slug)
    words = {
        "new": "is on the server now",
        "changed": "has its new texts",
        "same": "was loaded before, and is the same",
    }
    say(f"{slug} {words[outcome]} ({', '.join(sources)})" + ("" if loaded.open else "; it is closed and stays closed"))
    say(_address(settings, slug, _first_language(loaded.texts)))
    _note_languages(list(sources))


@asynccontextmanager
async def _open_or_make(settings: Settings) -> AsyncIterator[Platform]:
    """The platform. A database that had to be made is named: perhaps another one was meant."""
    async with AsyncExitStack() as opened:
        try:
            platform = await opened.enter_async_context(open_platform(settings, create=False))
        except NoDatabase:
            platform = await opened.enter_async_context(open_platform(settings))
            where = without_password(settings.database_url).removeprefix("sqlite:///")
            say(f"A new database was made at {where}", err=True)
        yield platform


@call.command(short_help="Let a call be read, but take no more voices.")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask.")
def close(slug: str, yes: bool) -> None:
    """Close the call SLUG: it can still be read, but it takes no more voices.

    This cannot be undone. Voices already given stay counted, and can still be withdrawn.

    \b
    For example:
      notalone call close no-more
    """
    asyncio.run(_close(read_settings(), slug, yes))


async def _close(settings: Settings, slug: str, yes: bool) -> None:
    async with open_platform(settings, create=False) as platform:
        known = _find(platform.calls, slug)
        if known.closed_on is not None:
            say(f"{slug} is closed already, since {known.closed_on}")
            return
        if not yes:
            say(f"{slug} will stay readable, with its count, but take no more voices.", err=True)
            say(
                "Voices already given stay, and can still be withdrawn. A closed call cannot be opened again.", err=True
            )
            click.confirm(f"Close {slug}?", abort=True, err=True)
        await platform.calls.close(slug)
    say(f"{slug} is closed: it can be read and takes no more voices")


@call.command(short_help="Delete a closed call and its voices.")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(slug: str, yes: bool) -> None:
    """Delete the call SLUG: its texts, its voices, its published numbers.

    Only a closed call can be deleted. This cannot be undone, but a backup from before still holds the call, and
    restoring it brings the call back.

    \b
    For example:
      notalone call delete no-more
    """
    asyncio.run(_delete(read_settings(), slug, yes))


async def _delete(settings: Settings, slug: str, yes: bool) -> None:
    async with open_platform(settings, create=False) as platform:
        if _find(platform.calls, slug).closed_on is None:
            raise Trouble(f"{slug} still takes voices", f'close it first: "notalone call close {slug}"')
        if not yes:
            say(f"{slug} will be gone: its texts, its voices, its published numbers. This cannot be undone.", err=True)
            typed: str = click.prompt(f"Type {slug} to delete it", default="", show_default=False, err=True)
            if typed.strip() != slug:
                raise Trouble("that is another name", "nothing was deleted")
        voices = await platform.calls.delete(slug)
    say(f"{slug} is deleted, and {counted(voices, 'voice')} with it")
    say("Backups from before still hold all of it; restoring one brings it back.", err=True)


def _find(calls: Calls, slug: str) -> Call:
    try:
        return calls.get(slug)
    except UnknownCall:
        near = difflib.get_close_matches(slug, [each.slug for each in calls.all()], n=1)
        hint = f'did you mean "{near[0]}"?' if near else '"notalone call list" lists the calls here'
        raise Trouble(f'there is no call "{slug}"', hint) from None


@call.command("list", short_help="List the calls on the server.")
def list_calls() -> None:
    """List the calls on the server: name, open or closed, languages, title."""
    rows = asyncio.run(_rows(read_settings()))
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    for row in rows:
        say("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]))
    if not rows:
        say('There are no calls yet. "notalone call load FOLDER" puts one on the server.', err=True)


async def _rows(settings: Settings) -> list[tuple[str, str, str, str]]:
    async with open_platform(settings, create=False) as platform:
        return [
            (
                each.slug,
                "open" if each.closed_on is None else f"closed {each.closed_on}",
                " ".join(each.texts),
                each.text("en").title,
            )
            for each in platform.calls.all()
        ]


@call.command(short_help="Make a page to print, with a QR code.")
@click.argument("source", metavar="SLUG|FOLDER")
@click.option(
    "--lang",
    type=_Language(),
    help="Its language. By default English, or else the call's first.",
)
@click.option("--url", help="The address that the QR code leads to. By default the call's page on this server.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. By default SLUG-poster-LANG.html.")
def poster(source: str, lang: str | None, url: str | None, out: Path | None) -> None:
    """Make a page to print, with a QR code that leads to the call.

    Takes a call on the server, or a folder that is not loaded yet. Open the file in a browser and print it.

    \b
    For example:
      notalone call poster no-more --lang es
      notalone call poster calls/no-more --url https://no-more.example.org/en/call/no-more
    """
    from notalone.web.pages.poster import leads_here_alone

    settings = read_settings()
    if Path(source).is_dir():
        slug = Path(source).resolve().name
        texts = {code: parse_text(text, code) for code, text in _read(Path(source), "no poster was made").items()}
    else:
        slug, texts = source, asyncio.run(_texts(settings, source))
    lang = lang or _first_language(texts)
    if lang not in texts:
        raise Trouble(f'"{slug}" has no text in "{lang}"', f"it has: {', '.join(texts)}")
    url = url or _address(settings, slug, lang)
    _check_address(url)
    out = out or Path(f"{slug}-poster-{lang}.html")
    _write_poster(out, texts[lang], lang, url)
    say(str(out))
    say(f"The QR code leads to {url}", err=True)
    if leads_here_alone(url):
        say("That opens on this machine only: set NOTALONE_PUBLIC_URL, or give the address with --url.", err=True)


async def _texts(settings: Settings, slug: str) -> dict[str, CallText]:
    async with open_platform(settings, create=False) as platform:
        return dict(_find(platform.calls, slug).texts)


def _write_poster(out: Path, text: CallText, lang: str, url: str) -> None:
    from notalone.web.pages.poster import render_poster

    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            # It is to be hung up. The server's user may make it for whoever prints it. (Not every disk has modes.)
            with suppress(OSError):
                os.fchmod(file.fileno(), 0o644)
            file.write(render_poster(text, lang, url))
    except FileExistsError:
        raise Trouble(f"{out} is there already", "nothing was written; give another name with --out") from None
    except OSError as error:
        raise Trouble(
            f"{out} could not be written: {error.strerror}", "is there space, and may you write there?"
        ) from None


def _check_address(url: str) -> None:
    """Raises Trouble for an address that a telephone could not open from a QR code."""
    if len(url) > _LONGEST_ADDRESS:
        raise Trouble(f'"{url}" is too long for a QR code on paper', f"give {_LONGEST_ADDRESS} characters at most")
    # Without TLS too: that is for trying out.
    if not re.match("https?://", url, re.IGNORECASE) or address_problem(re.sub("^[^:]*", "https", url)):
        raise Trouble(f'"{url}" is not an address that a telephone can open', "write it like https://example.org/page")


def _first_language(texts: Iterable[str]) -> str:
    """English if there is such a text, or else the first."""
    langs = list(texts)
    return "en" if "en" in langs else langs[0]


def _address(settings: Settings, slug: str, lang: str) -> str:
    """The public page of a call: in the text's language if the pages have it, else in English around the text."""
    # Here and not above: most commands need no templates.
    from notalone.web.pages.frame import LANGUAGES

    return f"{settings.public_url.rstrip('/')}/{lang if lang in LANGUAGES else 'en'}/call/{slug}"
