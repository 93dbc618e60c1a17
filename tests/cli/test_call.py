# SPDX-License-Identifier: AGPL-3.0-or-later
"""The organiser's commands, as transcripts: what is typed, what is answered, what is there afterwards."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from notalone.services.bundle import CallText, check_bundle, parse_text, read_bundle
from tests.cli.conftest import Answer, Terminal
from tests.services.good_call import GOOD, write


@pytest.fixture
def terminal(notalone: Terminal) -> Terminal:
    return notalone.at("call")


BASICS = ("--title", "No more", "--lang", "en", "--operator", "Us", "--contact", "us@example.org")


# new


def test_new_asks_plain_questions_and_writes_a_text_for_each_language(terminal: Terminal) -> None:
    answer = terminal("new", typed="No more!\n\nen es\nThe works council\n+34 900 100 200\n")
    assert answer.status == 0
    assert answer.out == "calls/no-more/en.md\ncalls/no-more/es.md\n"
    assert answer.err == (
        "What is the call's name, as people will read it?: "
        "Its short name, for the address [no-more]: "
        "In which languages? Write their codes, like: en es [en]: "
        "Who runs this call? Name those who answer for it: "
        "Where can people reach them? E-mail, web page or telephone: "
        "People will reach them at tel:+34900100200\n"
        'Next: write what each "TODO:" asks for. "notalone call check calls/no-more" lists what is left.\n'
    )
    assert 'contact: "tel:+34900100200"' in Path("calls/no-more/es.md").read_text()


def test_new_asks_again_when_an_answer_cannot_be_used(terminal: Terminal) -> None:
    answer = terminal(
        "new", typed=f"{'x' * 81}\nNo more\nNo More!\nno-more\nxx\nen\nUs\nbob\nhttps://bob\nus@example.org\n"
    )
    assert answer.status == 0
    assert re.findall("Error: (.*)", answer.err) == [
        '"title" has 81 characters; shorten it to 80 at most',
        "use 2 to 40 small letters, digits and hyphens",
        '"xx" is not a language code; write one like en, es, pt-BR or zh-Hant',
        '"bob" is no address that people can use; write it like name@example.org, example.org or +34900100200',
        '"https://bob" leads nowhere: "bob" is not the name of a site; write the whole address, like https://example.org',
    ]
    assert 'contact: "mailto:us@example.org"' in Path("calls/no-more/en.md").read_text()


@pytest.mark.parametrize("langs", [("en",), ("es",), ("en", "es", "ar", "pt-BR")])
def test_what_new_writes_can_be_loaded_once_every_todo_is_done(terminal: Terminal, langs: tuple[str, ...]) -> None:
    options = [option for lang in langs for option in ("--lang", lang)]
    tricky = ("--title", 'The "no": more #1 \\ é', "--operator", "a: b [c] $x ${y}", "--contact", "https://a.org/(x)")
    assert terminal("new", "calls/no-more", *tricky, *options).status == 0
    folder = Path("calls/no-more")
    assert {each.message.partition(":")[0] for each in check_bundle(folder)} == {"still to be done"}
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("TODO:", "Done,"))
    assert check_bundle(folder) == []
    for lang, source in read_bundle(folder).items():
        text = parse_text(source, lang)
        assert (text.title, text.operator, text.contact) == (tricky[1], tricky[3], tricky[5])
        assert text.reviewed is False
        assert text.rehearsal is False


def test_a_language_without_a_starter_says_that_it_is_still_in_english(terminal: Terminal) -> None:
    terminal("new", "calls/no-more", *BASICS, "--lang", "ar")
    messages = [each.message for each in check_bundle(Path("calls/no-more")) if each.path.endswith("ar.md")]
    assert 'still to be done: "this whole text is still in English; write it in Arabic."' in messages


def test_a_rehearsal_can_be_loaded_as_it_is_written(terminal: Terminal) -> None:
    answer = terminal("new", "calls/drill", *BASICS, "--lang", "es", "--lang", "fr", "--rehearsal")
    assert answer.err.endswith('Next: "notalone call load calls/drill" puts it on the server, as it is.\n')
    texts = {lang: parse_text(source, lang) for lang, source in read_bundle(Path("calls/drill")).items()}
    assert texts.keys() == {"en", "es", "fr"}
    for text in texts.values():
        assert text.rehearsal is True
        assert text.contact == "mailto:us@example.org"
    assert "This is a rehearsal." in texts["en"].ask
    assert "Esto es un ensayo." in texts["es"].ask


@pytest.mark.parametrize("lang", ["en", "es"])
def test_each_todo_of_a_starter_is_told_whole(terminal: Terminal, lang: str) -> None:
    terminal("new", "calls/no-more", *BASICS[:2], *BASICS[4:], "--lang", lang)
    told = [each.message for each in check_bundle(Path("calls/no-more")) if "to be done" in each.message]
    assert len(told) == 10
    assert not [each for each in told if "…" in each]
    # In the text they are whole sentences.
    assert len([each for each in told if re.search(r'\.(\[\^\w+\])?"$', each)]) == 8


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("us@example.org", "mailto:us@example.org"),
        ("mailto:us@example.org", "mailto:us@example.org"),
        ("example.org/contact", "https://example.org/contact"),
        ("+34 900-100 200", "tel:+34900100200"),
    ],
)
def test_a_contact_is_taken_as_people_type_it(terminal: Terminal, typed: str, stored: str) -> None:
    assert terminal("new", "calls/no-more", *BASICS[:-1], typed).status == 0
    assert f'contact: "{stored}"' in Path("calls/no-more/en.md").read_text()


def test_a_contact_that_is_no_address_is_refused(terminal: Terminal) -> None:
    answer = terminal("new", "calls/no-more", *BASICS[:-1], "blah")
    assert answer.status == 2
    assert '"blah" is no address that people can use; write it like name@example.org, example.org or' in answer.err
    assert not Path("calls").exists()


def test_a_contact_that_leads_nowhere_is_told_as_it_was_typed(terminal: Terminal) -> None:
    answer = terminal("new", "calls/no-more", *BASICS[:-1], "not an address")
    assert answer.status == 2
    assert '"not an address" is not a whole address; begin it with https://, mailto: or tel:' in answer.err
    assert "https://not" not in answer.err


def test_new_never_touches_what_is_there(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD)
    answer = terminal("new", "calls/no-more", *BASICS)
    assert answer == Answer(
        1,
        "",
        "notalone: calls/no-more is there already\n  hint: nothing was written; choose another name, or move it away\n",
    )
    assert Path("calls/no-more/en.md").read_text() == GOOD


def test_new_refuses_a_name_that_cannot_be_an_address_before_it_asks(terminal: Terminal) -> None:
    answer = terminal("new", "calls/No More")
    assert answer.status == 1
    assert answer.err == (
        'notalone: "No More" cannot be a call\'s address\n'
        "  hint: use 2 to 40 small letters, digits and hyphens, like calls/no-more\n"
    )


def test_new_says_when_it_cannot_write(terminal: Terminal) -> None:
    Path("calls").write_text("in the way")
    answer = terminal("new", "calls/no-more", *BASICS)
    assert answer.status == 1
    assert answer.err.startswith("notalone: calls/no-more could not be written: ")


def test_new_can_be_left_at_any_question(terminal: Terminal) -> None:
    answer = terminal("new", typed="No more\n")
    assert answer.status == 1
    assert answer.err.endswith("\nnotalone: stopped; nothing was changed\n")
    assert not Path("calls").exists()


# check


def test_check_says_when_a_call_is_ready(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD, es=GOOD)
    assert terminal("check", "calls/no-more") == Answer(0, "calls/no-more: ready to be loaded (en, es)\n", "")


def test_check_names_each_line_and_a_way_out(terminal: Terminal) -> None:
    write(Path("calls/one"), en=GOOD.replace("operator:", "operater:").replace("- one", "<b>one</b>"))
    write(Path("calls/two"), en=GOOD)
    assert terminal("check", "calls/one", "calls/two", "calls/three") == Answer(
        1,
        'calls/one/en.md:1: "operator" is missing\n'
        '  hint: add a line to the front matter: operator: "..."\n'
        'calls/one/en.md:8: unknown key "operater"\n'
        '  hint: did you mean "operator"?\n'
        'calls/one/en.md:20: raw HTML is not allowed: "</b>"\n'
        "  hint: write it in Markdown, or take it out\n"
        'calls/one/en.md:20: raw HTML is not allowed: "<b>"\n'
        "calls/two: ready to be loaded (en)\n"
        "calls/three: this folder cannot be read: No such file or directory\n"
        '  hint: give the folder of a call, or write one with "notalone call new"\n',
        "notalone: 5 things to mend before this can be loaded\n",
    )


def test_check_takes_neither_the_folder_above_nor_a_text_in_it(terminal: Terminal) -> None:
    write(Path("calls/one"), en=GOOD)
    write(Path("calls/two"), en=GOOD)
    assert terminal("check", "calls").out == (
        "calls: this folder holds folders of calls, and is none itself\n"
        "  hint: give one call's folder, like calls/one; to check all of them, give calls/*\n"
    )
    assert terminal("check", "calls/one/en.md").out == (
        "calls/one/en.md: this is not a folder\n  hint: give the call's folder: calls/one\n"
    )


def test_a_language_that_the_pages_do_not_have_is_named(terminal: Terminal) -> None:
    around = "the buttons and the pages around it are in English, Spanish or Arabic only"
    write(Path("calls/french"), fr=GOOD)
    assert terminal("check", "calls/french").err == f"fr: {around}\n"
    assert terminal("load", "calls/french").err.endswith(f"fr: {around}\n")
    write(Path("calls/both"), en=GOOD, fr=GOOD)
    assert terminal("load", "calls/both").err == (
        "fr: the pages are in English, Spanish or Arabic only, and show the English text\n"
    )
    write(Path("calls/known"), en=GOOD, es=GOOD, ar=GOOD)
    assert terminal("load", "calls/known").err == ""


def test_names_of_files_cannot_speak_to_the_terminal(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD)
    Path("calls/no-more/\x1b[31m\udcff.md").write_text(GOOD)
    answer = terminal("check", "calls/no-more")
    assert answer.status == 1
    assert answer.out.startswith("calls/no-more/?[31m?.md: ")


# load, list, close, delete


def test_a_call_from_load_to_close(terminal: Terminal) -> None:
    folder = write(Path("calls/no-more"), en=GOOD, es=GOOD)
    assert terminal("load", "calls/no-more") == Answer(
        0,
        "no-more is on the server now (en, es)\nhttps://calls.example.org/en/call/no-more\n",
        f"A new database was made at {Path('data/notalone.db').absolute()}\n",
    )
    assert terminal("load", "calls/no-more").err == ""
    assert terminal("load", "calls/no-more").out.startswith("no-more was loaded before, and is the same (en, es)\n")
    (folder / "es.md").write_text(GOOD.replace("#MeToo", "#YoTambién"))
    assert terminal("load", "calls/no-more").out.startswith("no-more has its new texts (en, es)\n")
    assert terminal("list") == Answer(0, "no-more  open  en es  #MeToo\n", "")

    refused = terminal("close", "no-more", typed="n\n")
    assert refused.status == 1
    assert refused.out == ""
    assert refused.err == (
        "no-more will stay readable, with its count, but take no more voices.\n"
        "Voices already given stay, and can still be withdrawn. A closed call cannot be opened again.\n"
        "Close no-more? [y/N]: \n"
        "notalone: stopped; nothing was changed\n"
    )
    assert "open" in terminal("list").out

    assert (
        terminal("close", "no-more", typed="y\n").out == "no-more is closed: it can be read and takes no more voices\n"
    )
    assert re.fullmatch(r"no-more  closed \d{4}-\d\d-\d\d  en es  #MeToo\n", terminal("list").out)
    assert re.fullmatch(r"no-more is closed already, since \d{4}-\d\d-\d\d\n", terminal("close", "no-more").out)
    (folder / "es.md").write_text(GOOD)
    assert (
        "no-more has its new texts (en, es); it is closed and stays closed\n" in terminal("load", "calls/no-more").out
    )


def test_a_server_without_calls(terminal: Terminal, call: str) -> None:
    terminal("close", call, "--yes")
    terminal("delete", call, "--yes")
    assert terminal("list") == Answer(
        0, "", 'There are no calls yet. "notalone call load FOLDER" puts one on the server.\n'
    )


def test_close_does_not_ask_scripts(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD)
    terminal("load", "calls/no-more")
    assert terminal("close", "no-more", "--yes").status == 0


def test_a_call_is_deleted_by_its_name(terminal: Terminal) -> None:
    for name in ("no-more", "no-less"):
        write(Path(name), en=GOOD)
        terminal("load", name)
    assert terminal("delete", "no-more", "--yes") == Answer(
        1, "", 'notalone: no-more still takes voices\n  hint: close it first: "notalone call close no-more"\n'
    )
    terminal("close", "no-more", "--yes")
    asked = (
        "no-more will be gone: its texts, its voices, its published numbers. This cannot be undone.\n"
        "Type no-more to delete it: "
    )
    for typed in ("no-less\n", "y\n"):
        assert terminal("delete", "no-more", typed=typed) == Answer(
            1, "", f"{asked}notalone: that is another name\n  hint: nothing was deleted\n"
        )
    assert terminal("delete", "no-more", typed="").err == f"{asked}\nnotalone: stopped; nothing was changed\n"
    assert terminal("delete", "no-more", typed=" no-more\n") == Answer(
        0,
        "no-more is deleted, and 0 voices with it\n",
        f"{asked}Backups from before still hold all of it; restoring one brings it back.\n",
    )
    assert terminal("list").out == "no-less  open  en  #MeToo\n"
    assert terminal("delete", "no-more").err.startswith('notalone: there is no call "no-more"\n')


def test_delete_does_not_ask_scripts(terminal: Terminal) -> None:
    write(Path("no-more"), en=GOOD)
    terminal("load", "no-more")
    terminal("close", "no-more", "--yes")
    assert terminal("delete", "no-more", "--yes").out == "no-more is deleted, and 0 voices with it\n"


def test_the_list_stands_in_columns(terminal: Terminal) -> None:
    for name in ("one", "another"):
        write(Path(name), en=GOOD)
        terminal("load", name)
    assert terminal("list").out == "one      open  en  #MeToo\nanother  open  en  #MeToo\n"


def test_load_says_what_is_to_be_mended_and_loads_nothing(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD.replace("More words", "TODO: more"))
    answer = terminal("load", "calls/no-more")
    assert answer == Answer(
        1,
        "",
        'calls/no-more/en.md:16: still to be done: "more[^tweet], and others.[^law]"\n'
        "  hint: write what it asks for in place of TODO:\n"
        "notalone: 1 thing to mend in calls/no-more; nothing was loaded\n",
    )
    assert not Path("data").exists()


def test_load_takes_the_name_of_the_folder_it_stands_in(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(Path("no-more"), en=GOOD))
    assert terminal("load", ".").out.startswith("no-more is on the server now")


def test_a_call_that_is_not_there(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD)
    terminal("load", "calls/no-more")
    assert terminal("close", "drill").err == (
        'notalone: there is no call "drill"\n  hint: "notalone call list" lists the calls here\n'
    )
    assert 'hint: did you mean "no-more"?' in terminal("close", "nomore").err
    assert terminal("poster", "nomore").status == 1


# poster


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What the poster's page was asked to show: title, language, address."""
    asked: list[tuple[str, str, str]] = []

    def render_poster(text: CallText, lang: str, url: str) -> str:
        asked.append((text.title, lang, url))
        return "<!doctype html>\n"

    monkeypatch.setattr("notalone.web.pages.poster.render_poster", render_poster)
    return asked


