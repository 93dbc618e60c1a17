# SPDX-License-Identifier: AGPL-3.0-or-later
"""ristretto255 (RFC 9496), a group of prime order, by libsodium.

libsodium checks no lengths, takes scalars that are not reduced, and gives the identity out as an element. So nothing of
it is called elsewhere: an `Element` or a `Scalar` that exists was checked. Operations on scalars take the same time
whatever the scalar is. A scalar is never a Python integer, except a public index (`Scalar.public`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from hashlib import sha512
from secrets import token_bytes
from typing import Final, overload

import pysodium

from notalone.protocol.errors import Undecodable

ELEMENT_BYTES = 32
SCALAR_BYTES = 32
UNIFORM_BYTES = 64
# RFC 9496, section 4: 2**252 + 27742317777372353535851937790883648493.
ORDER: Final = 0x1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED

# Where random bytes come from, that many: the system's, except where a test wants the same twice.
Source = Callable[[int], bytes]

_ZERO = bytes(32)


class Scalar:
    """An integer modulo the group's order, 32 bytes, little-endian. May be secret: no representation shows it."""

    __slots__ = ("_bytes",)

    def __init__(self, reduced: bytes) -> None:
        """Not to be called from outside: `decode`, `reduce`, `public` and `random` check or make what they take."""
        self._bytes = reduced

    @classmethod
    def decode(cls, data: bytes, what: str = "scalar") -> Scalar:
        """From 32 bytes. Raises Undecodable for another length, for what is not reduced, and for zero."""
        if len(data) != SCALAR_BYTES:
            raise Undecodable(what, f"{len(data)} bytes instead of {SCALAR_BYTES}")
        if not hmac.compare_digest(pysodium.crypto_core_ristretto255_scalar_reduce(data + _ZERO), data):
            raise Undecodable(what, "is not below the order of the group")
        if hmac.compare_digest(data, _ZERO):
            raise Undecodable(what, "is zero")
        return cls(data)

    @classmethod
    def reduce(cls, uniform: bytes) -> Scalar:
        """From 64 uniformly random bytes. Raises ValueError for another length."""
        if len(uniform) != UNIFORM_BYTES:
            raise ValueError(f"{UNIFORM_BYTES} bytes are reduced to a scalar, not {len(uniform)}")
        return cls(pysodium.crypto_core_ristretto255_scalar_reduce(uniform))

    @classmethod
    def public(cls, value: int) -> Scalar:
        """A public number, such as a trustee's index. Never a secret: Python's integers take their time by value."""
        return cls((value % ORDER).to_bytes(SCALAR_BYTES, "little"))

    @classmethod
    def random(cls, source: Source = token_bytes) -> Scalar:
        """A fresh one."""
        return cls.reduce(source(UNIFORM_BYTES))

    def __bytes__(self) -> bytes:
        return self._bytes

    def __repr__(self) -> str:
        return "Scalar(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __add__(self, other: Scalar) -> Scalar:
        return Scalar(pysodium.crypto_core_ristretto255_scalar_add(self._bytes, other._bytes))

    def __sub__(self, other: Scalar) -> Scalar:
        return Scalar(pysodium.crypto_core_ristretto255_scalar_sub(self._bytes, other._bytes))

    @overload
    def __mul__(self, other: Scalar) -> Scalar: ...
    @overload
    def __mul__(self, other: Element) -> Element: ...
    def __mul__(self, other: Scalar | Element) -> Scalar | Element:
        if isinstance(other, Element):
            return other._times(self)
        return Scalar(pysodium.crypto_core_ristretto255_scalar_mul(self._bytes, other._bytes))

    def inverse(self) -> Scalar:
        """Raises ZeroDivisionError for zero."""
        if hmac.compare_digest(self._bytes, _ZERO):
            raise ZeroDivisionError("zero has no inverse")
        return Scalar(pysodium.crypto_core_ristretto255_scalar_invert(self._bytes))


class Element:
    """An element of the group in its one encoding, 32 bytes. What was decoded is never the identity."""

    __slots__ = ("_bytes",)

    def __init__(self, encoded: bytes) -> None:
        """Not to be called from outside: `decode` and `hash_to_element` check or make what they take."""
        self._bytes = encoded

    @classmethod
    def decode(cls, data: bytes, what: str = "element") -> Element:
        """From 32 bytes. Raises Undecodable for another length, for what encodes nothing, and for the identity."""
        if len(data) != ELEMENT_BYTES:
            raise Undecodable(what, f"{len(data)} bytes instead of {ELEMENT_BYTES}")
        if not pysodium.crypto_core_ristretto255_is_valid_point(data):
            raise Undecodable(what, "is not an element of the group")
        if data == _ZERO:
            raise Undecodable(what, "is the identity")
        return cls(data)

    @classmethod
    def map(cls, uniform: bytes) -> Element:
        """Element derivation (RFC 9496, section 4.3.4) of 64 uniform bytes. Raises ValueError for another length."""
        return cls(pysodium.crypto_core_ristretto255_from_hash(uniform))

    def __bytes__(self) -> bytes:
        return self._bytes

    def __repr__(self) -> str:
        return f"Element({self._bytes.hex()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    @property
    def is_identity(self) -> bool:
        return self._bytes == _ZERO

    def __add__(self, other: Element) -> Element:
        return Element(pysodium.crypto_core_ristretto255_add(self._bytes, other._bytes))

    def __sub__(self, other: Element) -> Element:
        return Element(pysodium.crypto_core_ristretto255_sub(self._bytes, other._bytes))

    def _times(self, scalar: Scalar) -> Element:
        try:
            return Element(pysodium.crypto_scalarmult_ristretto255(scalar._bytes, self._bytes))
        except ValueError:
            # The element is valid, so this is how libsodium says that the product is the identity.
            return IDENTITY


IDENTITY: Final = Element(_ZERO)


def base_times(scalar: Scalar) -> Element:
    """scalar * g, three times faster than by g itself."""
    try:
        return Element(pysodium.crypto_scalarmult_ristretto255_base(bytes(scalar)))
    except ValueError:
        return IDENTITY


GENERATOR: Final = base_times(Scalar.public(1))


def total(elements: Iterable[Element]) -> Element:
    """Their sum; the identity of none."""
    result = IDENTITY
    for each in elements:
        result = each if result is IDENTITY else result + each
    return result


def expand_message(message: bytes, label: bytes, length: int) -> bytes:
    """expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1): `length` uniform bytes, at most 16,320."""
    blocks = -(-length // 64)
    if blocks > 255:
        raise ValueError("at most 255 blocks of 64 bytes")
    if len(label) > 255:
        label = sha512(b"H2C-OVERSIZE-DST-" + label).digest()
    label_prime = label + bytes([len(label)])
    first = sha512(bytes(128) + message + length.to_bytes(2, "big") + b"\0" + label_prime).digest()
    block = sha512(first + b"\1" + label_prime).digest()
    uniform = [block]
    for n in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = sha512(mixed + bytes([n]) + label_prime).digest()
        uniform.append(block)
    return b"".join(uniform)[:length]


def hash_to_element(message: bytes, label: bytes) -> Element:
    """hash_to_ristretto255 (RFC 9380, appendix B) with this label as domain separation."""
    return Element.map(expand_message(message, label, UNIFORM_BYTES))


def hash_to_scalar(message: bytes, label: bytes) -> Scalar:
    """HashToScalar of RFC 9497, section 4.1, with this label as domain separation."""
    return Scalar.reduce(expand_message(message, label, UNIFORM_BYTES))
