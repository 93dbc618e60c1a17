# SPDX-License-Identifier: AGPL-3.0-or-later
"""The source of the running program, packed: what its licence owes to whoever uses it over the network (section 13).

It is read from beside the running code, so what an operator changed is in it without her doing anything. What others
wrote is named in it with versions and hashes; the setup knows where to get that.

The build of a wheel reads this file too (hatch_build.py), before anything is installed: it needs Python alone.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import notalone

# What it takes to build, install and run the package, besides the package.
_BESIDE = ("LICENSE", "Makefile", "README.md", "browser", "hatch_build.py", "pyproject.toml", "requirements", "tools")
# A wheel has those in a folder of the package.
CARRIED = "source"
# Made from the rest, or not ours.
_LEFT_OUT = {"__pycache__", "built", "node_modules"}


def beside(root: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of everything but the package. Raises FileNotFoundError."""
    for name in _BESIDE:
        path = root / name
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "A part of the source is not beside the program", str(path))
        yield from ((f"{name}/{inner}", each) for inner, each in _files(path)) if path.is_dir() else [(name, path)]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    # No links: one may lead out of the source. Nothing hidden: that may be an editor's, or hold a password.
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if name not in _LEFT_OUT and not name.startswith(".")]
        for path in (Path(place, name) for name in names if not name.startswith(".")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def pack(package: Path = Path(notalone.__file__).parent) -> bytes:
    """A tar.gz; the same bytes for the same files. Raises OSError."""
    carried = package / CARRIED
    files = dict(beside(carried if carried.is_dir() else package.parents[1]))
    files |= {f"src/notalone/{name}": path for name, path in _files(package) if carried not in path.parents}
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as out, tarfile.open(fileobj=out, mode="w") as archive:
        for name, path in sorted(files.items()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"notalone-{notalone.__version__}/{name}")
            entry.size = len(content)
            entry.mode = 0o755 if content.startswith(b"#!") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
