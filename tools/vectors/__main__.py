# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes the vectors anew: all of them, or those that are named.

.venv/bin/python -m tools.vectors
.venv/bin/python -m tools.vectors escrow trustees

Each comes from the module of its name. What is published elsewhere, and what cannot be made twice, is kept from the
file. group, oprf, encoding and voice-proof are published, or were written by hand.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "vectors"
NOUNS = (
    "ceremony",
    "credentials",
    "descriptor",
    "dleq",
    "escrow",
    "identifiers",
    "passphrase",
    "reports",
    "seals",
    "sharing",
    "trustees",
)


def printed(noun: str) -> str:
    """What stands in vectors/{noun}.json."""
    text = StringIO()
    with redirect_stdout(text):
        import_module(f"tools.vectors.{noun}").main()
    return text.getvalue()


def main() -> int:
    chosen = sys.argv[1:] or NOUNS
    unknown = sorted(set(chosen) - set(NOUNS))
    if unknown:
        print(f"there are no vectors of {', '.join(unknown)}; there are {', '.join(NOUNS)}", file=sys.stderr)
        return 2
    sys.argv[1:] = []  # the modules read their own
    for noun in chosen:
        path = FOLDER / f"{noun}.json"
        text = printed(noun)
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8")
        print(f"vectors/{noun}.json: {'changed' if changed else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
