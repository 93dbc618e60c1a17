# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trustees for tests: real keys and real ceremonies, all in one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from notalone.protocol.ceremony import (
    Dealt,
    Plan,
    Said,
    arrive,
    conclude,
    consent,
    deal,
    receive,
    reveal,
    transcript,
)
from notalone.protocol.descriptor import Descriptor
from notalone.protocol.group import Scalar, Source, base_times
from notalone.protocol.keys import KeyShares, Terms, Trustee
from notalone.protocol.rsa_blind import SigningKey as IssuerKey
from notalone.protocol.sharing import Commitments
from notalone.protocol.signatures import SigningKey

ESCROW = b"e" * 32


def source(seed: int) -> Source:
    """Bytes that are the same each time."""
    return random.Random(seed).randbytes  # noqa: S311


@dataclass(frozen=True)
class Organisation:
    """A trustee with its secrets."""

    public: Trustee
    signing: SigningKey
    sealing: Scalar

    @property
    def index(self) -> int:
        return self.public.index


def organisation(index: int, name: str = "") -> Organisation:
    """The same each time."""
    draw = source(index)
    signing, sealing = SigningKey.random(draw), Scalar.random(draw)
    return Organisation(
        Trustee(index, name or f"Trustee {index}", signing.public, base_times(sealing)), signing, sealing
    )


@cache
def issuer_key() -> IssuerKey:
    return IssuerKey(rsa.generate_private_key(65_537, 2048))


COUNSELLORS = SigningKey.random(source(77))


@cache
def terms(bits: int = 0) -> Terms:
    return Terms(bits, 1000, 100, issuer_key().public, COUNSELLORS.public)


def new_plan(
    organisations: Sequence[Organisation],
    quorum: int,
    highest: int = 2,
    attempt: bytes = b"1" * 32,
    bits: int = 0,
) -> Plan:
    all_of_them = tuple(each.public for each in organisations)
    return Plan(ESCROW, attempt, 0, highest, quorum, terms(bits), all_of_them, all_of_them)


@dataclass(frozen=True)
class Held:
    """A ceremony that ended well."""

    plan: Plan
    keys: tuple[Commitments, ...]
    shares: dict[int, KeyShares]
    said: Said
    consents: dict[int, bytes]

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor.of(self.plan, self.keys, transcript(self.plan, self.said))


def handing_on(before: Held, dealers: Sequence[Organisation], recipients: Sequence[Organisation], quorum: int) -> Plan:
    return Plan(
        ESCROW,
        b"2" * 32,
        before.plan.epoch + 1,
        before.plan.highest,
        quorum,
        before.plan.terms,
        tuple(each.public for each in dealers),
        tuple(each.public for each in recipients),
        before.descriptor.hash,
        before.keys,
    )


@dataclass(frozen=True)
class Ceremony:
    """One under way: what everybody said, and the secrets of the honest."""

    plan: Plan
    said: Said
    once: dict[int, Scalar]
    dealt: dict[int, Dealt]


def arrived(plan: Plan, recipients: Sequence[Organisation], seed: int = 0) -> tuple[dict[int, Scalar], Said]:
    each_one = {r.index: arrive(plan, r.index, r.signing, source(2000 + 100 * seed + r.index)) for r in recipients}
    return {n: once for n, (once, _) in each_one.items()}, Said({n: message for n, (_, message) in each_one.items()})


def run(
    plan: Plan,
    dealers: Sequence[Organisation],
    recipients: Sequence[Organisation],
    shares: dict[int, KeyShares] | None = None,
    seed: int = 0,
) -> Ceremony:
    """Until every dealing is there, everybody honest."""
    once, said = arrived(plan, recipients, seed)
    dealt = {
        each.index: deal(
            plan,
            each.index,
            each.signing,
            said,
            None if shares is None else shares[each.index],
            source(1000 * seed + each.index),
        )
        for each in dealers
    }
    said = Said(said.arrivals, {n: each.pledge for n, each in dealt.items()})
    dealings = {each.index: reveal(plan, each.index, each.signing, said, dealt[each.index]) for each in dealers}
    return Ceremony(plan, Said(said.arrivals, said.pledges, dealings), once, dealt)


def hold(
    plan: Plan,
    dealers: Sequence[Organisation],
    recipients: Sequence[Organisation],
    shares: dict[int, KeyShares] | None = None,
) -> Held:
    """A whole ceremony in which everybody is honest."""
    there = run(plan, dealers, recipients, shares, plan.epoch)
    received = {r.index: receive(plan, r.index, there.once[r.index], there.said) for r in recipients}
    consents = {each.index: consent(plan, each.signing, there.said) for each in recipients}
    return Held(plan, conclude(plan, there.said, consents), received, there.said, consents)
