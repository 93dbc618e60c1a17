# SPDX-License-Identifier: AGPL-3.0-or-later
"""RSA blind signatures (RFC 9474): the signer signs what she cannot see, and cannot tell later whom she signed it for.

    client: blind(key, prepared, salt, factor)        -> blinded message
    signer: key.sign(blinded message)                 -> answer
    client: finalize(key, prepared, answer, factor)   -> signature, which anyone verifies as RSASSA-PSS

The hash is SHA-384, the exponent 65,537. With a salt of 48 bytes these are the variants RSABSSA-SHA384-PSS-Randomized
and -Deterministic; without salt, which only published vectors do here, PSSZERO.

`cryptography` makes keys and verifies. It has no RSA without padding, so the rest is here, by GMP. What is secret goes
through `powmod_sec`, the only power and the only remainder of GMP's that gmpy2 gives in a time that does not hang on
the values. Integers cannot be wiped.
"""

from __future__ import annotations

from hashlib import sha384
from secrets import token_bytes

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from gmpy2 import gcd, invert, mpz, powmod, powmod_sec

from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Source
from notalone.protocol.signatures import WrongSignature

BITS = 2048
EXPONENT = 65_537
PREFIX_BYTES = 32
SALT_BYTES = 48
HASH_BYTES = 48
# So many bytes more than the modulus has, and what is reduced by it is uniform but for 2^-128.
EXTRA_BYTES = 16

_SHA384 = SHA384()


class SigningFailed(Exception):
    """The machine computed a wrong signature. It was not given out, since it could tell the key."""


