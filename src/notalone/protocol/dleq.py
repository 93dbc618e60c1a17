# SPDX-License-Identifier: AGPL-3.0-or-later
"""One proof that many answers were made with the secrets that were committed to (spec/escrow.md, "Batched proof").

There are bases B_m. An answer is E_i = k_i B_m for one of them and a secret k_i, to which C_i = k_i g commits. The
proof shows all of it at once, for several secrets on several bases: a Schnorr proof (Fiat and Shamir's heuristic) for
sums that are weighted by the hash of everything that is claimed, the answers included. Were the answers left out of
that hash, two wrong ones could cancel in the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha512
from secrets import token_bytes

from notalone.protocol.encoding import Reader, listed, number, prefixed
from notalone.protocol.errors import WrongProof
from notalone.protocol.group import (
    SCALAR_BYTES,
    Element,
    Scalar,
    Source,
    base_times,
    expand_message,
    hash_to_scalar,
    total,
)
from notalone.protocol.labels import DLEQ_CHALLENGE, DLEQ_NONCE, DLEQ_SEED, DLEQ_WEIGHT

RANDOM_BYTES = 32
BASES_MOST = 255
CLAIMS_MOST = 65_535
ZERO = Scalar.public(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """That `answer` is to base number `base` as `commitment` is to the generator."""

    base: int
    commitment: Element
    answer: Element


@dataclass(frozen=True, slots=True)
class Proof:
    """For M bases 32 (M + 1) bytes: the challenge, and a response for each base."""

    challenge: Scalar
    responses: tuple[Scalar, ...]

    def __bytes__(self) -> bytes:
        return bytes(self.challenge) + b"".join(bytes(each) for each in self.responses)

    @classmethod
    def decode(cls, data: bytes, bases: int) -> Proof:
        """Raises Undecodable."""
        reader = Reader(data, "proof")
        challenge, *responses = (Scalar.decode(reader.fixed(SCALAR_BYTES), "proof") for _ in range(bases + 1))
        reader.end()
        return cls(challenge, tuple(responses))


def prove(
    context: bytes,
    bases: Sequence[Element],
    claims: Sequence[Claim],
    secrets: Sequence[Scalar],
    source: Source = token_bytes,
) -> Proof:
    """`secrets`: of each claim. `context`: what the proof is good for alone.

    Costs 2 multiplications of the generator and 2 of an element for each base, whatever the number of claims.
    """
    seed, weights = _weigh(context, bases, claims)
    sums = [ZERO] * len(bases)
    for claim, weight, secret in zip(claims, weights, secrets, strict=True):
        sums[claim.base] += weight * secret
    nonces = _nonces(seed, secrets, len(bases), source(RANDOM_BYTES))
    challenge = _challenge(
        seed,
        [base_times(each) for each in sums],
        total(each * base for each, base in zip(sums, bases, strict=True)),
        [base_times(each) for each in nonces],
        total(each * base for each, base in zip(nonces, bases, strict=True)),
    )
    return Proof(challenge, tuple(u - challenge * k for u, k in zip(nonces, sums, strict=True)))


def verify(context: bytes, bases: Sequence[Element], claims: Sequence[Claim], proof: Proof) -> None:
    """Raises WrongProof."""
    if len(proof.responses) != len(bases):
        raise WrongProof("the proof has not one response for each base")
    seed, weights = _weigh(context, bases, claims)
    committed = [
        total(weight * claim.commitment for claim, weight in zip(claims, weights, strict=True) if claim.base == m)
        for m in range(len(bases))
    ]
    answered = total(weight * claim.answer for claim, weight in zip(claims, weights, strict=True))
    challenge = _challenge(
        seed,
        committed,
        answered,
        [base_times(s) + proof.challenge * c for s, c in zip(proof.responses, committed, strict=True)],
        total(s * base for s, base in zip(proof.responses, bases, strict=True)) + proof.challenge * answered,
    )
    if challenge != proof.challenge:
        raise WrongProof("these answers were not made with the secrets that were committed to")


def _weigh(context: bytes, bases: Sequence[Element], claims: Sequence[Claim]) -> tuple[bytes, list[Scalar]]:
    """The hash of all that is claimed, and from it a weight for each claim."""
    if not 0 < len(bases) <= BASES_MOST or not 0 < len(claims) <= CLAIMS_MOST:
        raise ValueError("a proof has from 1 to 255 bases and from 1 to 65,535 claims")
    seed = sha512(
        prefixed(DLEQ_SEED)
        + prefixed(context)
        + listed([bytes(each) for each in bases])
        + listed([number(each.base, 1) + bytes(each.commitment) + bytes(each.answer) for each in claims])
    ).digest()
    return seed, [hash_to_scalar(seed + number(n, 2), DLEQ_WEIGHT) for n in range(len(claims))]


def _nonces(seed: bytes, secrets: Sequence[Scalar], many: int, randomness: bytes) -> list[Scalar]:
    """Hedged: secret as long as the randomness or the secrets are, and never the same for two different proofs."""
    mixed = sha512(prefixed(DLEQ_NONCE) + randomness + seed + listed([bytes(each) for each in secrets])).digest()
    return [Scalar.reduce(expand_message(mixed + number(m, 1), DLEQ_NONCE, 64)) for m in range(many)]


def _challenge(
    seed: bytes, committed: Sequence[Element], answered: Element, drawn: Sequence[Element], drawn_answer: Element
) -> Scalar:
    transcript = (*committed, answered, *drawn, drawn_answer)
    return hash_to_scalar(seed + listed([bytes(each) for each in transcript]), DLEQ_CHALLENGE)
