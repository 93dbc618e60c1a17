# SPDX-License-Identifier: AGPL-3.0-or-later
"""The style sheet: small, for both directions of writing, and with colours that can be told apart."""

from __future__ import annotations

import gzip
import re

from notalone.web.pages.frame import WEB

STYLE = WEB / "static" / "style.css"


def test_the_style_is_small() -> None:
    assert len(gzip.compress(STYLE.read_bytes())) <= 3_000


def rules() -> str:
    return re.sub(r"/\*.*?\*/", "", STYLE.read_text(), flags=re.DOTALL)


def test_the_style_reads_in_both_directions_and_loads_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|gradient|shadow|animation|transition", rules())
    sides = r"(margin|padding|border|inset)-(left|right|top|bottom)\b|[{;]\s*(left|right|top|bottom|width|height)\s*:"
    assert not re.search(sides, rules())
    assert not re.search(r"text-align:\s*(left|right)|float:", rules())


def luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_told_apart_in_every_theme() -> None:
    """WCAG 2.2: 4.5 to 1 for words, 3 to 1 for the edges of what can be pressed."""
    light, dark, more, more_dark = re.findall(r":root \{(.*?)\}", rules().partition("@media print")[0], flags=re.DOTALL)
    for theme in (light, light + dark, light + more, light + dark + more + more_dark):
        colours = dict(re.findall(r"--([\w-]+): #(\w+)", theme))
        for front, back, least in (
            *((ink, ground, 4.5) for ink in ("ink", "soft", "accent") for ground in ("paper", "sheet")),
            ("on-accent", "accent", 4.5),
            ("edge", "sheet", 3),
            ("edge", "paper", 3),
        ):
            bright, dim = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= least, (front, back, theme)
