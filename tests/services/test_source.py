# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is offered as the source is all of it, and nothing else that lies there."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from notalone.services.source import CARRIED, pack

ROOT = Path(__file__).parents[2]
PARTS = ("LICENSE", "Makefile", "README.md", "browser", "hatch_build.py", "pyproject.toml", "requirements", "tools")


def unpacked(packed: bytes) -> dict[str, tuple[bytes, int]]:
    """Content and mode by name, without the folder that all of it is in."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {}
        for entry in archive:
            content = archive.extractfile(entry)
            assert content is not None
            files[entry.name.partition("/")[2]] = content.read(), entry.mode
        return files


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small checkout with what should be offered; its package."""
    for name in PARTS:
        path = tmp_path / name if "." in name or name.isupper() or name == "Makefile" else tmp_path / name / "file"
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    package = tmp_path / "src" / "notalone"
    package.mkdir(parents=True)
    (package / "app.py").write_text("changed by the operator")
    return package


def test_it_is_what_the_server_and_its_scripts_are_made_of() -> None:
    offered = unpacked(pack())
    ours = [path for path in (ROOT / "src").rglob("*.*") if path.suffix in {".py", ".html", ".css", ".po", ".md"}]
    assert {path.relative_to(ROOT).as_posix() for path in ours} <= offered.keys()
    scripts = ["browser/build.ts", "browser/package-lock.json", "browser/src/voice.ts", "requirements/run.txt"]
    assert {*scripts, "hatch_build.py", "Makefile", "README.md"} <= offered.keys()
    assert offered["LICENSE"][0] == (ROOT / "LICENSE").read_bytes()
    assert offered["tools/setup"][1] == 0o755
    assert offered["pyproject.toml"][1] == 0o644


def test_it_is_what_lies_there_and_always_the_same_bytes(package: Path) -> None:
    assert unpacked(pack(package))["src/notalone/app.py"] == (b"changed by the operator", 0o644)
    (package / "app.py").touch()
    assert pack(package) == pack(package)


def test_nothing_that_lies_beside_it_by_chance_is_offered(package: Path) -> None:
    before = pack(package)
    root = package.parents[1]
    for name in (
        "data/notalone.db",
        "notalone-2031-05-04.backup",
        ".env",
        "browser/.npmrc",
        "browser/node_modules/a.js",
        "src/notalone/.app.py.swp",
        "src/notalone/__pycache__/app.pyc",
        "src/notalone/web/static/built/exit.js",
        "src/other/a.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret")
    (package / "link.py").symlink_to(root / ".env")
    (package / "folder").symlink_to(root / "data")
    assert pack(package) == before


def test_a_wheel_carries_the_rest(package: Path) -> None:
    expected = pack(package)
    root, carried = package.parents[1], package / CARRIED
    carried.mkdir()
    for name in PARTS:
        (root / name).rename(carried / name)
    assert pack(package) == expected


@pytest.mark.parametrize("part", ["LICENSE", "tools"])
def test_half_a_source_is_not_offered(package: Path, part: str) -> None:
    root = package.parents[1]
    (root / part).rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"A part of the source is not beside the program: .*{part}"):
        pack(package)
