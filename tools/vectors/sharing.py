# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/sharing.json.

.venv/bin/python -m tools.vectors.sharing
"""

from __future__ import annotations

from collections.abc import Sequence

from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.sharing import Polynomial, combine, combine_elements, lagrange
from tools.vectors.case import Case, drawn, show

ABOUT = (
    "Shamir's sharing with Feldman's commitments (spec/sharing.md). `polynomials`: coefficients, what they are"
    " committed to, and shares by their index, with each share times g. `shares`: what is taken for a share of a"
    " polynomial by its place, and what is not. `lagrange`: the factors of these indices, in their order, for the value"
    " at `at`; or what cannot be interpolated. `combined`: the secret, and the secret times an element, of some shares"
    " and of shares times that element; with too few it is another one. Scalars and elements are hexadecimal."
)
INDICES = (1, 2, 3, 7, 65_535)


def polynomial(quorum: int) -> Polynomial:
    return Polynomial.random(quorum, source=drawn(f"vectors/sharing.json {quorum}"))


POLYNOMIALS = {"a quorum of one": polynomial(1), "of two": polynomial(2), "of three": polynomial(3)}
SECOND = POLYNOMIALS["of two"]


def main() -> None:
    show(made())


def made() -> Case:
    return {
        "about": ABOUT,
        "polynomials": polynomials(),
        "shares": shares(),
        "lagrange": factors(),
        "combined": combined(),
    }


def polynomials() -> list[Case]:
    return [
        {
            "why": why,
            "coefficients": hexed(each.coefficients),
            "commitments": hexed(each.commitments.elements),
            "shares": [
                {
                    "index": index,
                    "share": bytes(each.share(index)).hex(),
                    "public": bytes(each.commitments.share(index)).hex(),
                }
                for index in INDICES
            ],
        }
        for why, each in POLYNOMIALS.items()
    ]


def shares() -> list[Case]:
    right = SECOND.share(3)
    one = Scalar.public(1)
    cases = [
        ("the share of 3", 3, right, True),
        ("the share of 2 as that of 3", 3, SECOND.share(2), False),
        ("the share of 3 as that of 2", 2, right, False),
        ("one more", 3, right + one, False),
        ("the secret itself", 3, SECOND.coefficients[0], False),
        ("of another polynomial", 3, POLYNOMIALS["of three"].share(3), False),
    ]
    commitments = hexed(SECOND.commitments.elements)
    return [
        {"why": why, "commitments": commitments, "index": index, "share": bytes(share).hex(), "valid": valid}
        for why, index, share, valid in cases
    ]


def factors() -> list[Case]:
    good: list[tuple[str, tuple[int, ...], int]] = [
        ("one alone", (5,), 0),
        ("the first two", (1, 2), 0),
        ("in another order", (2, 1), 0),
        ("some of many", (2, 5, 16), 0),
        ("the largest index", (1, 65_535), 0),
        ("at another's index", (1, 3), 2),
        ("at an index of theirs", (1, 3), 3),
    ]
    bad: list[tuple[str, tuple[int, ...]]] = [
        ("none", ()),
        ("one twice", (1, 2, 1)),
        ("zero, which is the secret itself", (0, 1)),
        ("below zero", (-1, 1)),
        ("too large", (1, 65_536)),
    ]
    valid: list[Case] = [
        {
            "why": why,
            "valid": True,
            "indices": list(indices),
            "at": at,
            "factors": hexed(list(lagrange(indices, at).values())),
        }
        for why, indices, at in good
    ]
    return [*valid, *({"why": why, "valid": False, "indices": list(indices), "at": 0} for why, indices in bad)]


def combined() -> list[Case]:
    base = base_times(Scalar.random(drawn("vectors/sharing.json base")))
    cases = [
        ("two of two", "of two", (1, 2)),
        ("another two", "of two", (7, 3)),
        ("three of two: one more does not harm", "of two", (1, 2, 3)),
        ("three of three", "of three", (65_535, 2, 7)),
        ("two of three: another secret", "of three", (1, 2)),
    ]
    made_ = []
    for why, name, indices in cases:
        some = {index: POLYNOMIALS[name].share(index) for index in indices}
        elements = {index: share * base for index, share in some.items()}
        made_.append(
            {
                "why": why,
                "secret": bytes(POLYNOMIALS[name].coefficients[0]).hex(),
                "shares": [{"index": index, "share": bytes(each).hex()} for index, each in some.items()],
                "combined": bytes(combine(some)).hex(),
                "base": bytes(base).hex(),
                "elements": [{"index": index, "element": bytes(each).hex()} for index, each in elements.items()],
                "element": bytes(combine_elements(elements)).hex(),
            }
        )
    return made_


def hexed(some: Sequence[Scalar] | Sequence[Element]) -> list[str]:
    return [bytes(each).hex() for each in some]


if __name__ == "__main__":
    main()
