# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints what has grown past the caps: modules over 500 lines, functions over 60. Each is a place to look for a
missing idea. Fails when there is any."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

MODULE, FUNCTION = 500, 60


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.py", "*.ts"], capture_output=True, text=True, check=True)  # noqa: S607
    over = [line for name in listed.stdout.split() if Path(name).exists() for line in past_caps(Path(name))]
    print("\n".join(over) or f"caps: no module over {MODULE} lines, no function over {FUNCTION}")
    return 1 if over else 0


def past_caps(path: Path) -> list[str]:
    source = path.read_text()
    lines = source.count("\n")
    over = [f"{path}: {lines} lines"] if lines > MODULE else []
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION:
                    over.append(f"{path}:{node.lineno}: {node.name} has {size} lines")
    return over


if __name__ == "__main__":
    sys.exit(main())
