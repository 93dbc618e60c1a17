# SPDX-License-Identifier: AGPL-3.0-or-later
"""A network that fails: passes requests on to a real server, and loses some of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Network:
    """Every `lose_every`-th answer is lost after the server gave it, and its connection with it; 0: none."""

    def __init__(self, port: int, lose_every: int) -> None:
        self.lose_every = lose_every
        self.lost = 0
        self._port = port
        self._answers = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, onward = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while request := await reader.read(65536):
                onward.write(request)
                answer = await _whole_answer(beyond)
                self._answers += 1
                if self.lose_every and self._answers % self.lose_every == 0:
                    self.lost += 1
                    return
                writer.write(answer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, onward):
                each.close()


async def _whole_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
    return head + await reader.readexactly(length)


@asynccontextmanager
async def network(port: int, lose_every: int) -> AsyncIterator[tuple[Network, str]]:
    """The network, and the address of the server as seen through it."""
    between = Network(port, lose_every)
    listening = await asyncio.start_server(between.carry, "127.0.0.1", 0)
    async with listening:
        yield between, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
