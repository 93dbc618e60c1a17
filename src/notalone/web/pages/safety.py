# SPDX-License-Identifier: AGPL-3.0-or-later
"""How to leave quickly, how to hide a visit on the device, and what neither can do."""

from __future__ import annotations

from notalone.web.pages.frame import Frame, render


def safety_page(frame: Frame) -> str:
    return render(frame, "safety.html")
