# SPDX-License-Identifier: AGPL-3.0-or-later
"""The help directory: for the young, then by country. What was read long ago stands below "check before you call"."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from notalone.services.help import FRESH_FOR, Entry
from notalone.web.pages.frame import Frame, render, territory_name

_WORLD = "001"

Place = tuple[str | None, list[Entry]]
"""A country's name in the page's language, and what is listed there. None: what is for the young, of every country."""


def help_page(frame: Frame, entries: Sequence[Entry]) -> str:
    """Every entry, each with the source it was read from and the date."""
    return render(
        frame,
        "help.html",
        fresh=_by_place((each for each in entries if not each.stale), frame.lang),
        stale=_by_place((each for each in entries if each.stale), frame.lang),
        fresh_days=FRESH_FOR.days,
    )


def _by_place(entries: Iterable[Entry], lang: str) -> list[Place]:
    """Countries by name, after what helps in all the world. A service in two countries stands in both.

    What is for children and young people stands in its countries too: who looks for a country misses nothing there.
    """
    places: dict[str, list[Entry]] = {}
    for entry in entries:
        for code in dict.fromkeys(area.code.partition("-")[0] for area in entry.service_areas):
            places.setdefault(code, []).append(entry)
    named = {code: territory_name(code, lang) for code in places}
    order = sorted(places, key=lambda code: (code != _WORLD, _sortable(named[code])))
    young = {each.id: each for code in order for each in places[code] if each.young}
    first: list[Place] = [(None, list(young.values()))] if young else []
    return first + [(named[code], places[code]) for code in order]


def _sortable(name: str) -> str:
    """Accents do not move a name: España stands under E, Perú under P."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign)).casefold()
