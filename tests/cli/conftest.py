# SPDX-License-Identifier: AGPL-3.0-or-later
"""A terminal for the commands: what is typed, what is answered."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from notalone.cli.main import main
from tests.services.good_call import GOOD, write


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """A terminal in an empty folder, with a server's data beside it."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    command: tuple[str, ...] = ()

    def at(self, *command: str) -> Terminal:
        """The same, where every line begins with these words."""
        return replace(self, command=command)

    def __call__(self, *arguments: str, typed: str = "") -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["notalone", *self.command, *arguments])
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as left:
            main()
        said = self.capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Answer(left.value.code, said.out, said.err)


@pytest.fixture
def notalone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTALONE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NOTALONE_PUBLIC_URL", "https://calls.example.org/")
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def call(notalone: Terminal) -> str:
    """The name of a call on the server."""
    write(Path("no-more"), en=GOOD)
    assert notalone("call", "load", "no-more").status == 0
    return "no-more"
