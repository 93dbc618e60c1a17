# SPDX-License-Identifier: AGPL-3.0-or-later
"""The words of return codes, and which of them are near to what was typed (spec/passphrase.md, sections 1 and 5)."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from notalone.protocol.errors import Undecodable

# Of the words, in the file's order, each with a line feed.
DIGEST: Final = "6d557f0693958fb5e650b68b5bee585eb82cf4da32965505c789e924743bc522"
# "yoyo" is a word of the list too, and nobody can hear which of them was said.
LEFT_OUT: Final = "yo-yo"
# Letters, without hyphens.
LONGEST: Final = 9
# With fewer letters than this, half the list would be completions.
COMPLETED_FROM: Final = 3


class WordList:
    """The words, numbered from 0 in their order. `words`: as they are written, three of them with a hyphen.

    No word, without its hyphen, begins another, so letters can be told apart into words where no spaces stand.
    """

    __slots__ = ("_letters", "_numbers", "_shared", "words")

    def __init__(self, text: str) -> None:
        """From the file's text. Raises Undecodable where it is any other list."""
        words = re.sub(r"^#.*$", "", text, flags=re.MULTILINE).split()
        if sha256("".join(f"{word}\n" for word in words).encode()).hexdigest() != DIGEST:
            raise Undecodable("word list", "is not the one that codes are made of")
        self.words = tuple(word for word in words if word != LEFT_OUT)
        self._letters = [word.replace("-", "") for word in self.words]
        self._numbers = {letters: number for number, letters in enumerate(self._letters)}
        self._shared = [_shared(a, b) for a, b in zip(["", *self._letters], self._letters, strict=False)]

    def letters(self, number: int) -> str:
        """Of a word, without its hyphen."""
        return self._letters[number]

    def read(self, letters: str) -> list[int] | None:
        """The numbers of the words that are written here one after the other; None where anything else is."""
        numbers, start = [], 0
        for end in range(1, len(letters) + 1):
            number = self._numbers.get(letters[start:end])
            if number is not None:
                numbers.append(number)
                start = end
            elif end - start > LONGEST:
                return None
        return numbers if start == len(letters) else None

    def near(self, letters: str) -> list[tuple[int, int]]:
        """(slips, number) of each word that this may have been meant for, the likeliest first; never the word itself.

        A slip is a letter too many, too few or wrong, or two that are swapped (Damerau and Levenshtein's distance, no
        piece changed twice); and one for all letters that are missing at the end. At most one in three letters, two in
        seven, and three. Of equals, what begins alike comes first.
        """
        length = len(letters)
        most = 1 if length < 4 else 2 if length < 8 else 3
        if length > LONGEST + most:
            return []
        found: list[tuple[int, int, int]] = []
        rows = [list(range(length + 1)), *([0] * (length + 1) for _ in range(LONGEST))]
        # Letters in common with the word that the rows stand for, and after how many that one was too far: 0 for never.
        common = far = 0
        for number, word in enumerate(self._letters):
            common = min(common, self._shared[number])
            if length >= COMPLETED_FROM and length < len(word) and word.startswith(letters):
                found.append((1, -length, number))
            elif not common >= far > 0 and abs(len(word) - length) <= most:
                far = _fill(rows, letters, word, common, most)
                common = LONGEST
                slips = rows[len(word)][length]
                if not far and 0 < slips <= most:
                    found.append((slips, -_shared(word, letters), number))
        return [(slips, number) for slips, _, number in sorted(found)]


@cache
def word_list() -> WordList:
    """The list as it is installed."""
    return WordList((files("notalone.protocol.words") / "eff-large.txt").read_text(encoding="utf-8"))


def _fill(rows: list[list[int]], letters: str, word: str, common: int, most: int) -> int:
    """Rows of slips for a word whose first `common` are filled. After how many all are above `most`; 0 for never."""
    for depth in range(common + 1, len(word) + 1):
        above, row, letter = rows[depth - 1], rows[depth], word[depth - 1]
        row[0] = depth
        for n, typed in enumerate(letters, 1):
            row[n] = min(above[n] + 1, row[n - 1] + 1, above[n - 1] + (letter != typed))
            if depth > 1 and n > 1 and letter == letters[n - 2] and word[depth - 2] == typed:
                row[n] = min(row[n], rows[depth - 2][n - 2] + 1)
        if min(row) > most:
            return depth
    return 0


def _shared(a: str, b: str) -> int:
    """With how many letters both begin."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
