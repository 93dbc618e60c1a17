# SPDX-License-Identifier: AGPL-3.0-or-later
"""The return code: seven words from which everything of hers is derived (spec/passphrase.md).

    generate()            -> code, to be shown once; nobody can give it again
    parse(what she typed) -> code, or what may be wrong with it
    stretch(code)         -> root: 64 bytes by Argon2id, slow for whoever guesses
    root.mailbox_id() ... -> one secret for each use; none tells another

Nothing here says what she typed: no exception's message, and no representation.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha512
from secrets import token_bytes
from typing import Final
from unicodedata import category, normalize

import pysodium

from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Source
from notalone.protocol.labels import (
    PASSPHRASE_AGE,
    PASSPHRASE_CREDENTIAL,
    PASSPHRASE_DUMMY,
    PASSPHRASE_MAILBOX,
    PASSPHRASE_REPORT,
    PASSPHRASE_SALT,
    PASSPHRASE_SIGNING,
)
from notalone.protocol.seals import derive
from notalone.protocol.words import word_list

WORDS = 7
# The largest prime that leaves 84 bits: one code in 83 passes the check.
CHECK: Final = 83
RANDOM_BYTES = 32
SUGGESTIONS = 3
CORRECTIONS = 5
ROOT_BYTES = 64
KEY_BYTES = 32
CREDENTIAL_BYTES = 64
MEMORY_BYTES = 64 << 20
PASSES = 3
SALT: Final = sha512(PASSPHRASE_SALT).digest()[:16]

# Beyond this it is another text, and looking for what each of its words may mean would take long.
_TOKENS_MOST = 2 * WORDS
_SLIPS_MOST = 2
_TOKEN = re.compile(r"[^\W_]+")
_NUMBERING = re.compile(r"^\d+|\d+$")
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class ReturnCode:
    """Seven words that pass the check. No representation shows them."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Sequence[int]) -> None:
        """From the words' numbers. Raises ValueError unless they are seven and pass."""
        if len(numbers) != WORDS or not all(0 <= each < len(word_list().words) for each in numbers):
            raise ValueError(f"a return code has {WORDS} words")
        if _remainder(numbers):
            raise ValueError("these words do not pass the check")
        self._numbers = tuple(numbers)

    @property
    def words(self) -> tuple[str, ...]:
        """As they are shown to her."""
        return tuple(word_list().words[each] for each in self._numbers)

    def __bytes__(self) -> bytes:
        """What is stretched: the words with a space between each two."""
        return " ".join(self.words).encode()

    def __repr__(self) -> str:
        return "ReturnCode(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReturnCode) and hmac.compare_digest(bytes(self), bytes(other))


def generate(source: Source = token_bytes) -> ReturnCode:
    """A fresh one, of 32 random bytes. No code is likelier than 2^-84.08."""
    rest = int.from_bytes(source(RANDOM_BYTES), "big")
    count = len(word_list().words)
    numbers = []
    for _ in range(WORDS - 1):
        rest, number = divmod(rest, count)
        numbers.append(number)
    # The last word makes the sum right; about 93 words do, and one of them is drawn.
    least = -_remainder(numbers) * pow(WORDS, -1, CHECK) % CHECK
    numbers.append(least + CHECK * (rest % len(range(least, count, CHECK))))
    return ReturnCode(numbers)


# ---- what she typed ----


@dataclass(frozen=True, slots=True)
class Unknown:
    """A word that is not in the list. `position`: from 1; `suggestions`: at most three, the likeliest first."""

    position: int
    suggestions: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Correction:
    """What would make the check right: these words at these positions, counted from 1."""

    positions: tuple[int, ...]
    words: tuple[str, ...] = field(repr=False)


class Mistyped(Undecodable):
    """What was typed is no return code. One of the following three."""

    def __init__(self, problem: str) -> None:
        super().__init__("return code", problem)


class UnknownWords(Mistyped):
    """Some words are not in the list. `unknown`: which, and what may have been meant."""

    def __init__(self, unknown: Sequence[Unknown]) -> None:
        positions = ", ".join(f"word {each.position}" for each in unknown)
        super().__init__(f"not in the list: {positions}")
        self.unknown = tuple(unknown)


