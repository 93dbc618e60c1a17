# SPDX-License-Identifier: AGPL-3.0-or-later
"""Give a voice and take it back.

Voices are committed in groups: while one group is being written, the next one gathers. Nobody waits for a timer, and
the answer goes out after the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from pathlib import Path

from notalone.protocol.voice import Kind, code_for, id_for
from notalone.services.call import Call
from notalone.storage import journal
from notalone.storage import voice as stored
from notalone.storage.database import Database, StorageUnavailable
from notalone.storage.voice import NotNew, Others, VoiceWriter

_log = logging.getLogger(__name__)

# A group is bounded so that one commit stays within milliseconds.
GROUP = 1000
# Less than a third of the connections that there are for all but the group commit. Were each withdrawal to wait for a
# connection of its own, a flood of them would keep the count from being published. With SQLite, where writers take
# turns, it is also how many of them the publication waits for.
WITHDRAWALS = 4
# How long one waits for the others. Then she is told to try again, not kept before an empty page.
WITHDRAWAL_SECONDS = 20.0


class CallClosed(Exception):
    """The call takes no more voices. This one was not counted."""


class VoiceWithdrawn(Exception):
    """This voice was withdrawn by its owner and is not counted again."""


class UnknownCode(LookupError):
    """No voice of this call has that code."""


class WriterFailed(Exception):
    """A defect of ours. The voice is not known to be stored; the same nonce may be sent again."""


class _Group:
    def __init__(self) -> None:
        self.ids: dict[tuple[int, int], list[bytes]] = {}
        self.all: set[bytes] = set()
        self.done = asyncio.Event()
        self.others: Others = {}
        self.error: StorageUnavailable | WriterFailed | None = None

    def add(self, call_id: int, kind: int, id: bytes) -> None:
        if id not in self.all:
            self.all.add(id)
            self.ids.setdefault((call_id, kind), []).append(id)


class _Known:
    """Looks up which voices are stored. In a flood thousands ask, so all that ask during one reading share the next."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gathering: tuple[set[tuple[int, bytes]], asyncio.Task[set[tuple[int, bytes]]]] | None = None
        self._reading = asyncio.Lock()

    async def find(self, call_id: int, id: bytes) -> bool:
        """Raises StorageUnavailable."""
        if self._gathering is None:
            asked = set[tuple[int, bytes]]()
            self._gathering = asked, asyncio.create_task(self._read(asked))
        asked, answer = self._gathering
        asked.add((call_id, id))
        # Who stops waiting does not stop it for the others.
        return (call_id, id) in await asyncio.shield(answer)

    async def _read(self, asked: set[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
        async with self._reading:
            self._gathering = None
            async with self._database.read() as connection:
                return await stored.known(connection, asked)


class Voices:
    """The one writer of voices in this process."""

    def __init__(self, database: Database, writer: VoiceWriter, journal_path: Path) -> None:
        self._database = database
        self._writer = writer
        self._journal = journal_path
        self._known = _Known(database)
        self._waiting: deque[_Group] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._withdrawals = asyncio.Semaphore(WITHDRAWALS)

    async def start(self) -> None:
        await self._writer.open()
        self._task = asyncio.create_task(self._write_groups())

    async def stop(self) -> None:
        """Write what is waiting, then stop."""
        if self._task is not None:
            self._stopping = True
            self._wake.set()
            await self._task
        await self._writer.close()

    async def give(self, call: Call, nonce: str, kind: Kind) -> str:
        """Count this voice durably, once however often it is sent. The answer is its code.

        Raises CallClosed, VoiceWithdrawn; StorageUnavailable, WriterFailed (then the same nonce may be sent again).
        """
        if self._stopping:
            raise StorageUnavailable("the server is stopping")
        code = code_for(call.salt, nonce, kind)
        id = id_for(call.salt, code)
        group = self._gathering()
        group.add(call.id, kind, id)
        self._wake.set()
        await group.done.wait()
        if group.error is not None:
            raise type(group.error)(str(group.error)) from group.error
        why_not = group.others.get(id)
        if why_not is NotNew.CALL_CLOSED:
            raise CallClosed(call.slug)
        if why_not is NotNew.WITHDRAWN:
            raise VoiceWithdrawn(call.slug)
        return code

    async def is_known(self, call: Call, nonce: str, kind: Kind) -> bool:
        """Whether this voice came before, withdrawn since or not. Raises StorageUnavailable."""
        return await self._known.find(call.id, id_for(call.salt, code_for(call.salt, nonce, kind)))

    async def withdraw(self, call: Call, code: str) -> bool:
        """Take the voice with this code (as `protocol.voice.read_code` returns it) out of the count.

        False: it was withdrawn before. Raises UnknownCode, StorageUnavailable.
        """
        try:
            async with asyncio.timeout(WITHDRAWAL_SECONDS):
                await self._withdrawals.acquire()
        except TimeoutError:
            raise StorageUnavailable("too many withdrawals at once") from None
        try:
            return await self._withdraw(call, id_for(call.salt, code))
        finally:
            self._withdrawals.release()

    async def _withdraw(self, call: Call, id: bytes) -> bool:
        async with self._database.read() as connection:
            kind = await stored.kind_of(connection, call.id, id)
        if kind is None:
            raise UnknownCode(call.slug)
        if kind == stored.WITHDRAWN:
            return False
        try:
            await asyncio.to_thread(journal.append, self._journal, call.slug, id)
        except OSError as error:
            raise StorageUnavailable(str(error)) from error
        async with self._database.write() as connection:
            return await stored.withdraw(connection, call.id, id) != stored.WITHDRAWN

    def _gathering(self) -> _Group:
        if not self._waiting or len(self._waiting[-1].all) >= GROUP:
            self._waiting.append(_Group())
        return self._waiting[-1]

    async def _write_groups(self) -> None:
        while self._waiting or not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group = self._waiting.popleft()
                try:
                    group.others = await self._writer.commit(group.ids)
                except StorageUnavailable as error:
                    group.error = error
                    # The others came while this one waited for the database. Were each to wait for it in turn, the
                    # last would be told after minutes.
                    while self._waiting:
                        self._waiting[0].error = error
                        self._waiting.popleft().done.set()
                except Exception as error:
                    # A writer that died of a defect would leave everyone after it waiting for ever.
                    _log.exception("the voice writer failed")
                    group.error = WriterFailed(type(error).__name__)
                group.done.set()
