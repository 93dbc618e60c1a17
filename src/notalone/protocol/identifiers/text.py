# SPDX-License-Identifier: AGPL-3.0-or-later
"""Text in one form (spec/identifiers.md, section 2), the same in every language and with every version of Unicode.

Characters newer than Unicode 14.0 are refused. For all others the standard promises that NFKC stays as it is, and the
tests compare what Python and the browser make of each.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final
from unicodedata import normalize

from notalone.protocol.identifiers import letters
from notalone.protocol.identifiers.identifier import Problem, WrongIdentifier


class Ranges:
    """A set of characters, from a table that tools/letters.py wrote."""

    def __init__(self, table: str) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        end = 0
        for word in table.split():
            distance, _, more = word.partition(",")
            self._firsts.append(end + int(distance, 36))
            end = self._firsts[-1] + int(more or "0", 36)
            self._lasts.append(end)

    def __contains__(self, character: str) -> bool:
        at = bisect_right(self._firsts, ord(character)) - 1
        return at >= 0 and ord(character) <= self._lasts[at]

    def offset(self, character: str) -> int:
        """How far it is from the first of the range that begins last before it; -1 where there is none."""
        at = bisect_right(self._firsts, ord(character)) - 1
        return ord(character) - self._firsts[at] if at >= 0 else -1


LETTERS: Final = Ranges(letters.LETTERS)
NOT_IN_DOMAINS: Final = Ranges(letters.NOT_IN_DOMAINS)
ZEROS: Final = Ranges(letters.ZEROS)

# Shown as nothing and pasted along unnoticed. The two joiners (U+200C, U+200D) can tell domains apart and stay.
INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
JOINERS = re.compile("[\u200c\u200d]")
SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
# Besides letters: ASCII, Latin-1's and general punctuation, that of East Asia, Hebrew and Arabic, full-width forms.
PUNCTUATION = re.compile(
    "[ -~\xa0-\xbf\xd7\xf7\u02c2-\u02df\u05be\u05f3\u05f4\u060c\u06d4\u200c\u200d"
    "\u2010-\u2027\u2030-\u205e\u2212\u2215"
    "\u3000-\u303f\u30a0\u30fb\ufe50-\ufe52\ufe54-\ufe66\ufe68-\ufe6b\uff01-\uffbe]"
)


def clean(text: str) -> str:
    """NFKC, one space for any white space, none around it. Raises WrongIdentifier, EMPTY and CHARACTER."""
    text = trimmed(text)
    check_characters(text)
    text = trimmed(normalize("NFKC", text))
    if not text:
        raise WrongIdentifier(Problem.EMPTY)
    return text


def trimmed(text: str) -> str:
    """One space for any white space, none around it, and nothing invisible."""
    return SPACES.sub(" ", INVISIBLE.sub("", text)).strip(" ")


def check_characters(text: str) -> None:
    """Raises WrongIdentifier, CHARACTER, for what Unicode 14.0 did not have and for what stands in no identifier."""
    if not all(PUNCTUATION.match(each) or each in LETTERS for each in text):
        raise WrongIdentifier(Problem.CHARACTER)


def mapped(text: str) -> str:
    """In small letters and NFKC. For every letter of a domain what UTS 46, not transitional, makes of it."""
    # One by one: of a whole word Python and browsers make the last sigma another letter, and UTS 46 does not.
    return normalize("NFKC", "".join(each.lower() for each in normalize("NFKC", text)))


def with_digits(text: str) -> str:
    """Every script's decimal digits as 0 to 9."""
    return "".join(str(ZEROS.offset(each)) if 0 <= ZEROS.offset(each) < 10 else each for each in text)