def test_a_poster_of_a_call_on_the_server(terminal: Terminal, printed: list[tuple[str, str, str]]) -> None:
    write(Path("calls/no-more"), en=GOOD, es=GOOD.replace("#MeToo", "#YoTambién"))
    terminal("load", "calls/no-more")
    answer = terminal("poster", "no-more", "--lang", "es")
    assert answer == Answer(
        0, "no-more-poster-es.html\n", "The QR code leads to https://calls.example.org/es/call/no-more\n"
    )
    assert printed == [("#YoTambién", "es", "https://calls.example.org/es/call/no-more")]
    assert Path("no-more-poster-es.html").read_text() == "<!doctype html>\n"


def test_a_poster_can_be_read_by_whoever_prints_it(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD)
    before = os.umask(0o077)
    try:
        terminal("poster", "calls/no-more", "--out", "p.html")
    finally:
        os.umask(before)
    assert Path("p.html").stat().st_mode & 0o777 == 0o644


def test_a_poster_of_a_text_that_is_not_done(terminal: Terminal) -> None:
    write(Path("calls/no-more"), en=GOOD.replace("More words", "TODO: more"))
    answer = terminal("poster", "calls/no-more")
    assert answer.err.endswith("notalone: 1 thing to mend in calls/no-more; no poster was made\n")
    assert list(Path().glob("*.html")) == []


