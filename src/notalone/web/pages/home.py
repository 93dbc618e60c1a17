# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of calls."""

from __future__ import annotations

from collections.abc import Sequence

from notalone.services.call import Call
from notalone.web.pages.frame import Frame, render


def home_page(frame: Frame, calls: Sequence[Call]) -> str:
    """Every call, in the order given."""
    return render(frame, "home.html", calls=calls)
