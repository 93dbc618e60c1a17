# SPDX-License-Identifier: AGPL-3.0-or-later
"""In processes of their own: what is done here cannot be undone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from notalone.trustee import process
from tests.server import ROOT

NOBODY = 65_534


def run(code: str, user: int | None = None) -> str:
    """What it prints, as this user."""
    done = subprocess.run(
        [sys.executable, "-c", f"from notalone.trustee.process import Unprotected, protect\n{code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        user=user,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.fixture
def root() -> None:
    if Path("/proc/self/status").read_text().partition("Uid:\t")[2][:1] != "0":
        pytest.skip("takes root, to lock all memory and to become another user")


@pytest.mark.usefixtures("root")
def test_it_cannot_be_dumped_or_swapped() -> None:
    shown = run(
        "import ctypes, resource\n"
        "protect()\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "locked, size = (int(status[name].split()[0]) for name in ('VmLck', 'VmRSS'))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3), locked >= size // 2)"
    )
    assert shown == "(0, 0) 0 True\n"


@pytest.mark.usefixtures("root")
def test_where_it_may_not_lock_its_memory_it_says_so() -> None:
    shown = run(
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))\n"
        f"os.setuid({NOBODY})\n"
        "try:\n"
        "    protect()\n"
        "except Unprotected as error:\n"
        "    print(error, '|', error.hint)"
    )
    assert shown.startswith("memory could be swapped to the disk: ")
    assert "LimitMEMLOCK=infinity" in shown


def test_where_it_could_be_dumped_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeSystem:
        """One that takes the call and does nothing."""

        def prctl(self, option: int, *_: int) -> int:
            return 0 if option == process._PR_SET_DUMPABLE else 1

    monkeypatch.setattr("notalone.trustee.process.ctypes.CDLL", lambda *_, **__: FakeSystem())
    with pytest.raises(process.Unprotected, match="memory could be dumped"):
        process.protect()
