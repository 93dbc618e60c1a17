# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every sentence of the pages is in every catalogue, whole and with its values in place."""

from __future__ import annotations

import re
from functools import cache
from gettext import c2py
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Catalogued
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from notalone.web.pages.frame import CATALOGUES, LANGUAGES, TEMPLATES, translations

Message = str | tuple[str, ...]

TRANSLATED = tuple(lang for lang in LANGUAGES if lang != "en")
# Names of file formats are the same in every language.
SAME_EVERYWHERE = {"CSV", "JSON"}


@cache
def messages() -> tuple[Message, ...]:
    """What the templates say, in English: a sentence, or its singular and plural."""
    found = extract_from_dir(
        TEMPLATES,
        method_map=[("**.html", "jinja2.ext:babel_extract")],
        options_map={"**.html": {"newstyle_gettext": "true", "silent": "false"}},
    )
    return tuple(dict.fromkeys(message for _, _, message, _, _ in found))


@cache
def catalogue(lang: str) -> Catalog:
    with (CATALOGUES / f"{lang}.po").open("rb") as file:
        return read_po(file, locale=lang, abort_invalid=True)


def values(text: str) -> set[str]:
    """The names of the values that a sentence takes. Anything else with a per cent sign is a mistake."""
    assert "%" not in re.sub(r"%\(\w+\)s", "", text), text
    return set(re.findall(r"%\((\w+)\)s", text))


def strings(message: Catalogued) -> tuple[str, ...]:
    """A translation, or all its forms."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def test_the_pages_say_something() -> None:
    assert len(messages()) > 150


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_sentence_is_translated(lang: str) -> None:
    there = {message.id for message in catalogue(lang) if message.id}
    assert there == set(messages())


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_translation_is_finished(lang: str) -> None:
    forms = catalogue(lang).num_plurals
    assert set(map(c2py(catalogue(lang).plural_expr), range(1000))) == set(range(forms))
    for message in catalogue(lang):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        assert all(string.strip() for string in strings(message)), message.id
        if isinstance(message.id, str):
            assert values(*strings(message)) == values(message.id)
        else:
            assert len(strings(message)) == forms, message.id
            for string in strings(message):
                # "Every two minutes" needs no digit in Arabic; every other value is needed.
                assert values(string) | {"num"} == values(message.id[1]), string


@pytest.mark.parametrize("lang", TRANSLATED)
def test_translations_hold_words_only(lang: str) -> None:
    """A sentence is put into the page as it stands, so it must not bring marks of its own."""
    for message in catalogue(lang):
        if message.id:
            for string in strings(message):
                assert not set("<>&{}") & set(string), string
                assert "victim" not in string.lower()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_name_is_the_same_wherever_it_is_said(lang: str) -> None:
    """Who is told to press a button must find the words that stand on it."""
    say = translations(lang).gettext
    naming = {
        "Exit this page": [text for text in messages() if isinstance(text, str) and "“Exit this page”" in text],
        "You are counted": [text for text in messages() if isinstance(text, str) and "“You are counted”" in text],
    }
    for name, sentences in naming.items():
        assert sentences
        for sentence in sentences:
            assert say(name) in say(sentence)


def test_arabic_counts_in_six_ways() -> None:
    say = translations("ar").ngettext
    sentence = ("The numbers change every minute.", "The numbers change every %(num)s minutes.")
    said = {number: say(*sentence, number) % {"num": number} for number in (1, 2, 3, 10, 11, 60, 100)}
    assert said == {
        1: "تتغير الأرقام كل دقيقة.",
        2: "تتغير الأرقام كل دقيقتين.",
        3: "تتغير الأرقام كل 3 دقائق.",
        10: "تتغير الأرقام كل 10 دقائق.",
        11: "تتغير الأرقام كل 11 دقيقة.",
        60: "تتغير الأرقام كل 60 دقيقة.",
        100: "تتغير الأرقام كل 100 دقيقة.",
    }


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_say_nothing_past_the_catalogues(path: Path) -> None:
    source = path.read_text()
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<style>.*?</style>|<[^>]*>", " ", source, flags=re.DOTALL)
    assert set(re.findall(r"[^\W\d_]+", bare)) <= SAME_EVERYWHERE
    assert not re.search(r'(aria-label|title|alt|placeholder|data-(one|two|leaving))="[^"{]', source)
