# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls: load a bundle, close and delete a call, and know them all without asking the database each time."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from notalone.protocol.voice import SALT_BYTES
from notalone.services.bundle import BundleError, CallText, parse_text
from notalone.storage import call as stored
from notalone.storage.database import Database
from notalone.storage.magnitude import hold_publishing
from notalone.storage.voice import hold_writers

_log = logging.getLogger(__name__)


class UnknownCall(LookupError):
    """There is no call of that name here."""


class CallOpen(Exception):
    """The call still takes voices. Nothing was deleted."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the pages need it."""

    id: int
    slug: str
    salt: bytes
    revision: int
    open: bool
    loaded_on: date
    closed_on: date | None
    texts: Mapping[str, CallText]

    def text(self, lang: str) -> CallText:
        """In that language, or else in English, or else in the first there is."""
        return self.texts.get(lang) or self.texts.get("en") or next(iter(self.texts.values()))

    @property
    def rehearsal(self) -> bool:
        """Whether its numbers are not people."""
        return next(iter(self.texts.values())).rehearsal


class Calls:
    """Every call of this deployment."""

    def __init__(self, database: Database, today: Callable[[], date]) -> None:
        self._database = database
        self._today = today
        self._by_slug: dict[str, Call] = {}
        self._seen = (-1, -1, -1)
        # One at a time: else one that read before a change could put the old calls back after it.
        self._refreshing = asyncio.Lock()

    def get(self, slug: str) -> Call:
        """Raises UnknownCall."""
        try:
            return self._by_slug[slug]
        except KeyError:
            raise UnknownCall(slug) from None

    def all(self) -> list[Call]:
        """Oldest first."""
        return list(self._by_slug.values())

    async def refresh(self) -> bool:
        """Read again what another process changed. Whether anything was."""
        async with self._refreshing:
            return await self._read_again()

    async def _read_again(self) -> bool:
        async with self._database.read() as connection:
            seen = await stored.revisions(connection)
            if seen == self._seen:
                return False
            fresh: dict[str, Call] = {}
            for each in await stored.read_all(connection):
                before = self._by_slug.get(each.slug)
                if before is not None and (before.id, before.revision) == (each.id, each.revision):
                    fresh[each.slug] = before
                    continue
                try:
                    fresh[each.slug] = _call(each, await stored.read_texts(connection, each.id))
                except BundleError:
                    # A text that an older version took and this one refuses: the other calls must go on.
                    _log.exception("the call %s cannot be shown; load its bundle again", each.slug)
        self._by_slug, self._seen = fresh, seen
        return True

    async def load(self, slug: str, sources: Mapping[str, str]) -> Literal["new", "changed", "same"]:
        """Store a checked bundle (services/bundle.py). A closed call stays closed; its voices stay."""
        for lang, source in sources.items():
            parse_text(source, lang)
        async with self._database.write() as connection:
            there = await stored.find(connection, slug)
            if there is None:
                call_id = await stored.add(connection, slug, secrets.token_bytes(SALT_BYTES), self._today())
            else:
                call_id = there.id
                if await stored.read_texts(connection, call_id) == dict(sources):
                    return "same"
                await stored.touch(connection, call_id)
            await stored.write_texts(connection, call_id, sources)
        await self.refresh()
        return "new" if there is None else "changed"

    async def close(self, slug: str) -> bool:
        """From the next group commit on, in every worker, the call takes no voice. False: it was closed already.

        Raises UnknownCall.
        """
        async with self._database.write() as connection:
            there = await stored.find(connection, slug)
            if there is None:
                raise UnknownCall(slug)
            if there.closed_on is not None:
                return False
            await stored.close(connection, there.id, self._today())
            await stored.touch(connection, there.id)
        await self.refresh()
        return True

    async def delete(self, slug: str) -> int:
        """Delete a closed call with its texts, voices and published numbers; how many voices stood in it.

        Raises UnknownCall, CallOpen.
        """
        async with self._database.write() as connection:
            # Whoever still found the call, to add a voice or to publish its number, ends first.
            await hold_writers(connection)
            await hold_publishing(connection)
            there = await stored.find(connection, slug)
            if there is None:
                raise UnknownCall(slug)
            if there.closed_on is None:
                raise CallOpen(slug)
            voices = await stored.remove(connection, there.id)
        await self.refresh()
        return voices


def _call(each: stored.StoredCall, sources: Mapping[str, str]) -> Call:
    texts = {lang: parse_text(source, lang) for lang, source in sources.items()}
    return Call(
        each.id,
        each.slug,
        each.salt,
        each.revision,
        each.closed_on is None,
        each.loaded_on,
        each.closed_on,
        texts,
    )
