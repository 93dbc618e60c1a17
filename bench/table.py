# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables as text: they are read in a terminal and copied into an issue."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> None:
    """The first column to the left, figures to the right; Markdown, so that it can be pasted as it is."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    print(f"\n## {title}\n")
    for number, line in enumerate(lines):
        cells = (_cell(text, width, at) for at, (text, width) in enumerate(zip(line, widths, strict=True)))
        print(f"| {' | '.join(cells)} |")
        if number == 0:
            # A colon at the end of a rule sets the column to the right.
            rules = ("-" * (width + 1) + ("-" if at == 0 else ":") for at, width in enumerate(widths))
            print(f"|{'|'.join(rules)}|")
    for note in notes:
        print(f"\n{note}")
    print(flush=True)


def _cell(text: str, width: int, at: int) -> str:
    return text.ljust(width) if at == 0 else text.rjust(width)


def against(value: float, bar: float, *, least: bool) -> str:
    """A figure beside its bar: `least` when more is better."""
    met = value >= bar if least else value <= bar
    return f"{'≥' if least else '≤'} {bar:,.0f} {'met' if met else 'NOT MET'}"


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says on the terminal what takes so long."""
    print(f"{what} ...", file=sys.stderr, flush=True)
    yield
