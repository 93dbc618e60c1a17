# SPDX-License-Identifier: AGPL-3.0-or-later
"""An identifier in its canonical form, and what can be wrong with what was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from notalone.protocol.encoding import number, prefixed

# Of characters, typed and canonical.
CHARACTERS_MOST = 2000


class Kind(IntEnum):
    """What an identifier is. The number is its first byte."""

    EMAIL = 1
    TELEPHONE = 2
    PROFILE = 3
    NAME = 4
    PERSON = 5


class Problem(Enum):
    """What is wrong with what was typed, what to do, and (the value) how the vectors and the pages call it."""

    EMPTY = "empty", "Nothing was typed", "Type what you know, or leave it out."
    LONG = "long", "This is longer than any identifier", "Type the identifier alone."
    CHARACTER = "character", "It holds a character that cannot stand there", "Type it again by hand, or copy it alone."
    ADDRESS = "address", "This is not an e-mail address", "It has the form name@example.org, and it is one alone."
    DOMAIN = (
        "domain",
        "The part that names the server is not a domain",
        "It has the form example.org. Compare its letters.",
    )
    COUNTRY = (
        "country",
        "It is not known of which country this number is",
        "Choose the country, or begin with + and its code.",
    )
    NUMBER = "number", "No telephone number that is in use looks like this", "Compare its digits, and the country."
    NETWORK = "network", "Several networks could have this name", "Choose the network, or copy the profile's address."
    HANDLE = "handle", "This network has no such names", "Compare its letters, or copy the profile's address."
    NOT_PROFILE = "not profile", "This is not the address of a profile", "Open the profile and copy its address."
    SHORT_LINK = (
        "short link",
        "Where this short link leads is not known here",
        "Open it, and copy the profile's address.",
    )
    ONE_WORD = "one word", "Too many people have this name", "Write the first and the last name in full."
    TITLE = "title", "It begins or ends with a title", "Leave titles out: others may not know them."
    COMMAS = "commas", "It holds several names", "Write one name alone, without commas."
    ENTRY = "entry", "This is no entry of the directory", "Choose the person from the list again."

    def __init__(self, code: str, what: str, advice: str) -> None:
        self.code = code
        self.what = what
        self.advice = advice


class WrongIdentifier(ValueError):
    """What was typed names nobody as it stands. Holds none of it: whom she means is hers to know."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.what}. {problem.advice}")
        self.problem = problem


@dataclass(frozen=True, slots=True, repr=False)
class Identifier:
    """`canonical`: what is compared. `shown`: the same for her eyes, before she goes on."""

    kind: Kind
    canonical: str
    shown: str = field(compare=False)

    def __repr__(self) -> str:
        return f"Identifier({self.kind.name}, …)"

    def encode(self) -> bytes:
        """number(kind, 1) || prefixed(canonical in UTF-8)."""
        return number(self.kind, 1) + prefixed(self.canonical.encode())
