# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes the tables of letters for Python and for the browser (spec/identifiers.md, section 2), from Unicode 14.0.

    .venv/bin/python -m tools.letters

Python 3.11 brings Unicode 14.0; with another version there would be another table, so others are refused.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import idna
from idna import idnadata, intranges

UNICODE = "14.0.0"
ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "src/notalone/protocol/identifiers/letters.py"
BROWSER = ROOT / "browser/src/identifiers/letters.ts"
# Two letter cases whose mapping IDNA turned round after Unicode 8.0: letters for a name, but not in a domain.
CHEROKEE = {*range(0x13A0, 0x1400), *range(0xAB70, 0xABC0)}
CATEGORIES = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"}
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

ABOUT = (
    "Letters, marks and digits of Unicode 14.0, by tools/letters.py. A range: its distance from the end of the last,"
)
MORE = "and after a comma its length less one, to the base 36."


def mapped(text: str) -> str:
    lower = "".join(each.lower() for each in unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", lower)


def mapped_by_idna(character: str) -> str | None:
    """UTS 46, not transitional, with STD 3 rules; None where it refuses."""
    try:
        return idna.uts46_remap(character, std3_rules=True, transitional=False)
    except idna.IDNAError:
        return None


def tables() -> dict[str, str]:
    every = [c for c in range(0x110000) if unicodedata.category(chr(c)) in CATEGORIES]
    known = set(every)
    letters = {
        c
        for c in every
        if c in CHEROKEE
        or (mapped(chr(c)) == mapped_by_idna(chr(c)) and all(ord(each) in known for each in mapped(chr(c))))
    }
    letters |= {c for c in known if unicodedata.category(chr(c)) == "Nd"}
    stable = {c for c in letters if c >= 0x80 and mapped(chr(c)) == chr(c)}
    valid = idnadata.codepoint_classes["PVALID"]
    outside = {c for c in stable if not intranges.intranges_contain(c, valid)} | (CHEROKEE & letters)
    zeros = {c for c in letters if unicodedata.category(chr(c)) == "Nd" and unicodedata.digit(chr(c)) == 0}
    return {"LETTERS": packed(letters), "NOT_IN_DOMAINS": packed(outside), "ZEROS": packed(zeros, join=False)}


def packed(points: Iterable[int], join: bool = True) -> str:
    ranges: list[list[int]] = []
    for c in sorted(points):
        if join and ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    end, out = 0, []
    for first, last in ranges:
        out.append(base36(first - end) + (f",{base36(last - first)}" if last > first else ""))
        end = last
    return " ".join(out)


def base36(value: int) -> str:
    head, digit = divmod(value, 36)
    return (base36(head) if head else "") + DIGITS[digit]


def lines(text: str) -> str:
    out = [""]
    for word in text.split():
        if len(out[-1]) + len(word) > 110:
            out.append("")
        out[-1] += f" {word}" if out[-1] else word
    return "\n".join(out)


def main() -> int:
    if unicodedata.unidata_version != UNICODE:
        print(
            f"tools/letters.py takes Python with Unicode {UNICODE}, not {unicodedata.unidata_version}", file=sys.stderr
        )
        return 1
    found = tables()
    licence = "SPDX-License-Identifier: AGPL-3.0-or-later"
    python = "\n".join(f'{name} = """\n{lines(text)}\n"""' for name, text in found.items())
    PYTHON.write_text(f'# {licence}\n"""{ABOUT}\n{MORE}\n"""\n\n{python}\n')
    browser = "\n".join(f"export const {name} = `\n{lines(text)}\n`;" for name, text in found.items())
    BROWSER.write_text(f"// {licence}\n// {ABOUT}\n// {MORE}\n\n{browser}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
