# SPDX-License-Identifier: AGPL-3.0-or-later
"""Give a voice and take it back.

Voices are committed in groups: while one group is being written, the next one gathers. The answer goes out after the
commit. When a group is written, `pace.py` says.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from pathlib import Path

from notalone.protocol.voice import Kind, code_for, id_for
from notalone.services.call import Call
from notalone.services.pace import Pace
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
        self._gathering: tuple[set[tuple[int, bytes]], asyncio.Task[stored.Kinds]] | None = None
        self._reading = asyncio.Lock()

    async def kind_of(self, call_id: int, id: bytes) -> int | None:
        """As it is stored; None when it is not. Raises StorageUnavailable."""
        if self._gathering is None:
            asked = set[tuple[int, bytes]]()
            self._gathering = asked, asyncio.create_task(self._read(asked))
        asked, answer = self._gathering
        asked.add((call_id, id))
        # Who stops waiting does not stop it for the others.
        return (await asyncio.shield(answer)).get((call_id, id))

    async def _read(self, asked: set[tuple[int, bytes]]) -> stored.Kinds:
        async with self._reading:
            self._gathering = None
            async with self._database.read() as connection:
                return await stored.kinds_of(connection, asked)


def check_journal(path: Path) -> None:
    """That withdrawals can be written there. Raises OSError."""
    journal.check(path)


class _Outage:
    """Tells the operator that voices cannot be stored, once a minute and not for each; and that they can be again."""

    SECONDS = 60.0

    def __init__(self) -> None:
        self._told = -math.inf

    def tell(self, error: StorageUnavailable) -> None:
        if time.monotonic() >= self._told + self.SECONDS:
            _log.error("voices cannot be stored: %s%s", error, f" ({error.hint})" if error.hint else "")
            self._told = time.monotonic()

    def end(self) -> None:
        if self._told > -math.inf and time.monotonic() >= self._told + self.SECONDS:
            _log.warning("voices are stored again")
            self._told = -math.inf


class Voices:
    """The one writer of voices in this process."""

    def __init__(self, database: Database, writer: VoiceWriter, journal_path: Path, pace: Pace | None = None) -> None:
        self._database = database
        self._pace = Pace() if pace is None else pace
        self._writer = writer
        self._journal = journal_path
        self._known = _Known(database)
        self._outage = _Outage()
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
        code = code_for(call.salt, nonce, kind)
        id = id_for(call.salt, code)
        # Whatever is not going to be written must not wait for what others write: sent again and again, it would tell
        # by its time when somebody taps. In a crowd no single tap shows, and nobody need be looked up.
        if not (call.open and self._pace.crowded):
            try:
                if await self._is_counted(call, id):
                    return code
            except StorageUnavailable:
                if not call.open:
                    raise
                # The writer finds out, and tries a broken connection again.
            if not call.open:
                raise CallClosed(call.slug)
        if self._stopping:
            raise StorageUnavailable("the server is stopping")
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

    async def find(self, call: Call, nonce: str, kind: Kind) -> str | None:
        """The code of this voice if it is counted already. Raises VoiceWithdrawn, StorageUnavailable."""
        code = code_for(call.salt, nonce, kind)
        return code if await self._is_counted(call, id_for(call.salt, code)) else None

    async def _is_counted(self, call: Call, id: bytes) -> bool:
        kind = await self._known.kind_of(call.id, id)
        if kind == stored.WITHDRAWN:
            raise VoiceWithdrawn(call.slug)
        return kind is not None

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
            _log.error("a withdrawal could not be written to %s: %s", self._journal, error.strerror)
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
                if not self._stopping:
                    await self._pace.turn()
                group = self._waiting.popleft()
                try:
                    group.others = await self._writer.commit(group.ids)
                    self._outage.end()
                    self._pace.count(len(group.all) - len(group.others))
                except StorageUnavailable as error:
                    self._outage.tell(error)
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
