# SPDX-License-Identifier: AGPL-3.0-or-later
"""The running tally, which nobody sees, and the releases, which everybody does.

Only services/magnitude.py reads the tally.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from notalone.storage.database import Connection
from notalone.storage.schema import publication, release, tally


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """What the public saw from `tick` on, until the call's next one."""

    call_id: int
    kind: int
    tick: int
    number: int | None


async def take_tick(connection: Connection, tick: int) -> bool:
    """Whether this tick is ours to publish. Of several workers, the first one is told yes."""
    taken = await connection.execute(update(publication).where(publication.c.tick < tick).values(tick=tick))
    return taken.rowcount == 1


async def hold_publishing(connection: Connection) -> None:
    """Let whoever is publishing end, and others wait until this transaction ends.

    After the writers (storage/voice.py), and before a call is locked or a release written: whoever publishes takes the
    tick first, and the number that it then writes locks the call that it is of.
    """
    await connection.execute(update(publication).values(tick=publication.c.tick))


async def date_back(connection: Connection, tick: int) -> None:
    """What was published later than at this tick becomes of this tick; of several numbers the last one stays."""
    late = release.alias()
    last = select(func.max(late.c.tick)).where(late.c.call_id == release.c.call_id, late.c.kind == release.c.kind)
    await connection.execute(delete(release).where(release.c.tick >= tick, release.c.tick < last.scalar_subquery()))
    await connection.execute(update(release).where(release.c.tick > tick).values(tick=tick))
    await connection.execute(update(publication).where(publication.c.tick > tick).values(tick=tick))


async def last_tick(connection: Connection) -> int:
    """The last published tick; 0 before the first."""
    return int(await connection.scalar(select(publication.c.tick)) or 0)


async def totals(connection: Connection) -> dict[tuple[int, int], int]:
    """(call id, kind) -> voices that stand now. Raw: never show it."""
    total = func.sum(tally.c.number)
    rows = await connection.execute(
        select(tally.c.call_id, tally.c.kind, total).group_by(tally.c.call_id, tally.c.kind)
    )
    return {(call_id, kind): int(number) for call_id, kind, number in rows}


async def add_releases(connection: Connection, tick: int, numbers: Mapping[tuple[int, int], int | None]) -> None:
    rows = [
        {"call_id": call_id, "kind": kind, "tick": tick, "number": number}
        for (call_id, kind), number in numbers.items()
    ]
    if rows:
        await connection.execute(insert(release), rows)


async def releases(connection: Connection, after: int = -1) -> list[StoredRelease]:
    """What was published later than the tick `after`, in the order of its publication."""
    rows = await connection.execute(select(release).where(release.c.tick > after).order_by(release.c.tick))
    return [StoredRelease(**row) for row in rows.mappings()]


async def counts(connection: Connection) -> dict[int, int]:
    """Call id -> how many releases of it there are, if any."""
    rows = await connection.execute(select(release.c.call_id, func.count()).group_by(release.c.call_id))
    return {call_id: int(number) for call_id, number in rows}
