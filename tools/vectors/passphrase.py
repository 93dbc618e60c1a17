# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/passphrase.json: what is published is kept from the file, all else is made anew.

.venv/bin/python -m tools.vectors.passphrase
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from notalone.protocol.passphrase import (
    CHECK,
    WORDS,
    Correction,
    Mistyped,
    ReturnCode,
    Unknown,
    UnknownWords,
    WrongNumber,
    WrongWords,
    generate,
    parse,
    stretch,
)
from notalone.protocol.words import word_list

FILE = Path(__file__).parents[2] / "vectors" / "passphrase.json"
ABOUT = (
    "Return codes (spec/passphrase.md). `published`: Argon2id of RFC 9106, section 5.3, and those strings of BIP 173"
    " whose data are whole bytes. `generated`: codes from 32 random bytes. `typed`: what somebody typed; where it is"
    " not valid, `error` says which of unknown, number and words it is, with what is to be suggested. `derived`: what"
    " comes of a code and an escrow's id. Bytes are hexadecimal."
)


def main() -> None:
    made = {
        "about": ABOUT,
        "published": json.loads(FILE.read_text())["published"],
        "generated": generated(),
        "typed": [typed(why, text) for why, text in (*readings(), *mistakes())],
        "derived": [derived(why, words, escrow) for why, words, escrow in derivations()],
    }
    print(json.dumps(made, indent=2, ensure_ascii=False))


def generated() -> list[dict[str, Any]]:
    cases = [
        ("no bit set", bytes(32)),
        ("every bit set", b"\xff" * 32),
        ("counting", bytes(range(32))),
        *((f"random, {n}", sha256(f"passphrase {n}".encode()).digest()) for n in range(1, 5)),
    ]
    return [{"why": why, "randomness": data.hex(), "words": list(drawn(data).words)} for why, data in cases]


def drawn(data: bytes) -> ReturnCode:
    return generate(lambda _: data)


def derivations() -> list[tuple[str, tuple[str, ...], bytes]]:
    return [
        ("a code", FIRST, sha256(b"escrow 1").digest()),
        ("the same code, another escrow", FIRST, sha256(b"escrow 2").digest()),
        ("words with hyphens, a short id", HYPHENS, b"\0"),
    ]


def derived(why: str, words: tuple[str, ...], escrow: bytes) -> dict[str, Any]:
    root = stretch(parse(" ".join(words)))
    return {
        "why": why,
        "words": list(words),
        "escrow": escrow.hex(),
        "root": bytes(root).hex(),
        "mailbox": root.mailbox_id().hex(),
        "age": root.age_identity(),
        "report": root.report_key().hex(),
        "signing": root.signing_seed(escrow).hex(),
        "credential": root.credential_secret(escrow).hex(),
        "dummy": root.dummy_secret(escrow).hex(),
    }


