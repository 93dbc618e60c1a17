# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trustees who do not keep to the ceremony."""

from __future__ import annotations

from collections.abc import Callable

from notalone.protocol import ceremony
from notalone.protocol.ceremony import (
    Dealt,
    Plan,
    Said,
    reveal,
)
from notalone.protocol.group import ELEMENT_BYTES
from notalone.protocol.labels import (
    CEREMONY_PLEDGE,
)
from notalone.protocol.seals import SEAL_BYTES
from tests.protocol.trustees import (
    Ceremony,
    Organisation,
    organisation,
)

ALL = [organisation(index) for index in (1, 2, 3)]
ONE, TWO, THREE = ALL
QUORUM = 2
PROOF = 64


def opening_bytes(plan: Plan) -> int:
    return plan.keys * (plan.quorum * ELEMENT_BYTES + PROOF)


def seal_bytes(plan: Plan) -> int:
    return plan.keys * 32 + SEAL_BYTES


def resigned(plan: Plan, who: Organisation, label: bytes, body: bytes) -> bytes:
    """A message of a trustee who does not keep to the protocol."""
    return body + who.signing.sign(label, plan.id + body)


def cheating(there: Ceremony, who: Organisation, change: Callable[[bytearray], None]) -> Said:
    """What is said when this one changed its part before the pledge, and all others are honest."""
    plan, body = there.plan, bytearray(there.dealt[who.index].body)
    change(body)
    pledge = resigned(plan, who, CEREMONY_PLEDGE, ceremony._pledged(plan, who.index, bytes(body)))
    return shown(there, {**there.dealt, who.index: Dealt(pledge, bytes(body))})


def shown(there: Ceremony, dealt: dict[int, Dealt]) -> Said:
    """All pledges, then all dealings."""
    plan = there.plan
    said = Said(there.said.arrivals, {n: each.pledge for n, each in dealt.items()})
    dealings = {n: reveal(plan, n, organisation(n).signing, said, each) for n, each in dealt.items()}
    return Said(said.arrivals, said.pledges, dealings)
