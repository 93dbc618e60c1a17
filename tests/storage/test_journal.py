# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notalone.storage import journal

withdrawals = st.lists(
    st.tuples(st.from_regex(r"[a-z0-9][a-z0-9-]{1,39}", fullmatch=True), st.binary(min_size=16, max_size=16)),
    max_size=6,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "withdrawals.log"


@given(withdrawals)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(path: Path, some: list[tuple[str, bytes]]) -> None:
    path.unlink(missing_ok=True)
    for slug, id in some:
        journal.append(path, slug, id)
    assert (journal.read(path) or set()) == set(some)


def test_there_may_be_no_journal_yet(path: Path) -> None:
    assert journal.read(path) is None
    journal.check(path)
    assert journal.read(path) == set()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("data", [b"#!/bin/sh\n" * 20, b"age-encryption.org/v1\n-> X25519 " + bytes(100)])
def test_another_file_is_no_journal(path: Path, data: bytes) -> None:
    journal.check(path)
    path.write_bytes(data)
    with pytest.raises(journal.NotAJournal, match=r"withdrawals\.log is no journal"):
        journal.read(path)


def test_a_journal_of_one_torn_line_is_one(path: Path) -> None:
    journal.append(path, "a" * 40, bytes(16))
    path.write_bytes(path.read_bytes()[:-2])
    assert journal.read(path) == set()


def test_a_place_that_cannot_be_written_to_is_found_out_beforehand(path: Path) -> None:
    journal.append(path, "metoo", bytes(16))
    journal.check(path)
    assert journal.read(path) == {("metoo", bytes(16))}
    with pytest.raises(OSError, match="nothing"):
        journal.check(Path("/proc/nothing/withdrawals.log"))


def test_nobody_else_can_read_it(path: Path) -> None:
    journal.append(path, "metoo", bytes(16))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(
    withdrawals.filter(bool),
    st.integers(0, 60),
    st.sampled_from([b"", b"\0" * 40, b"\xff\xfe\n", b"x\r\ny", b"metoo "]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_line_is_passed_over_and_swallows_no_other(
    path: Path, some: list[tuple[str, bytes]], kept: int, noise: bytes
) -> None:
    """The power failed while a line was written; then others came."""
    path.unlink(missing_ok=True)
    journal.append(path, "torn", b"\x07" * 16)
    path.write_bytes(path.read_bytes()[: min(kept, len("\ntorn ") + 31)] + noise)
    for slug, id in some:
        journal.append(path, slug, id)
    assert journal.read(path) == set(some)


def test_many_may_write_at_once(path: Path) -> None:
    some = [("metoo", n.to_bytes(16, "big")) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: journal.append(path, *each), some))
    assert journal.read(path) == set(some)


def test_a_line_that_did_not_fit_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up takes half of a line without a complaint."""
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
        with pytest.raises(OSError, match="No space left"):
            journal.append(path, "metoo", bytes(16))
    journal.append(path, "metoo", b"\1" * 16)
    assert journal.read(path) == {("metoo", b"\1" * 16)}


def test_a_folder_that_cannot_be_made_is_an_error() -> None:
    with pytest.raises(OSError, match="nothing"):
        journal.append(Path("/proc/nothing/withdrawals.log"), "metoo", bytes(16))


def test_it_is_synced_before_it_is_answered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(path, "metoo", bytes(16))
    seen: list[str] = []

    def watched(name: str) -> Callable[..., object]:
        real: Callable[..., object] = getattr(os, name)

        def call(*arguments: object) -> object:
            seen.append(name)
            return real(*arguments)

        return call

    for name in ("open", "write", "fsync", "close"):
        monkeypatch.setattr(os, name, watched(name))
    journal.append(path, "metoo", b"\1" * 16)
    assert seen == ["open", "write", "fsync", "close"]
