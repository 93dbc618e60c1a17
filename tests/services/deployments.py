# SPDX-License-Identifier: AGPL-3.0-or-later
"""Deployments with people in them, to back up and to restore."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from notalone.protocol.voice import Kind, id_for
from notalone.services.platform import Platform, run_platform
from notalone.services.settings import Settings
from notalone.storage.database import Database
from notalone.storage.schema import metadata
from tests.conftest import TEXT, Clock, fresh_nonce

ME_TOO, STAND = Kind.ME_TOO, Kind.STAND_WITH_YOU
Contents = dict[str, list[dict[str, Any]]]


@dataclass
class Deployments:
    """Makes platforms, each on an empty database of its own, with one clock."""

    folder: Path
    make_url: Callable[[str], str]
    clock: Clock
    made: int = 0

    @asynccontextmanager
    async def fresh(self, engine: str) -> AsyncIterator[Platform]:
        self.made += 1
        settings = Settings(data=self.folder / f"deployment-{self.made}", database_url=self.make_url(engine), workers=1)
        settings.data.mkdir()
        async with run_platform(settings, self.clock) as platform:
            yield platform


@dataclass
class Person:
    """Someone who gave a voice, with what she kept."""

    slug: str
    kind: Kind
    nonce: str = field(default_factory=fresh_nonce)
    code: str = ""

    async def gives(self, platform: Platform) -> Person:
        self.code = await platform.voices.give(platform.calls.get(self.slug), self.nonce, self.kind)
        return self

    async def withdraws(self, platform: Platform) -> bool:
        return await platform.voices.withdraw(platform.calls.get(self.slug), self.code)

    def id(self, platform: Platform) -> tuple[int, bytes]:
        call = platform.calls.get(self.slug)
        return call.id, id_for(call.salt, self.code)


async def crowd(platform: Platform, slug: str, kind: Kind, number: int) -> list[Person]:
    return list(await asyncio.gather(*(Person(slug, kind).gives(platform) for _ in range(number))))


async def contents(database: Database) -> Contents:
    """Everything, in an order that does not depend on when it came."""
    found: Contents = {}
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            rows = await connection.execute(select(table).order_by(*table.primary_key.columns))
            found[table.name] = [dict(row) for row in rows.mappings()]
    return found


async def populate(platform: Platform, clock: Clock) -> list[Person]:
    """Two calls, one of them closed; some published numbers; some who withdrew."""
    await platform.calls.load("metoo", {"en": TEXT, "es": TEXT})
    await platform.calls.load("our-town", {"en": TEXT})
    people = await crowd(platform, "metoo", ME_TOO, 60) + await crowd(platform, "metoo", STAND, 55)
    people += await crowd(platform, "our-town", ME_TOO, 3)
    clock.now += platform.settings.tick
    await platform.magnitude.release()
    for person in people[:4]:
        await person.withdraws(platform)
    await platform.calls.close("our-town")
    clock.now += platform.settings.tick
    await platform.magnitude.release()
    return people


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
