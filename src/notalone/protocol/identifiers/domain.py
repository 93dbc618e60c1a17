# SPDX-License-Identifier: AGPL-3.0-or-later
"""Domain names in one form (spec/identifiers.md, section 3): small letters, labels with other letters as A-labels.

Not by the library `idna`, which tests compare with: a browser has only its URL parser, whose tables differ by version,
and Chromium before 2023 made another person's fass.de of faß.de. So both sides map letters by text.mapped, take those
alone for which UTS 46 says the same, and need no more than Punycode (RFC 3492).
"""

from __future__ import annotations

import re

from notalone.protocol.identifiers.identifier import Problem, WrongIdentifier
from notalone.protocol.identifiers.text import LETTERS, NOT_IN_DOMAINS, mapped

LABEL_BYTES = 63
DOMAIN_BYTES = 253
ASCII_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
ACE = "xn--"


def canonical_domain(text: str) -> str:
    """With A-labels. Raises WrongIdentifier, DOMAIN."""
    labels = [_label(each) for each in mapped(text).replace("。", ".").removesuffix(".").split(".")]
    domain = ".".join(labels)
    if len(labels) < 2 or len(domain) > DOMAIN_BYTES or labels[-1].isdecimal():
        raise WrongIdentifier(Problem.DOMAIN)
    return domain


def readable_domain(domain: str) -> str:
    """Of a canonical one: its A-labels with their letters."""
    return ".".join(_decoded(each) if each.startswith(ACE) else each for each in domain.split("."))


def is_domain_letter(character: str) -> bool:
    """Of mapped text: stands in domains, handles and the first part of e-mail addresses; not ASCII."""
    return character >= "\x80" and character in LETTERS and character not in NOT_IN_DOMAINS


def _label(text: str) -> str:
    label = text
    if text.startswith(ACE):
        text = _decoded(text)
    if not text.isascii() and all(is_domain_letter(each) or ASCII_LABEL.match(each) or each == "-" for each in text):
        again = ACE + text.encode("punycode").decode("ascii")
        # What was typed as an A-label has to be the one of its letters: of two spellings only one can be registered.
        hyphens = text[0] == "-" or text[-1] == "-" or text[2:4] == "--"
        if hyphens or mapped(text) != text or (label.startswith(ACE) and label != again):
            raise WrongIdentifier(Problem.DOMAIN)
        label = again
    elif text != label or not ASCII_LABEL.match(label) or label[2:4] == "--":
        raise WrongIdentifier(Problem.DOMAIN)
    if len(label) > LABEL_BYTES:
        raise WrongIdentifier(Problem.DOMAIN)
    return label


def _decoded(label: str) -> str:
    try:
        return label.removeprefix(ACE).encode("ascii").decode("punycode")
    except UnicodeError:
        raise WrongIdentifier(Problem.DOMAIN) from None