def test_a_poster_of_a_folder_for_another_address(terminal: Terminal, printed: list[tuple[str, str, str]]) -> None:
    write(Path("calls/no-more"), en=GOOD, es=GOOD)
    answer = terminal("poster", "calls/no-more", "--url", "https://no-more.example.org", "--out", "p.html")
    assert answer.out == "p.html\n"
    assert printed == [("#MeToo", "en", "https://no-more.example.org")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lang", "fr"), 'notalone: "no-more" has no text in "fr"\n  hint: it has: en\n'),
        (("--url", "https:///x"), 'notalone: "https:///x" is not an address that a telephone can open\n'),
        (("--url", "https://exa mple.org/ x"), 'notalone: "https://exa mple.org/ x" is not an address that a'),
        (("--url", "http://user@example.org"), 'notalone: "http://user@example.org" is not an address that a'),
        (("--url", "mailto:us@example.org"), 'notalone: "mailto:us@example.org" is not an address that a'),
        (("--url", f"https://x.org/{'x' * 300}"), 'notalone: "https://x.org/xx'),
        (("--url", "no-more.org"), 'notalone: "no-more.org" is not an address that a telephone can open\n'),
        (("--out", "taken.html"), "notalone: taken.html is there already\n  hint: nothing was written;"),
        (("--out", "no/where.html"), "notalone: no/where.html could not be written: No such file or directory\n"),
    ],
)
def test_a_poster_that_cannot_be_made(
    terminal: Terminal, printed: list[tuple[str, str, str]], options: tuple[str, str], message: str
) -> None:
    write(Path("calls/no-more"), en=GOOD)
    Path("taken.html").write_text("kept")
    answer = terminal("poster", "calls/no-more", *options)
    assert answer.status == 1
    assert answer.err.startswith(message)
    assert Path("taken.html").read_text() == "kept"


