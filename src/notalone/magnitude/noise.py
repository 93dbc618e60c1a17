# SPDX-License-Identifier: AGPL-3.0-or-later
"""Noise: whole numbers drawn so that a count gives nobody away."""

from __future__ import annotations

import secrets
from collections.abc import Callable

Below = Callable[[int], int]  # n -> a whole number from 0 to n - 1, each as likely


def two_sided_geometric(odds: int, below: Below = secrets.randbelow) -> int:
    """A whole number n with probability proportional to (1 - 1/odds)**|n|, exactly: no floating point takes part.

    Added to a count that one person changes by one it is epsilon-differentially private, epsilon = -log(1 - 1/odds)
    (Ghosh, Roughgarden, Sundararajan 2012, "Universally utility-maximizing privacy mechanisms").
    """
    return _failures(odds, below) - _failures(odds, below)


def _failures(odds: int, below: Below) -> int:
    """How often a die with so many sides falls before it first shows its zero."""
    count = 0
    while below(odds):
        count += 1
    return count
