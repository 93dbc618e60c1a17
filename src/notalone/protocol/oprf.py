# SPDX-License-Identifier: AGPL-3.0-or-later
"""Oblivious pseudorandom functions (RFC 9497), ristretto255-SHA512, in the modes OPRF and VOPRF.

    client: blind(input)                    -> blind (kept), blinded element
    server: evaluate(key, blinded element)  -> evaluated element; in VOPRF with `prove`
    client: finalize(input, blind, element) -> 64 bytes; in VOPRF after `verify`

The server learns nothing of the input, and the client nothing of the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha512
from secrets import token_bytes

from notalone.protocol.encoding import Reader, number
from notalone.protocol.errors import WrongProof
from notalone.protocol.group import (
    SCALAR_BYTES,
    Element,
    Scalar,
    Source,
    base_times,
    hash_to_element,
    hash_to_scalar,
    total,
)

OUTPUT_BYTES = 64
SEED_BYTES = 32
PROOF_BYTES = 2 * SCALAR_BYTES


class Mode(IntEnum):
    """RFC 9497, section 3.1."""

    OPRF = 0
    VOPRF = 1

    @property
    def context(self) -> bytes:
        return b"OPRFV1-" + bytes([self]) + b"-ristretto255-SHA512"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that one key evaluated all elements of a batch: 64 bytes."""

    c: Scalar
    s: Scalar

    def __bytes__(self) -> bytes:
        return bytes(self.c) + bytes(self.s)

    @classmethod
    def decode(cls, data: bytes) -> Proof:
        """Raises Undecodable."""
        reader = Reader(data, "proof")
        c, s = (Scalar.decode(reader.fixed(SCALAR_BYTES), "proof") for _ in range(2))
        reader.end()
        return cls(c, s)


def derive_key(seed: bytes, info: bytes, mode: Mode) -> Scalar:
    """DeriveKeyPair (RFC 9497, section 3.2.1): the private key of a seed of 32 bytes."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes")
    base = seed + _prefixed(info)
    for counter in range(256):
        key = hash_to_scalar(base + bytes([counter]), b"DeriveKeyPair" + mode.context)
        if key != Scalar.public(0):
            return key
    raise ValueError("this seed has no key")  # chance 2**-64000


def blind(data: bytes, mode: Mode, source: Source = token_bytes) -> tuple[Scalar, Element]:
    """The blind, to be kept secret and used once, and the blinded element. Raises ValueError where there is none."""
    secret = Scalar.random(source)
    return secret, blind_with(secret, data, mode)


def blind_with(secret: Scalar, data: bytes, mode: Mode) -> Element:
    """The element of the input, blinded."""
    return secret * _input_element(data, mode)


def evaluate(key: Scalar, blinded: Element) -> Element:
    """BlindEvaluate without its proof."""
    return key * blinded


def finalize(data: bytes, secret: Scalar, evaluated: Element) -> bytes:
    """The output, 64 bytes. In the mode VOPRF call `verify` first."""
    return _output(data, secret.inverse() * evaluated)


def evaluate_known(key: Scalar, data: bytes, mode: Mode) -> bytes:
    """Evaluate (RFC 9497, section 3.3.1): the output for an input that the server knows."""
    return _output(data, key * _input_element(data, mode))


def prove(key: Scalar, blinded: Sequence[Element], evaluated: Sequence[Element], source: Source = token_bytes) -> Proof:
    """GenerateProof (RFC 9497, section 2.2.1) for a batch."""
    public = base_times(key)
    m, _ = _composites(public, blinded, evaluated)
    z = key * m
    r = Scalar.random(source)
    c = _challenge(public, m, z, base_times(r), r * m)
    return Proof(c, r - c * key)


def verify(public: Element, blinded: Sequence[Element], evaluated: Sequence[Element], proof: Proof) -> None:
    """VerifyProof (RFC 9497, section 2.2.2). Raises WrongProof."""
    m, z = _composites(public, blinded, evaluated)
    t2 = base_times(proof.s) + proof.c * public
    t3 = proof.s * m + proof.c * z
    if _challenge(public, m, z, t2, t3) != proof.c:
        raise WrongProof("these elements were not evaluated with the key of this public key")


def _composites(public: Element, blinded: Sequence[Element], evaluated: Sequence[Element]) -> tuple[Element, Element]:
    """ComputeComposites (RFC 9497, section 2.2.2): one pair that stands for the whole batch."""
    if not 0 < len(blinded) == len(evaluated) < 1 << 16:
        raise ValueError("a batch has as many evaluated elements as blinded ones, from 1 to 65,535")
    context = Mode.VOPRF.context
    seed = sha512(_prefixed(bytes(public)) + _prefixed(b"Seed-" + context)).digest()
    weights = [
        hash_to_scalar(
            _prefixed(seed) + number(n, 2) + _prefixed(bytes(c)) + _prefixed(bytes(d)) + b"Composite",
            b"HashToScalar-" + context,
        )
        for n, (c, d) in enumerate(zip(blinded, evaluated, strict=True))
    ]
    return tuple(total(w * e for w, e in zip(weights, some, strict=True)) for some in (blinded, evaluated))  # type: ignore[return-value]


def _challenge(*elements: Element) -> Scalar:
    transcript = b"".join(_prefixed(bytes(each)) for each in elements) + b"Challenge"
    return hash_to_scalar(transcript, b"HashToScalar-" + Mode.VOPRF.context)


def _input_element(data: bytes, mode: Mode) -> Element:
    element = hash_to_element(data, b"HashToGroup-" + mode.context)
    if element.is_identity:
        raise ValueError("this input has no element")  # RFC 9497: InvalidInputError; chance 2**-252
    return element


def _output(data: bytes, element: Element) -> bytes:
    return sha512(_prefixed(data) + _prefixed(bytes(element)) + b"Finalize").digest()


def _prefixed(data: bytes) -> bytes:
    """RFC 9497 writes lengths in 2 bytes."""
    return number(len(data), 2) + data