class WrongNumber(Mistyped):
    """There are not seven words. `count`: how many there are."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} words instead of {WORDS}")
        self.count = count


class WrongWords(Mistyped):
    """Seven words of the list that do not pass the check: one is not hers, or two are swapped."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__("a word is wrong, or two are swapped")
        self._numbers = tuple(numbers)

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        """At most five, the likeliest first: two neighbours swapped, or a word that is at most two slips away."""
        listed = word_list()
        found: list[tuple[int, Correction]] = []
        for at in range(WORDS - 1):
            swapped = (self._numbers[at + 1], self._numbers[at])
            if not _remainder(self._replaced(at, swapped)):
                found.append((1, Correction((at + 1, at + 2), tuple(listed.words[each] for each in swapped))))
        for at, number in enumerate(self._numbers):
            for slips, other in listed.near(listed.letters(number)):
                if slips <= _SLIPS_MOST and not _remainder(self._replaced(at, (other,))):
                    found.append((slips, Correction((at + 1,), (listed.words[other],))))
        return tuple(each for _, each in sorted(found, key=lambda pair: pair[0])[:CORRECTIONS])

    def _replaced(self, at: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
        return self._numbers[:at] + numbers + self._numbers[at + len(numbers) :]


def parse(text: str) -> ReturnCode:
    """The code that was typed, whatever its case, accents, numbering, and what stands between the words.

    Raises UnknownWords, WrongNumber, WrongWords: the first that holds.
    """
    tokens = _tokens(text)
    if len(tokens) > _TOKENS_MOST:
        raise WrongNumber(len(tokens))
    numbers, unknown = _read(tokens)
    if unknown:
        raise UnknownWords([_suggested(numbers, at, letters, len(unknown)) for at, letters in unknown.items()])
    known = [each for each in numbers if each is not None]
    if len(known) != WORDS:
        raise WrongNumber(len(known))
    if _remainder(known):
        raise WrongWords(known)
    return ReturnCode(known)


def _tokens(text: str) -> list[str]:
    """The pieces between spaces and signs, in plain lower-case letters. What numbers them is left out."""
    plain = "".join(each for each in normalize("NFKD", text) if not category(each).startswith(("M", "Cf"))).lower()
    return [token for token in (_NUMBERING.sub("", each) for each in _TOKEN.findall(plain)) if token]


def _read(tokens: Sequence[str]) -> tuple[list[int | None], dict[int, str]]:
    """The numbers of the words, with None for each that is unknown; and the letters of those, by where they are."""
    listed = word_list()
    numbers: list[int | None] = []
    unknown: dict[int, str] = {}
    at = 0
    while at < len(tokens):
        found, step = listed.read(tokens[at]), 1
        if found is None:
            # A word with a hyphen, or a space too many.
            found, step = listed.read("".join(tokens[at : at + 2])), 2
        if found is None or (step == 2 and len(found) > 1):
            unknown[len(numbers)] = tokens[at]
            found, step = [], 1
            numbers.append(None)
        numbers += found
        at += step
    return numbers, unknown


def _suggested(numbers: Sequence[int | None], at: int, letters: str, unknown: int) -> Unknown:
    """What may have been meant. Where all other words are known, what passes the check comes first."""
    listed = word_list()
    near = [number for _, number in listed.near(letters)]
    if unknown == 1 and len(numbers) == WORDS:
        near.sort(key=lambda number: _remainder(number if each is None else each for each in numbers) != 0)
    return Unknown(at + 1, tuple(listed.words[each] for each in near[:SUGGESTIONS]))


def _remainder(numbers: Iterable[int]) -> int:
    """0 for what passes the check: the sum of each word's number times its position."""
    return sum(position * number for position, number in enumerate(numbers, 1)) % CHECK


# ---- what is derived ----


class Root:
    """The 64 bytes that all her secrets are derived from. No representation shows them.

    `wipe` overwrites them. What Python made of them meanwhile lingers until its memory is used again.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for another length."""
        if len(key) != ROOT_BYTES:
            raise ValueError(f"a root has {ROOT_BYTES} bytes")
        self._key = bytearray(key)

    def __bytes__(self) -> bytes:
        """Raises ValueError once it was wiped, as all of the following do."""
        if not self._key:
            raise ValueError("this root was wiped")
        return bytes(self._key)

    def __repr__(self) -> str:
        return "Root(…)"

    def mailbox_id(self) -> bytes:
        """32 bytes: under which the server keeps what is for her."""
        return self._derived(PASSPHRASE_MAILBOX, KEY_BYTES)

    def age_identity(self) -> str:
        """AGE-SECRET-KEY-1…: the age identity (X25519) that messages to her are sealed for."""
        return bech32("age-secret-key-", self._derived(PASSPHRASE_AGE, KEY_BYTES)).upper()

    def report_key(self) -> bytes:
        """32 bytes: what her own account is kept under."""
        return self._derived(PASSPHRASE_REPORT, KEY_BYTES)

    def signing_seed(self, escrow: bytes) -> bytes:
        """32 bytes: the seed of her Ed25519 key in this escrow."""
        return self._derived(PASSPHRASE_SIGNING, KEY_BYTES, _named(escrow))

    def credential_secret(self, escrow: bytes) -> bytes:
        """64 bytes: what she asks this escrow's issuer with."""
        return self._derived(PASSPHRASE_CREDENTIAL, CREDENTIAL_BYTES, _named(escrow))

    def dummy_secret(self, escrow: bytes) -> bytes:
        """32 bytes: what the rows and wraps that hide her threshold in this escrow come from."""
        return self._derived(PASSPHRASE_DUMMY, KEY_BYTES, _named(escrow))

    def wipe(self) -> None:
        """Overwrite it. There is none afterwards."""
        self._key[:] = bytes(len(self._key))
        self._key = bytearray()

    def _derived(self, label: bytes, length: int, context: bytes = b"") -> bytes:
        return derive(bytes(self), label, context, length)


def stretch(code: ReturnCode) -> Root:
    """Argon2id (RFC 9106) of 64 MiB, three passes, one lane: about 0.1 s. Raises MemoryError."""
    try:
        key = pysodium.crypto_pwhash(
            ROOT_BYTES, bytes(code), SALT, PASSES, MEMORY_BYTES, pysodium.crypto_pwhash_ALG_ARGON2ID13
        )
    except ValueError:
        # All else that libsodium could refuse is fixed above.
        raise MemoryError(f"Argon2id takes {MEMORY_BYTES >> 20} MiB") from None
    return Root(key)


def bech32(prefix: str, data: bytes) -> str:
    """Bech32 (BIP 173) of a prefix in lower case and whole bytes, of any length."""
    bits = "".join(f"{byte:08b}" for byte in data)
    values = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    expanded = [*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix)]
    state = 1
    for value in (*expanded, *values, *[0] * 6):
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            state ^= generator if top >> bit & 1 else 0
    values += [(state ^ 1) >> shift & 31 for shift in range(25, -1, -5)]
    return f"{prefix}1{''.join(_BECH32[value] for value in values)}"


def _named(escrow: bytes) -> bytes:
    if not escrow:
        raise ValueError("an escrow has an id")
    return escrow
