# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small escrow for the tools beside this one: the same trustees, issuer, counsellors and people each time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha512

import pyrage

from notalone.protocol.credentials import Credential, ask, finish, holder_message
from notalone.protocol.descriptor import Descriptor
from notalone.protocol.group import Scalar, base_times
from notalone.protocol.keys import KeyShares, Terms, Trustee, key_count
from notalone.protocol.passphrase import Root
from notalone.protocol.sharing import Commitments, Polynomial
from notalone.protocol.signatures import SigningKey
from tools.vectors.case import drawn
from tools.vectors.credentials import ISSUERS

ESCROW = b"e" * 32
COUNSELLORS = SigningKey(drawn("vectors counsellors")(32))
ISSUER = ISSUERS[0]
DESK = Root(drawn("vectors desk")(64)).age_identity()


@dataclass(frozen=True)
class Organisation:
    """A trustee with its secrets."""

    public: Trustee
    seed: bytes
    sealing: Scalar

    @property
    def index(self) -> int:
        return self.public.index

    @property
    def signing(self) -> SigningKey:
        return SigningKey(self.seed)


def organisation(index: int, name: str = "") -> Organisation:
    draw = drawn(f"vectors trustee {index}")
    seed, sealing = draw(32), Scalar.random(draw)
    public = Trustee(index, name or f"Trustee {index}", SigningKey(seed).public, base_times(sealing))
    return Organisation(public, seed, sealing)


ORGANISATIONS = tuple(organisation(index) for index in (1, 2, 3))


@dataclass(frozen=True)
class Held:
    """What a ceremony would have made, with a quorum of 2. `secrets`: the keys themselves."""

    highest: int
    epoch: int
    trustees: tuple[Organisation, ...]
    secrets: tuple[Scalar, ...]
    keys: tuple[Commitments, ...]
    shares: dict[int, KeyShares]


@cache
def held(highest: int, trustees: tuple[Organisation, ...] = ORGANISATIONS, epoch: int = 0) -> Held:
    """In every epoch shares of the same keys."""
    draw = drawn(f"vectors keys {highest}")
    secrets = tuple(Scalar.random(draw) for _ in range(key_count(highest)))
    draw = drawn(f"vectors keys {highest} epoch {epoch}")
    polynomials = [Polynomial.random(2, each, draw) for each in secrets]
    shares = {each.index: KeyShares(each.index, [p.share(each.index) for p in polynomials]) for each in trustees}
    return Held(highest, epoch, trustees, secrets, tuple(p.commitments for p in polynomials), shares)


def descriptor(made: Held, bits: int = 8, previous: bytes = bytes(64)) -> Descriptor:
    return Descriptor(
        ESCROW,
        made.epoch,
        made.highest,
        2,
        Terms(bits, 1000, 100, ISSUER.public, COUNSELLORS.public),
        tuple(each.public for each in made.trustees),
        made.keys,
        sha512(b"transcript").digest(),
        previous,
    )


@dataclass(frozen=True)
class Person:
    """A depositor. All of hers comes from her root, as it would from her return code."""

    root: Root
    key: SigningKey
    credential: Credential

    @property
    def identity(self) -> str:
        return self.root.age_identity()

    @property
    def x(self) -> Scalar:
        return self.credential.point(ESCROW)


@cache
def person(number: int) -> Person:
    root = Root(drawn(f"vectors person {number}")(64))
    key, secret = SigningKey(root.signing_seed(ESCROW)), root.credential_secret(ESCROW)
    message = holder_message(ESCROW, key.public)
    signed = finish(ISSUER.public, message, secret, ISSUER.sign(ask(ISSUER.public, message, secret)))
    return Person(root, key, Credential(key.public, *signed))


def recipient(identity: str) -> str:
    """Whom an age identity reads for."""
    return str(pyrage.x25519.Identity.from_str(identity).to_public())
