# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keys of an escrow, and who holds shares of them (spec/ceremony.md, section 1).

There is a key for the tag, and for each level j from 2 on the coefficients k[j,a,b] of a random polynomial in two
variables, X^a V^b with a and b below j. Trustees answer about a point x with the exponents that `exponents` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notalone.protocol.encoding import Reader, number, prefixed
from notalone.protocol.errors import Undecodable
from notalone.protocol.group import ELEMENT_BYTES, SCALAR_BYTES, Element, Scalar, total
from notalone.protocol.rsa_blind import BITS, PublicKey
from notalone.protocol.signatures import KEY_BYTES, VerifyKey

LEVEL_LEAST = 2
LEVEL_MOST = 10
TRUSTEES_MOST = 16
NAME_BYTES_MOST = 200
TAG = 0


def levels(highest: int) -> range:
    """From 2 to the highest. Raises ValueError for one that is not from 2 to 10."""
    if not LEVEL_LEAST <= highest <= LEVEL_MOST:
        raise ValueError(f"the highest level is from {LEVEL_LEAST} to {LEVEL_MOST}")
    return range(LEVEL_LEAST, highest + 1)


def key_count(highest: int) -> int:
    """How many keys there are: 55 for the levels 2 to 5."""
    return 1 + sum(j * j for j in levels(highest))


def coefficient(level: int, a: int, b: int) -> int:
    """Which key k[level,a,b] is. The tag's is 0."""
    return 1 + sum(j * j for j in range(LEVEL_LEAST, level)) + level * a + b


@dataclass(frozen=True, slots=True)
class Trustee:
    """An organisation that holds shares. `index`: from 1 on, never given to another. `sealing`: for questions."""

    index: int
    name: str
    signing: VerifyKey
    sealing: Element

    def __bytes__(self) -> bytes:
        return number(self.index, 2) + prefixed(self.name.encode()) + bytes(self.signing) + bytes(self.sealing)

    @classmethod
    def read(cls, reader: Reader) -> Trustee:
        """Raises Undecodable."""
        index, name = reader.number(2), reader.prefixed(NAME_BYTES_MOST)
        signing, sealing = (
            VerifyKey(reader.fixed(KEY_BYTES)),
            Element.decode(reader.fixed(ELEMENT_BYTES), "sealing key"),
        )
        if index == 0:
            raise Undecodable("trustee", "has the index 0, which would be the key itself")
        try:
            return cls(index, name.decode(), signing, sealing)
        except UnicodeDecodeError:
            raise Undecodable("trustee", "has a name that is not UTF-8") from None


def in_order(indices: Sequence[int]) -> bool:
    """Whether they go up, none twice."""
    return list(indices) == sorted(set(indices))


def are_distinct(some: Sequence[Trustee]) -> bool:
    """Whether no key is there twice: one organisation under several indices would be a quorum by itself."""
    return len({each.signing for each in some}) == len({each.sealing for each in some}) == len(some)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an escrow is run by. All of it is in the plan of every ceremony, so that nobody chooses any of it later.

    `bucket_bits`: that each name shows; `budget`: identifiers that one credential may ask about in its life;
    `credentials`: the most that the issuer may give, the published size of the roster; `counsellors`: who names the
    readers.
    """

    bucket_bits: int
    budget: int
    credentials: int
    issuer: PublicKey
    counsellors: VerifyKey

    def __bytes__(self) -> bytes:
        return (
            number(self.bucket_bits, 1)
            + number(self.budget, 4)
            + number(self.credentials, 4)
            + bytes(self.issuer)
            + bytes(self.counsellors)
        )

    @classmethod
    def read(cls, reader: Reader) -> Terms:
        """Raises Undecodable."""
        bucket_bits, budget, credentials = reader.number(1), reader.number(4), reader.number(4)
        issuer, counsellors = PublicKey.decode(reader.fixed(BITS // 8)), VerifyKey(reader.fixed(KEY_BYTES))
        return cls(bucket_bits, budget, credentials, issuer, counsellors)

    @property
    def lasting(self) -> tuple[bytes, bytes]:
        """What stays the same as long as the escrow lives."""
        return bytes(self.issuer), bytes(self.counsellors)


class KeyShares:
    """A trustee's share of every key, in one buffer that is wiped.

    What Python makes of a share while it computes with it is `bytes`, and lingers until its memory is used again. So
    the process that holds this is one that cannot be dumped, and whose memory is not swapped.
    """

    __slots__ = ("_buffer", "index")

    def __init__(self, index: int, shares: Sequence[Scalar]) -> None:
        self.index = index
        self._buffer = bytearray(b"".join(bytes(each) for each in shares))

    @classmethod
    def decode(cls, index: int, data: bytes | bytearray, count: int) -> KeyShares:
        """Of `count` keys, as `export` wrote them. Raises Undecodable."""
        reader = Reader(bytes(data), "key shares")
        shares = [Scalar.decode(reader.fixed(SCALAR_BYTES), "key shares") for _ in range(count)]
        reader.end()
        return cls(index, shares)

    def __repr__(self) -> str:
        return f"KeyShares(index={self.index}, …)"

    def __len__(self) -> int:
        return len(self._buffer) // SCALAR_BYTES

    def __getitem__(self, key: int) -> Scalar:
        """Raises IndexError, as it does for all once they were wiped."""
        if not 0 <= key < len(self):
            raise IndexError(key)
        return Scalar(bytes(self._buffer[key * SCALAR_BYTES : (key + 1) * SCALAR_BYTES]))

    def export(self) -> bytearray:
        """Every share, 32 bytes each. To be wiped by who takes it."""
        return bytearray(self._buffer)

    def wipe(self) -> None:
        """Overwrite them all. There are none afterwards."""
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer = bytearray()


@dataclass(frozen=True, slots=True)
class Exponent:
    """One that a trustee answers with, on base number `base`: a first key, and others times public factors.

    Base 0 is the tag's, base 1 that of level 2, and so on.
    """

    base: int
    first: int
    others: tuple[tuple[int, Scalar], ...] = ()

    def of(self, shares: KeyShares) -> Scalar:
        """A trustee's share of it."""
        value = shares[self.first]
        for key, factor in self.others:
            value += factor * shares[key]
        return value

    def committed(self, keys: Sequence[Element]) -> Element:
        """The same times the generator, from every key (or share of it) times the generator."""
        return total((keys[self.first], *(factor * keys[key] for key, factor in self.others)))


def exponents(highest: int, x: Scalar) -> list[Exponent]:
    """The tag's key; then for each level j the j coefficients in V of k_j(x, V), and the value k_j(0, x).

    1 + 3 + 4 + 5 + 6 = 19 for the levels 2 to 5.
    """
    powers = [Scalar.public(1)]
    for _ in range(highest - 1):
        powers.append(powers[-1] * x)
    result = [Exponent(0, TAG)]
    for base, j in enumerate(levels(highest), 1):
        rest = range(1, j)
        for b in range(j):
            row = tuple((coefficient(j, a, b), powers[a]) for a in rest)
            result.append(Exponent(base, coefficient(j, 0, b), row))
        value = tuple((coefficient(j, 0, b), powers[b]) for b in rest)
        result.append(Exponent(base, coefficient(j, 0, 0), value))
    return result
