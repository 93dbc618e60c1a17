# SPDX-License-Identifier: AGPL-3.0-or-later
"""What can be wrong in the protocol, and whose doing it is.

Bytes that cannot be read are `Undecodable`: at that depth it is not known who sent them. Whoever knows turns it into a
`Fault` with `blaming`. A mistake of the programmer is a built-in ValueError or TypeError, here as in Python itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Who takes part."""

    YOU = "you"
    SERVER = "the server"
    ISSUER = "the issuer"
    TRUSTEE = "trustee"
    DEPOSITOR = "a depositor"
    COUNSELLOR = "the counsellor"


@dataclass(frozen=True, slots=True)
class Party:
    """One who takes part. `index`: a trustee's number, from 1."""

    role: Role
    index: int | None = None

    def __str__(self) -> str:
        return self.role.value if self.index is None else f"{self.role.value} {self.index}"


YOU = Party(Role.YOU)
SERVER = Party(Role.SERVER)
ISSUER = Party(Role.ISSUER)
DEPOSITOR = Party(Role.DEPOSITOR)
COUNSELLOR = Party(Role.COUNSELLOR)


def trustee(index: int) -> Party:
    return Party(Role.TRUSTEE, index)


class Undecodable(ValueError):
    """These bytes are not what should stand here. `what`: what should; `problem`: what is wrong. Holds none of them."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what}: {problem}")
        self.what = what
        self.problem = problem


class WrongProof(Exception):
    """A proof does not show what it should: what it is about was not made with the keys that were committed to."""


class Fault(Exception):
    """Something that a party said or sent does not hold.

    `party`: who is to blame, as far as this side can know; what passes through the server may have been changed by it.
    `what`: what does not hold, as a sentence without its subject. `advice`: what to do next.
    """

    def __init__(self, party: Party, what: str, advice: str) -> None:
        super().__init__(f"{party} {what}. {advice}")
        self.party = party
        self.what = what
        self.advice = advice


@contextmanager
def blaming(party: Party, advice: str) -> Iterator[None]:
    """What cannot be decoded within was sent by this party. Raises Fault."""
    try:
        yield
    except Undecodable as error:
        raise Fault(party, f"sent something that cannot be read ({error})", advice) from error
