# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/identifiers.json. The canonical forms in identifiers.txt were written by hand, and are
compared with what is parsed.

.venv/bin/python -m tools.vectors.identifiers > vectors/identifiers.json
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from notalone.protocol.identifiers import Hints, Kind, WrongIdentifier, parse
from notalone.protocol.identifiers.telephone import DATA
from notalone.protocol.identifiers.text import LETTERS, NOT_IN_DOMAINS, mapped, with_digits

ABOUT = (
    "Identifiers in canonical form (spec/identifiers.md). `same`: whoever types one of `typed` means the same, with "
    "the hints given (`country`, `network`, `organisation`); `encoded` is hexadecimal. Different canonical forms are "
    "different people. `refused`: with the problem named. `telephones`: for each country what is dialled there and the "
    "number in E.164, by Google's example numbers of every type. `punycode`: RFC 3492, section 7.1. `letters`: SHA-256 "
    "over what becomes of every letter, by the function `letters` of tools/vectors/identifiers.py."
)
CASES = Path(__file__).with_suffix(".txt")
# RFC 3492, section 7.1, (A) to (S), those with letters that the codecs take as they are.
PUNYCODE = [
    ("Arabic", "ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
    ("Chinese, simplified", "他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
    ("Chinese, traditional", "他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"),
    ("Czech", "Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"),
    ("Hebrew", "למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"),
    ("Hindi", "यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"),
    ("Japanese", "なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"),
    ("Spanish", "PorquénopuedensimplementehablarenEspañol", "PorqunopuedensimplementehablarenEspaol-fmd56a"),
    ("Vietnamese", "TạisaohọkhôngthểchỉnóitiếngViệt", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"),
    ("with digits", "3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"),
    ("with hyphens", "安室奈美恵-with-SUPER-MONKEYS", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"),
    ("with a hyphen before", "Hello-Another-Way-それぞれの場所", "Hello-Another-Way--fc4qua05auwb3674vfr0b"),
    ("a digit behind", "ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"),
    ("between", "MajiでKoiする5秒前", "MajiKoi5-783gue6qz075azm5e"),
    ("katakana", "パフィーdeルンバ", "de-jg4avhby1noc0d"),
    ("kana", "そのスピードで", "d9juau41awczczp"),
    ("ASCII", "-> $1.00 <-", "-> $1.00 <--"),
]


def about(line: str) -> tuple[str, dict[str, str], str]:
    """Kind, hints and why."""
    head, why = line.split(": ", 1)
    kind, *hints = head.split(" ")
    return kind, {name: value for name, _, value in (each.partition("=") for each in hints)}, why


def plain(text: str) -> str:
    text = re.sub(r"\\(?:x(..)|u(....)|U(.{8}))", lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)
    return re.sub(r"\{([0-9]+) of (.+?)\}", lambda found: int(found[1]) * found[2], text)


def same(paragraph: str) -> dict[str, Any]:
    (kind, hints, why), canonical, *typed = about(paragraph.split("\n")[0]), *map(plain, paragraph.split("\n")[1:])
    found = [parse(Kind[kind.upper()], each, Hints(**hints)) for each in typed]
    wrong = [each for each, one in zip(typed, found, strict=True) if one.canonical != canonical]
    if wrong:
        raise SystemExit(f"{why}: {wrong} is not {canonical} but {[one.canonical for one in found]}")
    return {
        "why": why,
        "kind": kind,
        **hints,
        "canonical": canonical,
        "shown": found[0].shown,
        "encoded": found[0].encode().hex(),
        "typed": typed,
    }


def refused(line: str) -> dict[str, Any]:
    problem, whole, why, typed = line.split(" | ", 3)
    kind, hints, _ = about(f"{whole}: {why}")
    typed = plain(typed)
    try:
        found = parse(Kind[kind.upper()], typed, Hints(**hints))
    except WrongIdentifier as error:
        if error.problem.code != problem:
            raise SystemExit(f"{why}: {error.problem.code}") from None
    else:
        raise SystemExit(f"{why}: {found.canonical}")
    return {"why": why, "kind": kind, **hints, "problem": problem, "typed": typed}


def telephones() -> dict[str, str]:
    """For each country "dialled there = E.164", with "; " between."""
    types = sorted(value for value in vars(PhoneNumberType).values() if isinstance(value, int))
    out = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        found = {}
        for each in types:
            number = phonenumbers.example_number_for_type(region, each)
            if number is not None and phonenumbers.is_valid_number(number):
                national, international = (
                    phonenumbers.format_number(number, form)
                    for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.E164)
                )
                if parse(Kind.TELEPHONE, national, Hints(country=region)).canonical != international:
                    raise SystemExit(f"{region}: {national} is not {international}")
                found[national] = international
        out[region] = "; ".join(f"{national} = {international}" for national, international in found.items())
    return out


def letters() -> str:
    """SHA-256 over a line for each letter: its code point, whether it may stand in a domain, what it becomes as one, in
    a number, and as a part of a name (or the problem)."""
    digest = hashlib.sha256()
    for point in range(0x110000):
        letter = chr(point)
        if letter not in LETTERS:
            continue
        try:
            name = parse(Kind.NAME, f"ab {letter}cd", Hints(organisation="o")).canonical
        except WrongIdentifier as error:
            name = error.problem.code
        domain = "n" if letter in NOT_IN_DOMAINS else "d"
        digest.update(f"{point:x} {domain} {mapped(letter)} {with_digits(letter)} {name}\n".encode())
    return digest.hexdigest()


def main() -> None:
    _, groups, lines = CASES.read_text().split("\n\n----\n")
    print(
        json.dumps(
            {
                "about": ABOUT,
                "same": [same(each) for each in groups.split("\n\n")],
                "refused": [refused(each) for each in lines.splitlines()],
                "data": DATA,
                "telephones": telephones(),
                "punycode": [{"why": why, "text": text, "encoded": encoded} for why, text, encoded in PUNYCODE],
                "letters": letters(),
            },
            ensure_ascii=False,
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
