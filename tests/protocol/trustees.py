# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trustees for tests: real keys and real ceremonies, all in one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from notalone.protocol.ceremony import Dealt, Plan, conclude, consent, deal, receive, transcript
from notalone.protocol.group import Scalar, Source, base_times
from notalone.protocol.keys import KeyShares, Trustee
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


def new_plan(organisations: Sequence[Organisation], quorum: int, highest: int = 2, attempt: bytes = b"1" * 32) -> Plan:
    all_of_them = tuple(each.public for each in organisations)
    return Plan(ESCROW, attempt, 0, highest, quorum, all_of_them, all_of_them)


def handing_on(
    before: Plan,
    keys: tuple[Commitments, ...],
    dealers: Sequence[Organisation],
    recipients: Sequence[Organisation],
    quorum: int,
) -> Plan:
    return Plan(
        ESCROW,
        b"2" * 32,
        before.epoch + 1,
        before.highest,
        quorum,
        tuple(each.public for each in dealers),
        tuple(each.public for each in recipients),
        keys,
    )


@dataclass(frozen=True)
class Held:
    """A ceremony that ended well."""

    plan: Plan
    keys: tuple[Commitments, ...]
    shares: dict[int, KeyShares]


def dealt(
    plan: Plan, dealers: Sequence[Organisation], shares: dict[int, KeyShares] | None = None, seed: int = 0
) -> dict[int, Dealt]:
    return {
        each.index: deal(
            plan,
            each.index,
            each.signing,
            None if shares is None else shares[each.index],
            source(1000 * seed + each.index),
        )
        for each in dealers
    }


def hold(
    plan: Plan,
    dealers: Sequence[Organisation],
    recipients: Sequence[Organisation],
    shares: dict[int, KeyShares] | None = None,
) -> Held:
    """A whole ceremony in which everybody is honest."""
    dealings = dealt(plan, dealers, shares, plan.epoch)
    said = {n: each.pledge for n, each in dealings.items()}, {n: each.dealing for n, each in dealings.items()}
    received = {each.index: receive(plan, each.index, each.sealing, *said) for each in recipients}
    consents = {each.index: consent(plan, each.signing, transcript(plan, *said)) for each in recipients}
    return Held(plan, conclude(plan, *said, consents), received)
