# SPDX-License-Identifier: AGPL-3.0-or-later
"""The load: wrk, and the voices that it sends.

wrk can neither hash nor keep nonces apart, so both are made before: nonces are a prefix and a counter, and each has a
proof of work that the server really checks. Only the number of bits is small, for the server's check costs the same
for any number, and wrk's side of it is the visitors' devices in life.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

from notalone.client.wire import Through
from notalone.protocol.voice import NONCE_BYTES, nonce_from, solve_proof

BITS = 2
# More than any server here takes; what is left over is never sent.
A_SECOND = 20_000
_LINE = 32  # 22 of nonce, 1 space, 8 of proof, 1 newline
_PREFIX = b"notbench"


@dataclass(frozen=True)
class Voices:
    """A file of voices to send, in parts so that several runs on one database never send the same."""

    path: Path
    slug: str
    in_a_part: int

    @classmethod
    def make(cls, path: Path, slug: str, seconds: float, parts: int) -> Voices:
        in_a_part = int(A_SECOND * seconds)
        with path.open("w", encoding="ascii") as file:
            for number in range(in_a_part * parts):
                nonce = nonce_from(_PREFIX + number.to_bytes(NONCE_BYTES - len(_PREFIX), "big"))
                file.write(f"{nonce} {solve_proof(slug, nonce, BITS)}\n")
        return cls(path, slug, in_a_part)


class _Found(msgspec.Struct):
    requests: int
    duration: int
    bytes: int
    p50: int
    p99: int
    most: int
    broken: int
    refused: int


@dataclass(frozen=True)
class Measured:
    """One run. Latencies in milliseconds; `generator`: microseconds of wrk's own CPU for each answer."""

    answers: int
    seconds: float
    p50: float
    p99: float
    most: float
    broken: int
    refused: int
    generator: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def send_voices(
    url: str,
    voices: Voices,
    through: Through,
    *,
    clients: int,
    seconds: float,
    codes: Path,
    part: int = 0,
    new_connections: bool = False,
) -> Measured:
    """As many as `clients` can; appends the code of each accepted voice to `codes`."""
    first = part * voices.in_a_part
    arguments = [through.value, voices.slug, str(voices.path), str(first), str(_LINE), str(codes)]
    # A visitor whose connection is closed after the answer: the next one has to shake hands anew.
    headers = ["-H", "Connection: close"] if new_connections else []
    return _run(url, "bench/voices.lua", clients, seconds, headers, arguments)


def read_page(url: str, *, clients: int, seconds: float) -> Measured:
    return _run(url, "bench/pages.lua", clients, seconds, [], [])


def _run(url: str, script: str, clients: int, seconds: float, headers: list[str], arguments: list[str]) -> Measured:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "20s", *headers, "-s", script, url]
    before = _cpu_of_children()
    done = subprocess.run(
        [*command, "--", *arguments], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))
    found = msgspec.convert(json.loads(line.removeprefix("FOUND ")), _Found)
    cpu = _cpu_of_children() - before
    return Measured(
        found.requests,
        found.duration / 1e6,
        found.p50 / 1000,
        found.p99 / 1000,
        found.most / 1000,
        found.broken,
        found.refused,
        1e6 * cpu / max(found.requests, 1),
    )


def _cpu_of_children() -> float:
    """Seconds of CPU of the processes that we waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