def test_a_poster_for_this_machine_alone_says_so(
    terminal: Terminal, printed: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTALONE_PUBLIC_URL")
    write(Path("calls/no-more"), en=GOOD)
    assert "That opens on this machine only: set NOTALONE_PUBLIC_URL" in terminal("poster", "calls/no-more").err


def test_a_poster_in_a_language_that_the_pages_do_not_speak_leads_to_the_english_page(
    terminal: Terminal, printed: list[tuple[str, str, str]]
) -> None:
    write(Path("calls/no-more"), fr=GOOD)
    terminal("poster", "calls/no-more")
    assert printed == [("#MeToo", "fr", "https://calls.example.org/en/call/no-more")]


@pytest.mark.parametrize("lang", ["en", "es", "fr"])
def test_the_poster_is_one_file_that_needs_nothing_else(terminal: Terminal, lang: str) -> None:
    write(Path("calls/no-more"), **{lang: GOOD})
    assert terminal("poster", "calls/no-more", "--out", "p.html").status == 0
    page = Path("p.html").read_text()
    assert "#MeToo" in page
    assert "<svg" in page
    assert "/call/no-more" in page.replace("<wbr>", "")
    assert not re.search(r"""<script|<link|\ssrc=|\sstyle=|url\(""", page)


# How it speaks


@pytest.mark.parametrize(
    ("arguments", "message", "path"),
    [
        (("nwe",), "no such command 'nwe'", "notalone call"),
        (("check",), "missing argument 'FOLDER...'", "notalone call check"),
        (("close", "a", "b"), "got unexpected extra argument (b)", "notalone call close"),
        (("new", "--lang", "xx"), "invalid value for '--lang': \"xx\" is not a language code", "notalone call new"),
    ],
)
def test_a_command_that_is_not_understood(
    terminal: Terminal, arguments: tuple[str, ...], message: str, path: str
) -> None:
    answer = terminal(*arguments)
    assert answer.status == 2
    assert answer.out == ""
    first, second = answer.err.splitlines()
    assert first.startswith(f"notalone: {message}")
    assert second == f'  hint: "{path} --help" shows how it is used, with examples'


@pytest.mark.parametrize("command", [(), ("new",), ("check",), ("load",), ("close",), ("poster",)])
def test_help_teaches_with_examples(terminal: Terminal, command: tuple[str, ...]) -> None:
    answer = terminal(*command, "--help")
    assert answer.status == 0
    assert answer.err == ""
    assert len(re.findall(" ".join(["^ *notalone call", *command]), answer.out, re.MULTILINE)) >= 1


def test_every_command_is_named_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "call-bundles.md").read_text()
    for command in ("new", "check", "load", "close"):
        assert f"`notalone call {command}" in guide
