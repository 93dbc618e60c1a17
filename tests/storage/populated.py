# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows as each revision of the schema holds them, so that an upgrade is tested on a database with people in it.

Who adds a revision adds its rows here: at least two for each table, with every kind of value that its columns take.
What a revision changes in older rows on purpose goes into CHANGES. Older entries stay as they are: they are history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

# table -> rows, each column -> value
Rows = dict[str, list[dict[str, Any]]]

_DAY, _NEXT_DAY = date(2031, 5, 4), date(2031, 5, 5)

_FIRST_VOICE: Rows = {
    "call": [
        {"id": 1, "slug": "metoo", "salt": b"\0" * 16, "loaded_on": _DAY, "closed_on": None, "revision": 1},
        {"id": 7, "slug": "our-town", "salt": b"\xff" * 16, "loaded_on": _DAY, "closed_on": _NEXT_DAY, "revision": 9},
    ],
    "call_text": [
        {"call_id": 1, "lang": "en", "source": "---\ntitle: one\n---\n"},
        {"call_id": 1, "lang": "ar", "source": "نص"},
        {"call_id": 7, "lang": "zh-Hant", "source": ""},
    ],
    "voice": [
        {"call_id": 1, "id": bytes([n]) * 16, "kind": kind} for n, kind in enumerate([1, 1, 1, 2, 0, 2, 1])
    ]
    + [{"call_id": 7, "id": b"\xff" * 16, "kind": 2}],
    "tally": [
        {"call_id": 1, "kind": 1, "shard": 0, "number": -1},
        {"call_id": 1, "kind": 1, "shard": 15, "number": 5},
        {"call_id": 1, "kind": 2, "shard": 3, "number": 2},
        {"call_id": 7, "kind": 2, "shard": 0, "number": 1},
    ],
    "release": [
        {"call_id": 1, "kind": 1, "tick": 1935921600, "number": 2**40},
        {"call_id": 1, "kind": 1, "tick": 1935922200, "number": None},
    ],
    "publication": [{"id": 1, "tick": 1935922200}],
    "server_key": [{"name": "waiting line", "value": b"k" * 32}, {"name": "other", "value": b"\0"}],
}  # fmt: skip

# revision -> rows of every table that it has
POPULATED: dict[str, Rows] = {"0001": _FIRST_VOICE}

# revision -> what it makes of the rows that the revision before held
CHANGES: dict[str, Callable[[Rows], Rows]] = {}
