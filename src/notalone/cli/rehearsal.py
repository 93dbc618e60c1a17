# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a replay may go: a call that says itself that its numbers are not people.

Nobody could tell a program's voices from people's afterwards. So it is either a server of our own that is thrown
away, or a call that its operator marked as a rehearsal.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notalone.cli.terminal import Trouble, say
from notalone.client.door import Door
from notalone.services.bundle import read_bundle
from notalone.services.platform import open_platform
from notalone.services.settings import Settings, variable

# The scratch server asks hardly any work of its visitors. In life each has a device of her own to do it; here one
# machine plays them all, and would be measuring itself. The server's check is the same for any number of bits.
SCRATCH_BITS = 1
SCRATCH_TICK = 2
# So many bits take longer than the server's whole answer.
COSTLY_BITS = 6


@dataclass(frozen=True)
class Place:
    """A call for rehearsals on a server that runs. `fresh`: nobody gave a voice to it before."""

    url: str
    slug: str
    pow_bits: int
    fresh: bool


async def marked_call(door: Door, url: str, slug: str | None) -> Place:
    """The call on someone's server; only if it says itself that its numbers are not people."""
    if slug is None:
        marked = [call.slug for call in await door.calls() if call.rehearsal and call.open]
        if len(marked) != 1:
            there = f"open rehearsals there: {', '.join(marked)}" if marked else "no open call there is a rehearsal"
            raise Trouble("which call? --call is not given", there)
        slug = marked[0]
    call = await door.call(slug)
    if not call.rehearsal:
        raise Trouble(
            f"the call {slug} is not marked as a rehearsal, so nothing was sent",
            'no one could tell these voices from people\'s; write a call with "notalone call new --rehearsal"',
        )
    if not call.open:
        raise Trouble(f"the call {slug} is closed", "load another rehearsal; a closed call takes no voices")
    if call.pow_bits >= COSTLY_BITS:
        say(
            f"The server asks {call.pow_bits} bits of work for each voice, about {2**call.pow_bits:,} hashes, and this "
            f"machine does it for all. {variable('pow_bits')}={SCRATCH_BITS} there lets the server be the limit.",
            err=True,
        )
    return Place(url, slug, call.pow_bits, fresh=False)


@asynccontextmanager
async def scratch_server(database_url: str | None) -> AsyncIterator[Place]:
    """The same program as `notalone serve`, in a process and a data folder of its own, with one call."""
    with tempfile.TemporaryDirectory(prefix="notalone-replay-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        # Closed only now that the number is known; the server takes the port after us.
        probe.close()
        settings = Settings(
            data=Path(folder),
            database_url=database_url or "",
            port=port,
            tick=SCRATCH_TICK,
            pow_bits=SCRATCH_BITS,
        )
        slug = await _load_rehearsal(settings)
        with _serving(settings):
            yield Place(settings.public_url, slug, SCRATCH_BITS, fresh=True)


async def _load_rehearsal(settings: Settings) -> str:
    """A call of this moment, so that one database can be used twice."""
    bundle = settings.data / f"rehearsal-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    bundle.mkdir()
    (bundle / "en.md").write_text(_BUNDLE, encoding="utf-8")
    async with open_platform(settings) as platform:
        people = [call.slug for call in platform.calls.all() if not call.rehearsal]
        if people:
            raise Trouble(
                f"that database holds {people[0]}, which is no rehearsal", "give a database made for this, an empty one"
            )
        await platform.calls.load(bundle.name, read_bundle(bundle))
    return bundle.name


_BUNDLE = """---
title: "Rehearsal"
ask: "This is a rehearsal. Its numbers are not people."
summary: "A replay of how a campaign came in, to see what the server holds."
operator: "Whoever started the replay"
contact: "https://example.org"
reviewed: yes
rehearsal: yes
---
## What this is {#about}

A program sends voices here. Nobody is behind them.

## Your privacy {#privacy}

Nothing here is about anyone.

## If you are under 18 {#minors}

Nothing here is for you to answer.
"""


@contextmanager
def _serving(settings: Settings) -> Iterator[None]:
    log = settings.data / "server.log"
    ours = {
        "data": settings.data,
        "database_url": settings.database_url,
        "port": settings.port,
        "tick": settings.tick,
        "pow_bits": settings.pow_bits,
    }
    # None of this machine's own settings: a rehearsal must not reach a real data folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NOTALONE_")}
    environment |= {variable(name): str(value) for name, value in ours.items()}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "notalone", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            # Ctrl-C is for us: the server has to live until its count is checked.
            start_new_session=True,
        )
    try:
        _wait_for(process, settings.port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pass
        else:
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        said = log.read_text(errors="replace").strip().splitlines()
        ours = [line.removeprefix("notalone: ") for line in said if line.startswith("notalone: ")]
        raise Trouble("the scratch server did not start", (ours or said or ["it said nothing"])[-1])
    raise Trouble("the scratch server did not start within 30 seconds", "is the machine very busy? try again")
