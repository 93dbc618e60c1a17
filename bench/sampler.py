# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the CPU time of a worker goes: a look at the stack after every so much CPU time used.

The look is a signal, which Python hands over between two steps of Python code. Time in compiled code is therefore
told of the Python code that called it, and time of the event loop itself of what it calls next, mostly the web
server's reading. On PostgreSQL a worker has one thread, so that no other thread's time is told of this one.
"""

from __future__ import annotations

import signal
from collections import Counter
from types import FrameType

EVERY_SECONDS = 0.001

# The innermost frame that is one of these decides; a helper of Python's own counts for whoever called it.
_PARTS: tuple[tuple[str, str, str], ...] = (
    ("notalone/protocol/voice.py", "proof_holds", "proof of work: checked"),
    ("notalone/protocol/voice.py", "challenge", "proof of work: checked"),
    ("notalone/protocol/voice.py", "", "nonce, code and id: checked and derived"),
    ("notalone/storage/", "", "group commit: the database's driver"),
    ("asyncpg/", "", "group commit: the database's driver"),
    ("notalone/services/", "", "group commit: gathering and waking"),
    ("notalone/web/site.py", "", "the answer: page or JSON, padding"),
    ("notalone/web/prepared.py", "", "the answer: page or JSON, padding"),
    ("notalone/web/pages/", "", "the answer: page or JSON, padding"),
    ("notalone/web/api/answers.py", "", "the answer: page or JSON, padding"),
    ("notalone/web/door.py", "_answer", "the answer: page or JSON, padding"),
    ("notalone/web/door.py", "padded_room", "the answer: page or JSON, padding"),
    ("notalone/web/", "", "the form read and judged, routing"),
    ("litestar/", "", "Litestar"),
    ("bench/bare.py", "", "the bare door"),
    ("uvicorn/", "", "HTTP: uvicorn, httptools, the kernel"),
)
ELSEWHERE = "event loop and the rest"


class Sampler:
    """Counts, for each part, how often it was on the processor."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()
        self._parts: dict[tuple[str, str], str | None] = {}

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            code = frame.f_code
            key = (code.co_filename, code.co_name)
            if key not in self._parts:
                self._parts[key] = _part(*key)
            part = self._parts[key]
            if part is not None:
                self.samples[part] += 1
                return
            frame = frame.f_back
        self.samples[ELSEWHERE] += 1


def _part(path: str, function: str) -> str | None:
    for folder, only, part in _PARTS:
        if folder in path and only in ("", function):
            return part
    return None