def readings() -> list[tuple[str, str]]:
    words = FIRST
    plain = " ".join(words)
    hyphens = " ".join(HYPHENS)
    return [
        ("as it is shown", plain),
        ("capitals", plain.upper()),
        ("a capital each, as telephones do", " ".join(word.capitalize() for word in words)),
        ("spaces and lines too many", f"\n  {plain.replace(' ', '   ')}\t\n\n"),
        ("no-break and ideographic spaces", "\u00a0".join(words[:4]) + "\u3000" + "\u2003".join(words[4:])),
        ("hyphens", "-".join(words)),
        (
            "dashes of every kind",
            "\u2010".join(words[:3]) + "\u2013" + "\u2014".join(words[3:5]) + "\u2212" + "\ufe63".join(words[5:]),
        ),
        ("commas, a full stop", ", ".join(words) + "."),
        ("underscores and slashes", "_".join(words[:4]) + "/" + "/".join(words[4:])),
        ("numbered lines", "\n".join(f"{n}. {word}" for n, word in enumerate(words, 1))),
        ("numbered without spaces", " ".join(f"{n}{word}" for n, word in enumerate(words, 1))),
        ("numbered after each", " ".join(f"{word}({n})" for n, word in enumerate(words, 1))),
        (
            "numbered in Arabic digits and in circles",
            f"\u0661. {words[0]} \u0662) {words[1]} \u2462 " + " ".join(words[2:]),
        ),
        ("quotation marks", f"\u201c{plain}\u201d"),
        ("no spaces at all", "".join(words)),
        ("some spaces missing", "".join(words[:2]) + " " + "".join(words[2:])),
        ("a space within a word", f"{words[0][:3]} {words[0][3:]} " + " ".join(words[1:])),
        ("full-width letters", "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in plain)),
        ("an accent, composed", plain.replace("e", "\u00e9", 1)),
        ("an accent, combining", plain.replace("e", "e\u0302", 1)),
        ("a capital I with a dot, of Turkish keyboards", plain.replace("i", "\u0130")),
        (
            "soft hyphens, zero-width spaces, marks of direction",
            f"\u202b\ufeff{words[0][:2]}\u00ad{plain[2:]}\u200b\u200f",
        ),
        ("words with hyphens, as they are shown", hyphens),
        ("words with hyphens, written as one", hyphens.replace("-", "")),
        ("words with hyphens, written as two", hyphens.replace("-", " ")),
        ("words with hyphens, hyphens everywhere", hyphens.replace(" ", "-")),
        ("yo-yo, which is yoyo", hyphens.replace("yoyo", "yo-yo")),
        ("yo yo, which is yoyo", hyphens.replace("yoyo", "Yo Yo")),
    ]


def mistakes() -> list[tuple[str, str]]:
    words = FIRST
    plain = " ".join(words)
    swapped = [words[0], words[2], words[1], *words[3:]]
    return [
        ("nothing", ""),
        ("only signs and numbers", "1. 2. 3. 4. \u2026 7!"),
        ("six words", " ".join(words[:-1])),
        ("eight words", f"{plain} {words[0]}"),
        ("twice", f"{plain} {plain}"),
        ("fifteen pieces", f"{plain} {plain} a"),
        (
            "another text",
            "I wrote it down somewhere, but I am not sure any more whether it was this drawer or another one",
        ),
        ("one word unknown, a letter swapped", " ".join([*words[:2], slipped(words[2]), *words[3:]])),
        ("one word unknown, its end missing", " ".join([*words[:4], words[4][:-2], *words[5:]])),
        ("one word unknown, what fits comes before what is nearer", " ".join(fitting(words))),
        ("two words unknown", " ".join([slipped(words[0]), *words[1:6], words[6] + "s"])),
        ("a digit for a letter", " ".join([words[0], *words[1:6], words[6][0] + "0" + words[6][2:]])),
        ("nothing is near", " ".join(["qqqqqqqq", *words[1:]])),
        ("too long to be near anything", " ".join(["q" * 5000, *words[1:]])),
        ("letters of another script", " ".join(["\u0441\u0430\u0442", "\U0001d4b3\U00010400bacus", *words[2:]])),
        ("an unknown word, and one too few", " ".join([*words[:3], "zooom", *words[5:]])),
        ("two neighbours swapped", " ".join(swapped)),
        ("two words swapped that are not neighbours", " ".join([words[6], *words[1:6], words[0]])),
        ("another word of the list, one slip away", " ".join(confused())),
        ("another word of the list", " ".join(["zoom", *words[1:]])),
        ("the order turned round", " ".join(reversed(words))),
    ]


def typed(why: str, text: str) -> dict[str, Any]:
    try:
        code = parse(text)
    except Mistyped as error:
        return {"why": why, "typed": text, "valid": False, "error": refused(error)}
    return {"why": why, "typed": text, "valid": True, "words": list(code.words)}


def refused(error: Mistyped) -> dict[str, Any]:
    if isinstance(error, UnknownWords):
        return {"kind": "unknown", "unknown": [shown(each) for each in error.unknown]}
    if isinstance(error, WrongNumber):
        return {"kind": "number", "count": error.count}
    if isinstance(error, WrongWords):
        return {"kind": "words", "corrections": [shown(each) for each in error.corrections]}
    raise TypeError(error)


def shown(help_: Unknown | Correction) -> dict[str, Any]:
    if isinstance(help_, Unknown):
        return {"position": help_.position, "suggestions": list(help_.suggestions)}
    return {"positions": list(help_.positions), "words": list(help_.words)}


def completed(*words: str) -> tuple[str, ...]:
    """Six words and the first that makes them a code."""
    listed = word_list()
    numbers = [listed.words.index(word) for word in words]
    for last in range(CHECK):
        try:
            return ReturnCode([*numbers, last]).words
        except ValueError:
            continue
    raise ValueError(f"{WORDS - 1} words are completed")


def slipped(word: str) -> str:
    """Its second and third letters swapped."""
    return word[0] + word[2] + word[1] + word[3:]


def fitting(words: Sequence[str]) -> list[str]:
    """A code with "shrug", written "shrt": "shirt" and "shut" are nearer, and the check tells."""
    return ["shrt", *completed("shrug", *words[1:6])[1:]]


def confused() -> list[str]:
    """A code with "curve", typed with "carve"."""
    code = completed("gondola", "curve", "banana", "zoologist", "t-shirt", "plaza")
    return [code[0], "carve", *code[2:]]


FIRST = drawn(sha256(b"passphrase 1").digest()).words
HYPHENS = completed("t-shirt", "drop-down", "felt-tip", "yoyo", "down", "shirt")


if __name__ == "__main__":
    main()
