# SPDX-License-Identifier: AGPL-3.0-or-later
"""The vectors that every language reads."""

from __future__ import annotations

import json
from typing import Any

from tests.server import ROOT


def vectors(name: str) -> Any:
    """What stands in vectors/{name}.json."""
    return json.loads((ROOT / "vectors" / f"{name}.json").read_text())


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text)
