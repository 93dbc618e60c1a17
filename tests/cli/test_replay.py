# SPDX-License-Identifier: AGPL-3.0-or-later
"""`notalone replay`: against its own scratch server, and against one that runs already."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notalone.cli import terminal
from notalone.cli.replay import _Verdict
from notalone.cli.replay import replay as command
from notalone.protocol.voice import Kind
from tests.conftest import TEXT
from tests.postgres import Cluster
from tests.server import ROOT, Server, server


def replay(*arguments: str | Path, status: int = 0) -> str:
    """What it printed on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "notalone", "replay", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def figure(printed: str, name: str) -> str:
    found = re.search(rf"^{name}\s+(.*)$", printed, re.MULTILINE)
    assert found is not None, printed
    return found[1]


def test_a_small_day_is_kept_whole() -> None:
    printed = replay("--scale", "0.001", "--speed", "86400")
    assert figure(printed, "planned").startswith("500 in 1 s")
    assert figure(printed, "accepted") == "500"
    assert (figure(printed, "refused"), figure(printed, "unanswered"), figure(printed, "lost")) == ("0", "0", "0")
    assert figure(printed, "count of metoo") == "400 for 400 accepted: agrees"
    assert figure(printed, "count of stand") == "100 for 100 accepted: agrees"
    assert figure(printed, "sent once more") == "100 of the accepted: known, with the code that each had"


def test_a_series_through_the_api_into_postgresql(tmp_path: Path, postgres: Cluster) -> None:
    table = tmp_path / "tweets.csv"
    table.write_text("date,tweets\n2017-10-15,100\n2017-10-16,2000\n2017-10-17,1000\n")
    days = ("--series", table, "--from", "2017-10-16", "--days", "2", "--scale", "0.1", "--speed", "172800")
    printed = replay(*days, "--through", "api", "--connections", "8", "--database-url", postgres.fresh_url())
    assert "tweets.csv, 2 day(s) from 2017-10-16, 0.1 times as many" in printed
    assert figure(printed, "accepted") == "300"
    assert figure(printed, "count of metoo") == "240 for 240 accepted: agrees"


def test_ctrl_c_ends_with_the_table_and_the_check() -> None:
    day = [sys.executable, "-m", "notalone", "replay", "--scale", "0.01", "--speed", "1440"]
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    process = subprocess.Popen(day, cwd=ROOT, stdout=subprocess.PIPE, stderr=end, text=True)
    os.close(end)
    shown = _shown(terminal, until=lambda so_far: re.search(r"\D[1-9][\d,]*/s  p99", so_far) is not None)
    process.send_signal(signal.SIGINT)
    shown += _shown(terminal, until=lambda so_far: False)
    printed, _ = process.communicate(timeout=30)
    os.close(terminal)
    assert process.returncode == 1, printed
    assert "stopped before the end of the curve: you stopped it" in shown
    assert figure(printed, "lost") == "0"
    assert "Traceback" not in shown + printed


def _shown(terminal: int, *, until: Callable[[str], bool]) -> str:
    """What a program writes to its terminal, `until` then or until it closes it."""
    shown, deadline = "", time.monotonic() + 60
    while not until(shown):
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, shown
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # Linux's way to say that nobody holds the other end any more
            break
    return shown


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with people's call and a rehearsal."""
    data = tmp_path_factory.mktemp("replay")
    for slug, text in (("people", TEXT), ("drill", TEXT.replace("reviewed: yes", "reviewed: yes\nrehearsal: yes"))):
        (data / slug).mkdir()
        (data / slug / "en.md").write_text(text)
    with server(data, data / "people", data / "drill", pow_bits=6, tick=1) as up:
        yield up


def test_on_a_running_server_it_goes_to_the_rehearsal_only(running: Server) -> None:
    few = ("--scale", "0.0002", "--speed", "86400", "--url", running.url)
    refused = replay(*few, "--call", "people", status=1)
    assert "not marked as a rehearsal, so nothing was sent" in refused
    first = replay(*few)
    assert figure(first, "count of metoo") == "80 for 80 accepted, fewer than 50 before: agrees"
    assert figure(first, "count of stand") == "fewer than 50 for 20 accepted, fewer than 50 before: agrees"
    assert "The server asks 6 bits of work" in first
    again = replay(*few, "--call", "drill")
    assert figure(again, "count of metoo") == "160 for 80 accepted, 80 before: agrees"
    assert running.get_json("/api/calls/people/count.json")["numbers"] == {"metoo": None, "stand": None}


def test_a_database_with_people_in_it_is_left_alone(running: Server) -> None:
    url = f"sqlite:///{running.data / 'notalone.db'}"
    assert "holds people, which is no rehearsal" in replay("--database-url", url, status=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--call", "drill"], "no --url is given"),
        (["--url", "http://127.0.0.1:9", "--database-url", "sqlite:///x"], "leave one of them away"),
        (["--url", "http://127.0.0.1:9"], "gave no answer"),
        (["--days", "2"], "no --series is given"),
        (["--series", "nothing.csv"], "could not be read"),
        (["--series", "README.md", "--from", "yesterday"], '"yesterday" is not a date'),
        (["--scale", "0.0000001"], "no voice at all"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_hint(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(command, arguments) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert "\n  hint: " in printed


@pytest.mark.parametrize(
    ("accepted", "unanswered", "before", "now", "agrees", "lost"),
    [
        (100, 0, 0, 100, True, 0),
        (100, 0, 0, 99, False, 1),
        (100, 0, 0, 101, False, 0),
        (100, 3, 0, 103, True, 0),
        (100, 3, 0, 104, False, 0),
        (100, 0, 70, 170, True, 0),
        (100, 0, None, 149, True, 0),
        (100, 0, None, 150, False, 0),
        (100, 0, None, 99, False, 1),
        (49, 0, 0, None, True, 0),
        (50, 0, 0, None, False, 1),
        (100, 0, 0, None, False, 51),
    ],
)
def test_when_a_count_agrees(
    accepted: int, unanswered: int, before: int | None, now: int | None, agrees: bool, lost: int
) -> None:
    verdict = _Verdict(Kind.ME_TOO, accepted, unanswered, before, now, shown_from=50)
    assert (verdict.agrees, verdict.lost) == (agrees, lost)
    assert ("DISAGREES" in verdict.said()) is not agrees
