# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's commands, as transcripts."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Answer, Terminal
from tests.server import free_port, wait_until_up

# backup and restore


def test_a_backup_is_restored(notalone: Terminal, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Path("data/withdrawals.log").absolute()
    assert notalone("backup", "monday.backup") == Answer(0, f"monday.backup: 0 voices. Keep {journal} with it.\n", "")
    monkeypatch.setenv("NOTALONE_DATA", "elsewhere")
    answer = notalone("restore", "monday.backup")
    assert (answer.status, answer.err) == (0, "")
    assert re.fullmatch(
        r"Restored monday\.backup of \d{4}-\d\d-\d\d: 0 voices in it, 0 here now, 0 withdrawals applied\.\n"
        r"  elsewhere/withdrawals\.log: not there\n"
        r'  no-more: new here, and OPEN: "notalone call close no-more" ends it\n',
        answer.out,
    )
    assert notalone("call", "list").out == f"{call}  open  en  #MeToo\n"


def test_a_wrong_journal_is_refused(notalone: Terminal, call: str) -> None:
    notalone("backup", "monday.backup")
    Path("other.log").write_text("dear diary\n" * 20)
    assert notalone("restore", "monday.backup", "--withdrawals", "other.log") == Answer(
        1,
        "",
        "notalone: other.log is no journal of withdrawals\n"
        "  hint: nothing was changed; is it still encrypted, or another file?\n",
    )
    Path("other.log").write_text(f"\nno-more {'0' * 32}\n")
    assert "other.log: 1 withdrawal\n" in notalone("restore", "monday.backup", "--withdrawals", "other.log").out


def test_a_server_whose_withdrawals_could_not_be_kept_does_not_start(
    notalone: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTALONE_WITHDRAWALS", "/proc/nothing/withdrawals.log")
    assert notalone("serve") == Answer(
        1,
        "",
        "notalone: withdrawals could not be written to /proc/nothing/withdrawals.log: No such file or directory\n"
        "  hint: NOTALONE_WITHDRAWALS names it; the server's user must be able to write there\n",
    )


def test_dates_are_mended(notalone: Terminal, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notalone("date-back") == Answer(0, "Nothing is dated later than now.\n", "")
    with sqlite3.connect("data/notalone.db") as database:
        database.execute("UPDATE publication SET tick = 99999999600")
    database.close()
    monkeypatch.setattr(click, "confirm", lambda *_, **__: None)
    asked = notalone("date-back")
    assert re.fullmatch(
        r"Numbers are dated 5138-11-16 09:40 UTC, and this machine's clock says \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n"
        r"The count goes on at the next tick\.\n",
        asked.out,
    ), asked
    assert notalone("date-back", "--yes").out == "Nothing is dated later than now.\n"


def test_between_two_engines(notalone: Terminal, call: str, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    notalone("backup", "monday.backup")
    monkeypatch.setenv("NOTALONE_DATABASE_URL", database_url)
    assert notalone("backup", "tuesday.backup").err.startswith("notalone: there is no database of Not Alone at ")
    assert notalone("restore", "monday.backup").status == 0
    assert notalone("backup", "tuesday.backup").status == 0
    assert notalone("call", "list").out == f"{call}  open  en  #MeToo\n"


def test_a_backup_is_named_by_its_date(notalone: Terminal, call: str) -> None:
    assert notalone("backup").status == 0
    (file,) = Path().glob("*.backup")
    assert re.fullmatch(r"notalone-\d{4}-\d\d-\d\d-\d{6}\.backup", file.name)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_backup_that_is_there_is_never_replaced(notalone: Terminal, call: str, kind: str) -> None:
    file = Path("monday.backup")
    if kind == "file":
        file.write_text("a good one")
    else:
        file.symlink_to("nowhere")
    assert notalone("backup", "monday.backup") == Answer(
        1,
        "",
        "notalone: monday.backup is there already\n  hint: nothing was written; give another name, or move it away\n",
    )
    assert file.is_symlink() or file.read_text() == "a good one"


def test_a_backup_into_a_folder_that_is_not_there(notalone: Terminal, call: str) -> None:
    assert notalone("backup", "no/where.backup") == Answer(
        1, "", "notalone: there is no folder no\n  hint: make it first, or give another name\n"
    )


def test_a_backup_that_cannot_be_written(notalone: Terminal, call: str) -> None:
    assert notalone("backup", "/proc/monday.backup").err == (
        "notalone: /proc/monday.backup could not be written: No such file or directory\n"
        "  hint: is there space, and may the server's user write there?\n"
    )


def test_what_is_no_backup_is_told_so(notalone: Terminal) -> None:
    Path("monday.backup").write_text("dear diary")
    assert notalone("restore", "monday.backup") == Answer(
        1,
        "",
        "notalone: monday.backup is not a backup of Not Alone\n"
        "  hint: nothing was changed; if that file is damaged, try an older backup\n",
    )


def test_a_backup_of_a_newer_version_is_not_called_old(notalone: Terminal, call: str) -> None:
    notalone("backup", "monday.backup")
    with zipfile.ZipFile("monday.backup") as whole, zipfile.ZipFile("newer.backup", "w") as newer:
        for name in whole.namelist():
            newer.writestr(name, whole.read(name).replace(b'"format":1', b'"colour":"red","format":2'))
    assert notalone("restore", "newer.backup") == Answer(
        1,
        "",
        "notalone: the backup has format 2, which is newer than this program\n"
        "  hint: nothing was changed; restore it with the version that made it, or a later one\n",
    )


def test_a_backup_that_is_not_there(notalone: Terminal) -> None:
    answer = notalone("restore", "monday.backup")
    assert answer.status == 2
    assert "'monday.backup' does not exist" in answer.err


# settings


def test_the_settings_are_listed_with_what_they_mean(notalone: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTALONE_DATABASE_URL", "postgresql://n:secret@db/v")
    monkeypatch.setenv("NOTALONE_TICK", "60")
    monkeypatch.setenv("NOTALONE_PORT", "")
    answer = notalone("settings")
    assert (answer.status, answer.err) == (0, "")
    assert "NOTALONE_DATABASE_URL=postgresql://n:***@db/v\n" in answer.out
    assert "NOTALONE_TICK=60\n    seconds between two publications of the count\n    by default: 600\n" in answer.out
    assert "NOTALONE_PORT=8000\n    port to listen on\nNOTALONE_WORKERS=" in answer.out


def test_what_is_wrong_stands_among_the_settings(notalone: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTALONE_PORT", "many\x1b[31m")
    monkeypatch.setenv("NOTALONE_TICKS", "60")
    answer = notalone("settings")
    assert answer.status == 1
    assert (
        "NOTALONE_PORT=many?[31m\n    port to listen on\n    by default: 8000\n"
        "    CANNOT BE USED: expected a whole number\n"
    ) in answer.out
    assert "NOTALONE_TICK=600\n" in answer.out
    assert sorted(answer.err.splitlines()) == [
        "  hint: did you mean NOTALONE_TICK?",
        "notalone: NOTALONE_PORT: expected a whole number",
        "notalone: there is no setting NOTALONE_TICKS",
    ]


# serve and demo


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_taken(notalone: Terminal, monkeypatch: pytest.MonkeyPatch, taken: int, command: str) -> None:
    monkeypatch.setenv("NOTALONE_PORT", str(taken))
    assert notalone(command) == Answer(
        1,
        "",
        f"notalone: cannot listen on port {taken} of 127.0.0.1: Address already in use\n"
        "  hint: does Not Alone run already? if not, set NOTALONE_PORT to another\n",
    )
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine(notalone: Terminal, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("NOTALONE_HOST", host)
    answer = notalone("serve")
    assert answer.status == 1
    assert answer.err.startswith(f"notalone: cannot listen on port 8000 of {host}: ")
    assert answer.err.endswith("  hint: NOTALONE_HOST has to be an address of this machine\n")


def test_a_help_directory_that_cannot_be_shown(notalone: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTALONE_PORT", str(free_port()))
    monkeypatch.setenv("NOTALONE_HELP_DIRECTORY", "help.json")
    Path("help.json").write_text("{}")
    answer = notalone("serve")
    assert answer.status == 1
    assert answer.err.startswith("notalone: the help directory cannot be shown: ")
    assert answer.err.endswith(
        "\n  hint: src/notalone/help/README.md says what an entry needs; NOTALONE_HELP_DIRECTORY names the file\n"
    )


@pytest.mark.parametrize(
    ("command", "out", "err"),
    [
        (
            "serve",
            "Not Alone serves 0 calls, 0 open: https://calls.example.org\n",
            '"notalone call load FOLDER" puts a call here; no restart is needed.\n',
        ),
        ("demo", "Not Alone serves 1 call, 1 open: https://calls.example.org\n", ""),
    ],
)
def test_it_serves(notalone: Terminal, command: str, out: str, err: str) -> None:
    """A real process on a real port; ended as systemd ends it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "notalone", command],
        env={**os.environ, "NOTALONE_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process)
        process.terminate()
        said = tuple(part.decode() for part in process.communicate(timeout=30))
    finally:
        process.kill()
        process.wait()
    assert said == (out, err)
