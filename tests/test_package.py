# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is installed from a wheel has all that it needs, wherever it is started."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from notalone.services.source import pack

ROOT = Path(__file__).parent.parent
# Printed by the installed program: what `notalone demo` would load and show.
LOOK = """
import notalone
from notalone.cli.operate import DEMO_CALL
from notalone.services.bundle import read_bundle
from notalone.services.help import read_directory
from notalone.services.settings import read_settings
read_directory(read_settings().help_directory)
print(notalone.__file__, *read_bundle(DEMO_CALL))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a wheel puts into one."""
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=ROOT, check=True)
    (wheel,) = built.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_everything_of_the_program_is_installed(installed: Path) -> None:
    source = ROOT / "src"
    ours = {path.relative_to(source) for path in (source / "notalone").rglob("*") if path.is_file()}
    there = {path.relative_to(installed) for path in (installed / "notalone").rglob("*") if path.is_file()}
    assert {path for path in ours - there if "__pycache__" not in path.parts} == set()


def test_the_demo_call_and_the_help_directory_are_found_from_anywhere(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert looked.stdout.split() == [str(installed / "notalone" / "__init__.py"), "ar", "en", "es"]


def test_what_is_offered_as_the_source_is_the_same_from_a_wheel(installed: Path) -> None:
    assert pack(installed / "notalone") == pack()
