# SPDX-License-Identifier: AGPL-3.0-or-later
"""A call bundle: what is accepted, what is refused and in which line."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.services.bundle import (
    LARGEST_FILE,
    BundleError,
    CallText,
    Finding,
    check_bundle,
    is_language,
    is_slug,
    parse_text,
    read_bundle,
)
from tests.services.good_call import GOOD, Refused, assert_refused, assert_safe, findings, read_or_refuse, write

# What is accepted


def test_a_good_text_is_read_whole() -> None:
    text = parse_text(GOOD, "en")
    assert (text.lang, text.title, text.ask, text.operator) == ("en", "#MeToo", "Were you harmed?", "Example")
    assert text.summary == "One sentence, on two lines."
    assert text.contact == "mailto:us@example.org"
    assert text.reviewed is True
    assert text.rehearsal is False
    assert text.me_too == "For anyone."
    assert text.stand is None
    assert [(each.id, each.heading) for each in text.sections] == [
        ("about", "What this is"),
        ("privacy", "Your privacy"),
        ("minors", "If you are under 18"),
    ]
    assert_safe(text)


def test_sections_are_found_by_id_and_the_story_leaves_out_those_with_pages_of_their_own() -> None:
    text = parse_text(GOOD, "en")
    assert text.section("privacy").heading == "Your privacy"
    assert [each.id for each in text.story_sections] == ["about"]
    with pytest.raises(KeyError):
        text.section("nowhere")


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_files_of_other_systems_read_the_same(ending: str) -> None:
    data = b"\xef\xbb\xbf" + GOOD.replace("\n", ending).encode()
    assert read_or_refuse(data) == parse_text(GOOD, "en")


def test_marks_and_joiners_of_right_to_left_writing_are_kept() -> None:
    text = parse_text(GOOD.replace("Some words", "می\u200cخواهم \u200f(و)\u200e"), "fa")
    assert "می\u200cخواهم \u200f(و)\u200e" in text.section("about").html


@pytest.mark.parametrize("slug", ["me", "metoo", "2026", "a-b", "a" * 40])
def test_names_of_calls(slug: str) -> None:
    assert is_slug(slug)


@pytest.mark.parametrize("slug", ["", "a", "-a", "A", "a_b", "a b", "a" * 41, "é1", "ab\n", "../x"])
def test_what_cannot_name_a_call(slug: str) -> None:
    assert not is_slug(slug)


@pytest.mark.parametrize("lang", ["en", "ar", "pt-BR", "zh-Hant", "zh-Hant-TW"])
def test_languages(lang: str) -> None:
    assert is_language(lang)


@pytest.mark.parametrize("lang", ["", "e", "EN", "xx", "root", "und", "en_US", "pt-br", "en.md", "../en", "en\n"])
def test_what_is_not_a_language(lang: str) -> None:
    assert not is_language(lang)


# What is refused, and where

REFUSED: dict[str, Refused] = {
    "no front matter": ('---\n# a note to oneself\ntitle: "#MeToo"', "title", 1, "front matter is missing", '"---"'),
    "front matter without end": ('me_too: "For anyone."\n---\n', "", 1, "front matter has no end", '"---"'),
    "yaml": ('"Example"', "Example: us", "operator", "mapping values are not allowed", "quotes"),
    "yaml with a tab": ('operator: "Example"', "operator:\n\t- x", "\t- x", "this cannot be read as YAML", "quotes"),
    "yaml escape for no character": ('"Example"', r'"\UFFFFFFFF"', "operator", "cannot be read as YAML", "quotes"),
    "yaml escape for a control": ('"Example"', r'"a\eb"', "operator", '"operator" holds the character U+001B', "out"),
    "front matter is a list": (GOOD[4 : GOOD.index("---\n##")], "- a\n- b\n", 2, "not a list of keys", "title:"),
    "unknown key": ("operator:", "operater:", "operater", 'unknown key "operater"', 'did you mean "operator"?'),
    "strange key": ("operator:", "xyzzy: 1\noperator:", "xyzzy", 'unknown key "xyzzy"', "the keys are: title, ask"),
    "key twice": ("operator:", 'title: "x"\noperator:', 'title: "x"', '"title" is on line 3 already', "one of the two"),
    "missing key": ('operator: "Example"\n', "", 1, '"operator" is missing', 'operator: "..."'),
    "missing flag": ("reviewed: yes\n", "", 1, '"reviewed" is missing', "reviewed: no"),
    "title without quotes": ('"#MeToo"', "#MeToo", "title", '"title" must be a text', "quotes"),
    "number": ('"Example"', "2017", "operator", '"operator" must be a text', "quotes"),
    "list": ('"Example"', "[a, [b]]", "operator", '"operator" must be a text', "quotes"),
    "long front matter": ('"Example"', "[" * 16385, 1, "front matter has more than 16 kB", "into a section"),
    "alias": ('"Example"', "*x", "operator", '"operator" must be a text', "quotes"),
    "tag": ('"Example"', "!!python/name:os.system x", "operator", '"operator" must be a text', "quotes"),
    "word for yes": ("reviewed: yes", 'reviewed: "yes"', "reviewed", '"reviewed" must be yes or no', "reviewed: yes"),
    "empty": ('"Example"', '" "', "operator", '"operator" is empty', "write it"),
    "too long": ('"Were you harmed?"', f'"{"x" * 301}"', "ask", '"ask" has 301 characters', "300 at most"),
    "contact without scheme": ('"mailto:us@', '"us@', "contact", '"us@example.org" is not a whole address', "mailto:"),
    "contact without host": ('"mailto:us@example.org"', '"https:///x"', "contact", "not a web address", "copy"),
    "contact without a dot": ("mailto:us@example.org", "https://bob:8/x", "contact", '"bob" is not the name', "whole"),
    "contact with a final dot": ("mailto:us@example.org", "https://bob.", "contact", '"bob." is not the name', "whole"),
    "contact with a space": ('"mailto:us@example.org"', '"tel:1 2 3"', "contact", "holds a space", "out"),
    "no privacy": ("{#privacy}", "{#data}", "Call us", 'section "privacy" is missing', "{#privacy}"),
    "no path for minors": ("{#minors}", "{#young}", "Call us", 'section "minors" is missing', "{#minors}"),
    "nul": ("More words", "More\0words", "More", "U+0000 (a control character)", "delete it"),
    "escape": ("More words", "More\x1b[31mwords", "More", "U+001B (a control character)", "delete it"),
    "override": ("More words", "More\u202ewords", "More", "U+202E (right-to-left override)", "delete it"),
    "isolate": ("More words", "More\u2067words", "More", "U+2067 (right-to-left isolate)", "delete it"),
    "line separator": ("More words", "More\u2028words", "More", "U+2028 (line separator)", "delete it"),
    "half a character": ("More words", "More\ud800words", "More", "U+D800", "delete it"),
    "unfinished": ("More words", "TODO: say more", "TODO", 'still to be done: "say more', "in place of TODO:"),
    "unfinished ask": ("Were you harmed?", "TODO: ask", "ask:", 'still to be done: "ask"', "in place of TODO:"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_with_its_line_and_a_way_out(case: str) -> None:
    assert_refused(REFUSED[case])


def test_every_finding_is_told_and_not_only_the_first() -> None:
    source = GOOD.replace('"Example"', "3").replace("- one", "<b>one</b>").replace("tel:116111", "http://x.org")
    found = findings(source)
    assert [each.message for each in found] == [
        '"operator" must be a text',
        'raw HTML is not allowed: "</b>"',
        'raw HTML is not allowed: "<b>"',
        '"http://x.org" is not encrypted',
    ]
    assert [each.line for each in found] == sorted(each.line for each in found)


def test_a_broken_front_matter_does_not_count_as_missing_keys() -> None:
    found = findings(GOOD.replace('"#MeToo"', "a: b"))
    assert len(found) == 1


def test_the_error_says_where_and_what() -> None:
    with pytest.raises(BundleError) as caught:
        parse_text(GOOD.replace('"Example"', "3"), "en", path="calls/x/en.md")
    assert str(caught.value) == 'calls/x/en.md:8: "operator" must be a text'


def test_a_language_that_does_not_exist_is_refused() -> None:
    (found,) = findings(GOOD, "xx")
    assert found.message == '"xx" is not a language code'


# Bytes


def test_bytes_that_are_not_utf_8_are_refused_in_their_line() -> None:
    data = GOOD.replace("Example", "é").encode("latin-1")
    assert read_or_refuse(data) == (
        Finding(
            "en.md", 8, "this file is not in UTF-8", "save the file again as UTF-8: editors offer it under Save as"
        ),
    )


def test_a_file_may_be_large_but_not_larger() -> None:
    room = LARGEST_FILE - len(GOOD.encode())
    words = GOOD + "word " * (room // 5) + "." * (room % 5)
    assert len(words.encode()) == LARGEST_FILE
    assert isinstance(read_or_refuse(words.encode()), CallText)
    for refused in (read_or_refuse((words + ".").encode()), findings(words + ".")):
        assert refused[0].line == 0  # type: ignore[index]
        assert refused[0].message == "this file has more than 256 kB"  # type: ignore[index]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert read_or_refuse(data) == read_or_refuse(data)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc:\"'#-[]{}!&*?|>%@`\\ \n\tuUx09~,<"), max_size=60))
def test_any_front_matter_is_read_or_refused(words: str) -> None:
    read_or_refuse(GOOD.replace('"Example"', words).encode())


# Folders


def test_a_good_folder_is_read_in_the_order_of_languages(tmp_path: Path) -> None:
    folder = write(tmp_path / "no-more", es=GOOD, en=GOOD.replace("\n", "\r\n"), pt_BR=GOOD)
    (folder / ".DS_Store").write_bytes(b"\0")
    assert check_bundle(folder) == []
    sources = read_bundle(folder)
    assert list(sources) == ["en", "es", "pt-BR"]
    assert sources["en"] == GOOD


def test_what_is_read_can_be_parsed_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "no-more", en="\ufeff" + GOOD)
    assert parse_text(read_bundle(folder)["en"], "en") == parse_text(GOOD, "en")


def test_read_raises_what_check_finds(tmp_path: Path) -> None:
    folder = write(tmp_path / "no-more", en=GOOD.replace('"Example"', "3"), es="")
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    assert list(caught.value.findings) == check_bundle(folder)
    assert len(check_bundle(folder)) > 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (found,) = check_bundle(tmp_path / "nowhere")
    assert found.line == 0
    assert found.message == "this folder cannot be read: No such file or directory"
    assert "notalone call new" in found.hint


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "en.md").write_text(GOOD)
    (found,) = check_bundle(tmp_path / "en.md")
    assert found.message == "this is not a folder"
    assert found.hint == f"give the call's folder: {tmp_path}"


def test_a_folder_of_calls_instead_of_one(tmp_path: Path) -> None:
    write(tmp_path / "calls" / "no-more", en=GOOD)
    (found,) = check_bundle(tmp_path / "calls")
    assert found.message == "this folder holds folders of calls, and is none itself"
    assert str(tmp_path / "calls" / "no-more") in found.hint


def test_an_empty_folder(tmp_path: Path) -> None:
    (found,) = check_bundle(write(tmp_path / "no-more"))
    assert found.message == "this folder has no texts"
    assert "en.md" in found.hint


def test_a_folder_whose_name_cannot_be_an_address(tmp_path: Path) -> None:
    (found,) = check_bundle(write(tmp_path / "No More", en=GOOD))
    assert found.message == '"No More" cannot be the name of a call'
    assert "small letters" in found.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [("EN.md", "name the file en.md"), ("pt_br.md", "name the file pt-BR.md"), ("readme.md", "like en.md")],
)
def test_a_file_that_is_not_named_by_its_language(tmp_path: Path, name: str, hint: str) -> None:
    folder = write(tmp_path / "no-more", es=GOOD)
    (folder / name).write_text(GOOD)
    (found,) = check_bundle(folder)
    assert found.path == str(folder / name)
    assert "is not a language code" in found.message
    assert hint in found.hint


def test_what_does_not_belong_into_a_bundle(tmp_path: Path) -> None:
    folder = write(tmp_path / "no-more", en=GOOD)
    (folder / "notes.txt").write_text("x")
    (folder / "es.md").mkdir()
    os.mkfifo(folder / "fr.md")  # opening it would wait for ever
    assert [(Path(each.path).name, each.message) for each in check_bundle(folder)] == [
        (name, "this does not belong in the folder of a call") for name in ("es.md", "fr.md", "notes.txt")
    ]


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    folder = write(tmp_path / "no-more")
    with (folder / "en.md").open("wb") as file:
        file.truncate(1 << 40)
    (found,) = check_bundle(folder)
    assert found.message == "this file has more than 256 kB"


def test_a_section_that_one_language_lacks(tmp_path: Path) -> None:
    shorter = GOOD[: GOOD.index("## What")] + GOOD[GOOD.index("## Your privacy") :].replace("[^law]", "")
    folder = write(tmp_path / "no-more", en=GOOD, es=shorter)
    (found,) = check_bundle(folder)
    assert (found.path, found.message) == (str(folder / "es.md"), 'section "about" of en.md is missing here')
    assert found.line == shorter.rstrip().count("\n") + 1


def test_a_section_that_only_one_language_has(tmp_path: Path) -> None:
    longer = GOOD + "\n## Más {#mas}\n\nAlgo.\n"
    (found,) = check_bundle(write(tmp_path / "no-more", en=GOOD, es=longer))
    assert found.message == 'section "mas" is not in en.md'
    assert found.line == longer.split("\n").index("## Más {#mas}") + 1


def test_sections_in_another_order(tmp_path: Path) -> None:
    swapped = GOOD.replace("{#privacy}", "{#x}").replace("{#minors}", "{#privacy}").replace("{#x}", "{#minors}")
    (found,) = check_bundle(write(tmp_path / "no-more", en=GOOD, es=swapped))
    assert found.message == 'section "minors" stands where "privacy" is expected'
    assert "about, privacy, minors" in found.hint


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("mailto:us@", "mailto:them@", "contact"),
        ("reviewed: yes", "reviewed: yes\nrehearsal: yes", "rehearsal"),
    ],
)
def test_languages_that_disagree(tmp_path: Path, old: str, new: str, key: str) -> None:
    other = GOOD.replace(old, new)
    (found,) = check_bundle(write(tmp_path / "no-more", ar=other, en=GOOD))
    assert found.path.endswith("ar.md")
    assert found.message == f'"{key}" is not the same as in en.md'
    assert other.split("\n")[found.line - 1].startswith(key)


def test_no_rehearsal_is_the_same_as_rehearsal_no(tmp_path: Path) -> None:
    other = GOOD.replace("reviewed: yes", "reviewed: yes\nrehearsal: no")
    assert check_bundle(write(tmp_path / "no-more", en=GOOD, es=other)) == []


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["en.md", "es.md", "x.md", "en"]), st.binary(max_size=200), max_size=3))
def test_any_folder_is_checked(contents: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "no-more")
        folder.mkdir()
        for path, data in contents.items():
            (folder / path).write_bytes(data)
        assert check_bundle(folder) == check_bundle(folder)


# What is shipped and what is documented

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", sorted((ROOT / "src" / "notalone" / "calls").iterdir()), ids=str)
def test_the_calls_that_are_shipped_can_be_loaded(folder: Path) -> None:
    assert check_bundle(folder) == []
    for lang, source in read_bundle(folder).items():
        assert_safe(parse_text(source, lang))


def test_the_guide_shows_a_whole_call() -> None:
    guide = (ROOT / "docs" / "call-bundles.md").read_text()
    (example,) = re.findall(r"^```markdown\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    text = parse_text(example, "en")
    assert text.title == "No more"
    assert_safe(text)


def test_the_guide_says_every_key_and_every_limit() -> None:
    guide = (ROOT / "docs" / "call-bundles.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` (\|.*)$", guide, re.MULTILINE))
    (unknown,) = findings(GOOD.replace("operator:", "xyzzy: 1\noperator:"))
    assert unknown.hint == f"the keys are: {', '.join(rows)}"
    for key, row in rows.items():
        limit = re.search(r"at most (\d+)", row)
        filler = "x" * (int(limit[1]) + 1 if limit else 1)
        changed = re.sub(rf"^{key}:.*\n(  .*\n)*", "", GOOD, flags=re.MULTILINE).replace(
            "\n---\n", f'\n{key}: "{filler}"\n---\n'
        )
        messages = " ".join(each.message for each in findings(changed))
        assert (f'"{key}" has {len(filler)} characters' if limit else f'"{key}" must be yes or no') in messages
