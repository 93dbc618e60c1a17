# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command itself: what it says of itself, and how problems of every kind are told."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import notalone as program
from notalone.cli.main import notalone_command
from tests.cli.conftest import Answer, Terminal


def test_without_a_command_it_tells_what_there_is(notalone: Terminal) -> None:
    for command in ((), ("call",)):
        told, asked = notalone(*command), notalone(*command, "--help")
        assert (told.status, told.out) == (2, "")
        assert (asked.status, asked.err) == (0, "")
        assert told.err == asked.out
        assert told.err.startswith(f"Usage: {' '.join(('notalone', *command))} ")
        assert told.err.count("\n") > 10


def test_every_command_tells_what_it_does(notalone: Terminal) -> None:
    for name in notalone_command.commands:
        answer = notalone(name, "--help")
        assert (answer.status, answer.err) == (0, "")
        assert "`" not in answer.out


def test_a_command_that_is_not_understood_is_told_so(notalone: Terminal) -> None:
    assert notalone("sreve") == Answer(
        2,
        "",
        "notalone: no such command 'sreve'. Did you mean 'serve'?\n"
        '  hint: "notalone --help" shows how it is used, with examples\n',
    )


def test_it_is_a_program() -> None:
    """As people start it, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "notalone", "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"notalone, version {program.__version__}\n", "")


def test_a_command_that_serves_nothing_loads_no_web_server() -> None:
    look = "import sys, notalone.cli.main; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "notalone" in loaded
    assert loaded & {"litestar", "uvicorn", "jinja2", "rich"} == set()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "NOTALONE_PORT",
            "many",
            "NOTALONE_PORT: expected a whole number\n"
            '  hint: "notalone settings" lists every setting, with its value and what it means',
        ),
        ("NOTALONE_TICKS", "60", "there is no setting NOTALONE_TICKS\n  hint: did you mean NOTALONE_TICK?"),
        (
            "NOTALONE_COLOUR",
            "red",
            'there is no setting NOTALONE_COLOUR\n  hint: "notalone settings" lists all there are',
        ),
        (
            "NOTALONE_DATABASE_URL",
            "mysql://h/n",
            "the database URL is neither sqlite:///FILE nor postgresql://USER@HOST/NAME\n"
            "  hint: set NOTALONE_DATABASE_URL, or leave it away for a file in the data folder",
        ),
        (
            "NOTALONE_DATABASE_URL",
            "postgresql://n@/n?host=/nowhere",
            "the database could not be used: No such file or directory\n"
            "  hint: is PostgreSQL running, and does NOTALONE_DATABASE_URL lead to it?",
        ),
        (
            "NOTALONE_DATA",
            "/nowhere",
            "there is no database of Not Alone at /nowhere/notalone.db\n  hint: is NOTALONE_DATA right, or "
            'NOTALONE_DATABASE_URL? "notalone serve" and "notalone call load" make a new one',
        ),
    ],
)
def test_a_setting_that_does_not_fit(
    notalone: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert notalone("call", "list") == Answer(1, "", f"notalone: {said}\n")


def test_a_file_that_is_no_database(notalone: Terminal) -> None:
    file = Path("data/notalone.db").absolute()
    file.parent.mkdir()
    file.write_text("dear diary" * 1000)
    assert notalone("call", "list").err == (
        f"notalone: the database could not be used: {file}: file is not a database\n"
        "  hint: that file is something else and was left as it is; is NOTALONE_DATA right?\n"
    )


def test_a_database_of_a_newer_version(notalone: Terminal, call: str) -> None:
    with sqlite3.connect("data/notalone.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    answer = notalone("call", "list")
    assert answer.err.startswith("notalone: the database could not be used: its schema is not of this version")
    assert answer.err.endswith("\n  hint: a newer version was at work on it; install that one\n")


@pytest.mark.parametrize(
    "command",
    [("call", "list"), ("call", "close", "x"), ("call", "delete", "x"), ("call", "poster", "x"), ("backup",)],
)
def test_who_only_looks_makes_no_database(notalone: Terminal, command: tuple[str, ...]) -> None:
    answer = notalone(*command)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("notalone: there is no database of Not Alone at ")
    assert list(Path().iterdir()) == []
