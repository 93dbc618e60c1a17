# SPDX-License-Identifier: AGPL-3.0-or-later
"""People by their name within an organisation, and by their entry in its directory (spec/identifiers.md, section 7)."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

from notalone.protocol.identifiers.identifier import Identifier, Kind, Problem, WrongIdentifier
from notalone.protocol.identifiers.text import JOINERS, LETTERS, clean, mapped, with_digits

ID = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
ORGANISATION = re.compile(ID + r"\Z")
AT_ORGANISATION = re.compile(rf"(.*) @ ({ID})\Z")
ENTRY = re.compile(rf"({ID})/([1-9][0-9]{{0,8}})\Z")

APOSTROPHES = re.compile("['`\xb4\u02b9-\u02bf\u02c8\u02ca\u02cb\u05f3\u05f4\u2018-\u201b\u2032\u2035\uff07\uff40]")
BETWEEN = re.compile("[-.\xb7\u05be\u06d4\u2010-\u2015\u2027\u2212\u30a0\u30fb]")
COMMA = re.compile("[,،、，]")
# Arabic vowel signs and small marks, its tatweel, Hebrew points: mostly left out in writing.
UNWRITTEN = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08e3-\u08ff]"
)
# Accents on Latin and Greek letters, and the two dots of the Cyrillic yo, which Russian may leave out.
ACCENTS = re.compile(
    "([a-z\xdf\xe6\xf0\xf8\xfe\u0111\u0127\u0131\u0142\u0153\u0180-\u02af\u0370-\u03ff\u1d00-\u1dbf\u1e00-\u1fff\ua720-\ua7ff])[\u0300-\u036f]+|\u0435\u0308+"
)
# Not on every keyboard. Turkish has a second i; Persian and Egyptian keyboards write ی, ى, ک for others' ي and ك.
LETTERS_ALIKE: Final = str.maketrans("ςøđðłħıیىکٱ", "σoddlhiييكا") | {
    ord("ß"): "ss",
    ord("æ"): "ae",
    ord("œ"): "oe",
    ord("þ"): "th",
}
EAST_ASIAN = "[々ぁ-ヿ㐀-䶿一-鿿가-힣𠀀-𱍊]"
SPACE_IN_EAST_ASIAN = re.compile(f"({EAST_ASIAN}) (?={EAST_ASIAN})")
# Scripts that put no space between the names of a person, or may leave it out.
UNSPACED = re.compile("[々ぁ-ヿ㐀-䶿一-鿿가-힣𠀀-𱍊ก-๛ກ-ໟက-႟ក-៿]")
TITLES_BEFORE: Final = frozenset(
    {"dr", "prof", "professor", "doctor", "mr", "mrs", "herr", "frau", "mme", "monsieur", "madame"}
)
TITLES_AFTER: Final = frozenset({"jr", "sr", "phd", "md", "esq", "msc", "bsc", "mba", "dds", "llm"})


def parse_name(text: str, organisation: str | None = None) -> Identifier:
    """`organisation`: its id in the call. Raises WrongIdentifier; ValueError without an organisation."""
    if organisation is None:
        at = AT_ORGANISATION.match(text)
        if at is None:
            raise ValueError("a name counts within an organisation")
        text, organisation = at[1], at[2]
    if not ORGANISATION.match(organisation):
        raise ValueError("an organisation's id has small letters, digits, dots, hyphens and underscores")
    canonical = f"{_folded(_ordered(text))} @ {organisation}"
    return Identifier(Kind.NAME, canonical, canonical)


def person(directory: str, entry: int, shown: str = "") -> Identifier:
    """`directory`: its id. `entry`: a number from 1 that is never given to another person. `shown`: the name there."""
    return parse_person(f"{directory}/{entry}", shown)


def parse_person(text: str, shown: str = "") -> Identifier:
    """Raises WrongIdentifier."""
    if not ENTRY.match(text):
        raise WrongIdentifier(Problem.ENTRY)
    return Identifier(Kind.PERSON, text, shown or text)


def _ordered(text: str) -> str:
    """ "Last, First" as "First Last"."""
    # Before NFKC, which makes a space and an accent of what stands for an apostrophe on many keyboards.
    text = clean(APOSTROPHES.sub("", text))
    parts = [each.strip(" ") for each in COMMA.split(text)]
    if len(parts) > 2 or not all(parts):
        raise WrongIdentifier(Problem.COMMAS)
    if len(parts) == 2 and mapped(parts[1]).replace(".", "") in TITLES_AFTER:
        raise WrongIdentifier(Problem.TITLE)
    return " ".join(reversed(parts))


def _folded(text: str) -> str:
    text = BETWEEN.sub(" ", JOINERS.sub("", APOSTROPHES.sub("", text)))
    if not all(each == " " or each in LETTERS for each in text):
        raise WrongIdentifier(Problem.CHARACTER)
    text = UNWRITTEN.sub("", normalize("NFD", with_digits(mapped(text))))
    text = ACCENTS.sub(lambda found: found[1] or "е", text)
    text = SPACE_IN_EAST_ASIAN.sub(r"\1", " ".join(normalize("NFC", text.translate(LETTERS_ALIKE)).split()))
    words = normalize("NFC", text).split(" ")
    if words == [""]:
        raise WrongIdentifier(Problem.EMPTY)
    if len(words) > 1 and (words[0] in TITLES_BEFORE or words[-1] in TITLES_AFTER):
        raise WrongIdentifier(Problem.TITLE)
    # "J. Smith" is Jane and John: initials do not count.
    unspaced = any(len(each) > 1 and UNSPACED.search(each) for each in words)
    if sum(len(each) > 1 for each in words) < 2 and not unspaced:
        raise WrongIdentifier(Problem.ONE_WORD)
    return " ".join(words)
