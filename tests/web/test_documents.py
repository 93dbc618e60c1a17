# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import gzip
import threading
import time

import pytest

from notalone.web.documents import Documents
from notalone.web.prepared import KEEP, Latest


async def test_however_many_ask_at_once_it_is_made_once() -> None:
    documents = Documents()
    made = []

    def make() -> str:
        made.append(threading.current_thread())
        time.sleep(0.05)
        return "€" * 1000

    found = await asyncio.gather(*(documents.get("count", 1, make) for _ in range(50)))
    assert len(made) == 1
    assert made[0] is not threading.main_thread()  # those who tap meanwhile do not wait
    assert len({id(each) for each in found}) == 1
    assert found[0].body == "€".encode() * 1000
    assert gzip.decompress(found[0].packed) == found[0].body
    assert await documents.get("count", 1, make) is found[0]


async def test_it_is_made_anew_when_it_shows_something_else() -> None:
    documents = Documents()
    assert (await documents.get("count", 1, lambda: "old")).body == b"old"
    assert (await documents.get("count", 2, lambda: "new")).body == b"new"
    assert (await documents.get("other", 2, lambda: "apart")).body == b"apart"
    assert (await documents.get("count", 2, lambda: "not asked")).body == b"new"


async def test_what_failed_is_tried_again() -> None:
    documents = Documents()

    def fail() -> str:
        raise LookupError("no text")

    for _ in range(2):
        with pytest.raises(LookupError):
            await documents.get("count", 1, fail)
    assert (await documents.get("count", 1, lambda: "here")).body == b"here"


async def test_who_goes_away_does_not_stop_it_for_the_others() -> None:
    documents = Documents()
    begun = threading.Event()
    go_on = threading.Event()

    def make() -> str:
        begun.set()
        go_on.wait(10)
        return "here"

    impatient = asyncio.create_task(documents.get("count", 1, make))
    await asyncio.to_thread(begun.wait, 10)
    patient = asyncio.create_task(documents.get("count", 1, make))
    await asyncio.sleep(0)
    impatient.cancel()
    go_on.set()
    assert (await patient).body == b"here"


def test_the_oldest_go_first_and_old_versions_at_once() -> None:
    latest = Latest[int]()
    for n in range(10):
        assert latest.get("one", n, lambda n=n: n) == n  # type: ignore[misc]
    for n in range(KEEP):
        latest.get(n, 0, lambda: 0)
    assert latest.get(0, 0, lambda: 1) == 0
    assert latest.get("one", 9, lambda: 99) == 99