class PublicKey:
    """A modulus with the exponent 65,537. Encoded: the modulus, big-endian, with no byte to spare."""

    __slots__ = ("_bytes", "_key", "bits", "n")

    def __init__(self, n: int, bits: int) -> None:
        """Not to be called from outside: `decode` checks what it takes."""
        self.bits = bits
        self.n = mpz(n)
        self._bytes = n.to_bytes(-(-bits // 8), "big")
        self._key = rsa.RSAPublicNumbers(EXPONENT, n).public_key()

    @classmethod
    def decode(cls, data: bytes, bits: int = BITS) -> PublicKey:
        """Raises Undecodable for another length, for a modulus that is shorter or longer, and for an even one."""
        if len(data) != -(-bits // 8):
            raise Undecodable("issuer key", f"{len(data)} bytes instead of {-(-bits // 8)}")
        n = int.from_bytes(data, "big")
        if n.bit_length() != bits:
            raise Undecodable("issuer key", f"has not {bits} bits")
        if n % 2 == 0:
            raise Undecodable("issuer key", "is even")
        return cls(n, bits)

    def __bytes__(self) -> bytes:
        return self._bytes

    def __len__(self) -> int:
        """Of the modulus, of a blinded message, of a signature: in bytes."""
        return len(self._bytes)

    def __repr__(self) -> str:
        return f"PublicKey({self._bytes[:8].hex()}…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def verify(self, prepared: bytes, signature: bytes, salt_bytes: int = SALT_BYTES) -> None:
        """RSASSA-PSS-VERIFY (RFC 8017, section 8.1.2). Raises WrongSignature."""
        pss = padding.PSS(padding.MGF1(_SHA384), salt_bytes)
        try:
            self._key.verify(signature, prepared, pss, _SHA384)
        except InvalidSignature:
            raise WrongSignature(WrongSignature.__doc__) from None

    def number(self, data: bytes, what: str) -> mpz:
        """Below the modulus. Raises Undecodable for another length, and for what is not."""
        if len(data) != len(self):
            raise Undecodable(what, f"{len(data)} bytes instead of {len(self)}")
        value = mpz.from_bytes(data, "big")
        if value >= self.n:
            raise Undecodable(what, "is not below the modulus")
        return value


class SigningKey:
    """The issuer's secret half. No representation shows it."""

    __slots__ = ("_d_p", "_d_q", "_key", "_p", "_q", "_q_inverse", "public")

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        """Not to be called from outside: `generate` and `decode` make or check what they take."""
        numbers = key.private_numbers()
        self._key = key
        self._p, self._q = mpz(numbers.p), mpz(numbers.q)
        self._d_p, self._d_q = mpz(numbers.dmp1), mpz(numbers.dmq1)
        self._q_inverse = mpz(numbers.iqmp)
        self.public = PublicKey.decode(numbers.public_numbers.n.to_bytes(-(-key.key_size // 8), "big"), key.key_size)

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh one of 2048 bits, by OpenSSL and its own randomness."""
        return cls(rsa.generate_private_key(EXPONENT, BITS))

    @classmethod
    def decode(cls, data: bytes, bits: int = BITS) -> SigningKey:
        """From PKCS #8 in DER, as `export` writes it. Raises Undecodable, also for a key that does not fit together."""
        try:
            key = load_der_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Undecodable("issuer's signing key", "is not PKCS #8 in DER, or was changed") from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != bits:
            raise Undecodable("issuer's signing key", f"is not RSA of {bits} bits")
        if key.public_key().public_numbers().e != EXPONENT:
            raise Undecodable("issuer's signing key", f"has another exponent than {EXPONENT}")
        return cls(key)

    def export(self) -> bytes:
        """PKCS #8 in DER, not encrypted."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def __repr__(self) -> str:
        return "SigningKey(…)"

    def sign(self, blinded: bytes, source: Source = token_bytes) -> bytes:
        """BlindSign (RFC 9474, section 4.3). Raises Undecodable, SigningFailed.

        The key only meets the message times a fresh power, so whoever chose the message cannot time it.
        """
        n = self.public.n
        message = self.public.number(blinded, "blinded message")
        factor = _reduced(_number(source(len(self.public) + EXTRA_BYTES)), n)
        hidden = message * powmod_sec(factor, EXPONENT, n)
        modulo_p = powmod_sec(hidden, self._d_p, self._p)
        modulo_q = powmod_sec(hidden, self._d_q, self._q)
        # n is 0 modulo p, and keeps the difference above 0: below it, GMP would take another way.
        rest = _reduced((modulo_p + n - modulo_q) * self._q_inverse, self._p)
        result = _reduced((modulo_q + self._q * rest) * invert(factor, n), n)
        # A fault in one of the halves would give p or q away (Boneh, DeMillo, Lipton 1997).
        if powmod(result, EXPONENT, n) != message:
            raise SigningFailed(SigningFailed.__doc__)
        return _written(result, self.public)


def prepare(message: bytes, prefix: bytes) -> bytes:
    """PrepareRandomize (RFC 9474, section 4.1) with this prefix of 32 bytes; PrepareIdentity with an empty one."""
    if len(prefix) not in (0, PREFIX_BYTES):
        raise ValueError(f"a prefix has {PREFIX_BYTES} bytes")
    return prefix + message


def blind(key: PublicKey, prepared: bytes, salt: bytes, factor: bytes) -> bytes:
    """Blind (RFC 9474, section 4.2): the blinded message.

    `factor`: r, as uniform bytes, 16 more than the modulus has. It is secret, and good for this message and key alone:
    of two messages with one factor the issuer would learn their quotient. Raises Undecodable for a key that shares a
    divisor with the result, which no honest one does.
    """
    hidden = encode(prepared, salt, key.bits - 1) * powmod_sec(_number(factor), EXPONENT, key.n)
    blinded = _reduced(hidden, key.n)
    # RFC 9474 asks this of the encoded message and of r, each on its own; their product is public.
    if gcd(blinded, key.n) != 1:
        raise _divisor()
    return _written(blinded, key)


def finalize(
    key: PublicKey,
    prepared: bytes,
    answer: bytes,
    factor: bytes,
    salt_bytes: int = SALT_BYTES,
    source: Source = token_bytes,
) -> bytes:
    """Finalize (RFC 9474, section 4.4): the signature, verified. Raises Undecodable, WrongSignature."""
    value = key.number(answer, "answer of the issuer")
    # Euclid's algorithm takes its time by what it inverts, so it only ever sees r times something fresh.
    fresh = _reduced(_number(source(len(key) + EXTRA_BYTES)), key.n)
    try:
        inverse = fresh * invert(_reduced(fresh * _number(factor), key.n), key.n)
    except ZeroDivisionError:
        raise _divisor() from None
    signature = _written(_reduced(value * inverse, key.n), key)
    key.verify(prepared, signature, salt_bytes)
    return signature


def encode(prepared: bytes, salt: bytes, bits: int) -> mpz:
    """EMSA-PSS-ENCODE (RFC 8017, section 9.1.1), as a number of that many bits. Raises ValueError for too few."""
    length = -(-bits // 8)
    digest = sha384(bytes(8) + sha384(prepared).digest() + salt).digest()
    data = bytes(length - len(salt) - HASH_BYTES - 2) + b"\1" + salt
    mask = b"".join(sha384(digest + n.to_bytes(4, "big")).digest() for n in range(-(-len(data) // HASH_BYTES)))
    masked = bytes(a ^ b for a, b in zip(data, mask, strict=False))
    return _number(masked + digest + b"\xbc") & ((1 << bits) - 1)


def _number(data: bytes) -> mpz:
    return mpz.from_bytes(data, "big")


def _written(value: mpz, key: PublicKey) -> bytes:
    return bytes(value.to_bytes(len(key), "big"))


def _reduced(value: mpz, modulus: mpz) -> mpz:
    """Modulo an odd number, in a time that does not hang on the value: its first power."""
    return powmod_sec(value, 1, modulus)


def _divisor() -> Undecodable:
    return Undecodable("issuer key", "shares a divisor with what it should sign")
