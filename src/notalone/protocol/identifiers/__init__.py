# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whom a record names, in one form (spec/identifiers.md): two who type it differently still match.

Never do two different people become one. Where a rule could do that, there is no rule, and some who mean the same
person do not match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from notalone.protocol.encoding import Reader
from notalone.protocol.errors import Undecodable
from notalone.protocol.identifiers.email import parse_email
from notalone.protocol.identifiers.identifier import CHARACTERS_MOST, Identifier, Kind, Problem, WrongIdentifier
from notalone.protocol.identifiers.person import parse_name, parse_person, person
from notalone.protocol.identifiers.profile import parse_profile
from notalone.protocol.identifiers.telephone import linked, parse_telephone

__all__ = ["NO_HINTS", "Hints", "Identifier", "Kind", "Problem", "WrongIdentifier", "decode", "parse", "person"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What the page knows besides. `country`: ISO 3166 ("IN"), for a number without its code. `network`: for a mere
    name. `organisation`: its id in the call, for a name. `shown`: a person's name in the directory."""

    country: str | None = None
    network: str | None = None
    organisation: str | None = None
    shown: str = ""


NO_HINTS: Final = Hints()


def parse(kind: Kind, text: str, hints: Hints = NO_HINTS) -> Identifier:
    """In its canonical form. A profile on WhatsApp is a telephone number, and becomes one.

    Raises WrongIdentifier, which says what to do; ValueError for hints that no page should give.
    """
    if len(text) > CHARACTERS_MOST:
        raise WrongIdentifier(Problem.LONG)
    found = _parse(kind, text, hints)
    # So that it can be parsed again: escapes are longer than what they stand for.
    if len(found.canonical) > CHARACTERS_MOST:
        raise WrongIdentifier(Problem.LONG)
    return found


def decode(data: bytes) -> Identifier:
    """Of Identifier.encode, in canonical form. Raises Undecodable."""
    reader = Reader(data, "identifier")
    kind, canonical = reader.number(1), reader.prefixed(4 * CHARACTERS_MOST)
    reader.end()
    try:
        found = parse(Kind(kind), canonical.decode())
    except ValueError:
        raise Undecodable("identifier", "names nobody") from None
    if found.encode() != data:
        raise Undecodable("identifier", "is not in canonical form")
    return found


def _parse(kind: Kind, text: str, hints: Hints) -> Identifier:
    match kind:
        case Kind.EMAIL:
            return parse_email(text)
        case Kind.TELEPHONE:
            return parse_telephone(text, hints.country)
        case Kind.PROFILE:
            if hints.network == "whatsapp" or linked(text):
                return parse_telephone(text, hints.country)
            return parse_profile(text, hints.network)
        case Kind.NAME:
            return parse_name(text, hints.organisation)
    return parse_person(text, hints.shown)
