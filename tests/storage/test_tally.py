# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever people and operators do, in any order: the rows are what a simple model says, the tally agrees with them,
and what is published follows from both."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, insert

from notalone.protocol.voice import Kind, code_for, id_for, nonce_from
from notalone.services.backup import UnusableBackup, back_up, restore
from notalone.services.magnitude import SHOWN_FROM, Point
from notalone.services.platform import Platform, run_platform
from notalone.services.settings import Settings
from notalone.services.voice import CallClosed, UnknownCode, VoiceWithdrawn
from notalone.storage.schema import metadata, publication
from tests.conftest import TEXT, Clock
from tests.storage.contents import assert_tally_agrees

T = TypeVar("T")
WITHDRAWN = 0
SLUGS = ("metoo", "our-town")


@dataclass
class ModelCall:
    salt: bytes
    open: bool = True
    voices: dict[bytes, int] = field(default_factory=dict)  # id -> kind
    releases: dict[tuple[int, int], int | None] = field(default_factory=dict)  # (tick, kind) -> number

    def standing(self, kind: int) -> int:
        return sum(each == kind for each in self.voices.values())

    def latest(self, kind: int) -> int | None:
        ticks = [tick for tick, its_kind in self.releases if its_kind == kind]
        return self.releases[max(ticks), kind] if ticks else None

    def series(self) -> tuple[Point, ...]:
        points: dict[int, Point] = {}
        shown: dict[int, int | None] = {1: None, 2: None}
        for (tick, kind), number in sorted(self.releases.items()):
            shown[kind] = number
            points[tick] = Point(tick, shown[1], shown[2])
        return tuple(points.values())


@dataclass
class Model:
    calls: dict[str, ModelCall] = field(default_factory=dict)
    last_tick: int = 0


class OtherCall(Exception):
    """The backup has another call of that name, and there are voices here."""


def merged(here: Model, backup: Model, journal: set[tuple[str, bytes]]) -> Model:
    result = copy.deepcopy(here)
    for slug, theirs in copy.deepcopy(backup.calls).items():
        ours = result.calls.get(slug)
        if ours is None:
            result.calls[slug] = theirs
            continue
        if ours.salt == theirs.salt:
            ours.open = ours.open and theirs.open
        elif ours.voices:
            raise OtherCall
        else:
            ours.salt, ours.open = theirs.salt, theirs.open
        for id, kind in theirs.voices.items():
            ours.voices[id] = WITHDRAWN if kind == WITHDRAWN else ours.voices.get(id, kind)
        ours.releases = {**theirs.releases, **ours.releases}
    for slug, id in journal:
        if slug in result.calls:
            result.calls[slug].voices[id] = WITHDRAWN
    result.last_tick = max(here.last_tick, backup.last_tick)
    return result


class World(RuleBasedStateMachine):
    """A deployment beside its model."""

    runner: asyncio.Runner
    platform: Platform
    clock: Clock
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.journal: set[tuple[str, bytes]] = set()
        self.backups: list[tuple[Path, Model]] = []

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(step)

    @initialize()
    def begin(self) -> None:
        self.lose_everything()
        self.platform.settings.withdrawals.unlink(missing_ok=True)
        for slug in SLUGS:
            self.load(slug)
        self.crowd(SLUGS[0], 100, 50, Kind.ME_TOO)

    def id_of(self, slug: str, person: int, kind: Kind) -> tuple[str, str, bytes]:
        nonce = nonce_from(person.to_bytes(16, "big"))
        salt = self.model.calls[slug].salt
        code = code_for(salt, nonce, kind)
        return nonce, code, id_for(salt, code)

    # ---- what people do ----

    slugs = st.sampled_from(SLUGS)
    kinds = st.sampled_from(Kind)
    someone = st.tuples(slugs, st.integers(0, 3) | st.integers(100, 110), kinds)

    @rule(taps=st.lists(someone, min_size=1, max_size=8))
    def give(self, taps: list[tuple[str, int, Kind]]) -> None:
        for slug, person, kind in taps:
            if slug in self.model.calls:
                self.give_one(slug, person, kind)

    def give_one(self, slug: str, person: int, kind: Kind) -> None:
        call = self.model.calls[slug]
        nonce, code, id = self.id_of(slug, person, kind)
        giving = self.platform.voices.give(self.platform.calls.get(slug), nonce, kind)
        if call.voices.get(id) == WITHDRAWN:
            with pytest.raises(VoiceWithdrawn):
                self.run(giving)
        elif id not in call.voices and not call.open:
            with pytest.raises(CallClosed):
                self.run(giving)
        else:
            assert self.run(giving) == code
            call.voices[id] = kind

    @rule(slug=slugs, first=st.sampled_from([100, 130]), number=st.sampled_from([44, 50, 55]), kind=kinds)
    def crowd(self, slug: str, first: int, number: int, kind: Kind) -> None:
        if slug not in self.model.calls or not self.model.calls[slug].open:
            return
        call = self.model.calls[slug]
        there = self.platform.calls.get(slug)

        async def together() -> list[str | BaseException]:
            taps = (
                self.platform.voices.give(there, self.id_of(slug, n, kind)[0], kind)
                for n in range(first, first + number)
            )
            return await asyncio.gather(*taps, return_exceptions=True)

        for n, answer in zip(range(first, first + number), self.run(together()), strict=True):
            id = self.id_of(slug, n, kind)[2]
            if call.voices.get(id) == WITHDRAWN:
                assert isinstance(answer, VoiceWithdrawn)
            else:
                assert answer == self.id_of(slug, n, kind)[1]
                call.voices[id] = kind

    @rule(whose=st.lists(someone, min_size=1, max_size=4))
    def withdraw(self, whose: list[tuple[str, int, Kind]]) -> None:
        for slug, person, kind in whose:
            if slug in self.model.calls:
                self.withdraw_one(slug, person, kind)

    def withdraw_one(self, slug: str, person: int, kind: Kind) -> None:
        call = self.model.calls[slug]
        _, code, id = self.id_of(slug, person, kind)
        withdrawing = self.platform.voices.withdraw(self.platform.calls.get(slug), code)
        if id not in call.voices:
            with pytest.raises(UnknownCode):
                self.run(withdrawing)
        else:
            assert self.run(withdrawing) == (call.voices[id] != WITHDRAWN)
            if call.voices[id] != WITHDRAWN:
                self.journal.add((slug, id))
            call.voices[id] = WITHDRAWN

    # ---- what operators do ----

    @rule(slug=slugs)
    def load(self, slug: str) -> None:
        self.run(self.platform.calls.load(slug, {"en": TEXT}))
        if slug not in self.model.calls:
            self.model.calls[slug] = ModelCall(self.platform.calls.get(slug).salt)

    @rule(slug=slugs)
    def close(self, slug: str) -> None:
        if slug in self.model.calls:
            assert self.run(self.platform.calls.close(slug)) == self.model.calls[slug].open
            self.model.calls[slug].open = False

    @rule(ticks=st.integers(0, 2))
    def release(self, ticks: int) -> None:
        self.clock.now += ticks * self.platform.settings.tick
        self.run(self.platform.magnitude.release())
        tick = int(self.clock.now)
        if tick <= self.model.last_tick:
            return
        self.model.last_tick = tick
        for call in self.model.calls.values():
            for kind in (1, 2):
                number = call.standing(kind)
                shown = number if number >= SHOWN_FROM else None
                if shown != call.latest(kind):
                    call.releases[tick, kind] = shown

    @rule()
    def back_up(self) -> None:
        path = self.folder / f"{len(self.backups)}.notalone"
        standing = sum(call.standing(1) + call.standing(2) for call in self.model.calls.values())
        assert self.run(back_up(self.platform, path)) == standing
        self.backups.append((path, copy.deepcopy(self.model)))

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 9))
    def restore(self, which: int) -> None:
        path, then = self.backups[-1 - which % len(self.backups)]
        restoring = restore(self.platform, path, [self.platform.settings.withdrawals])
        try:
            after = merged(self.model, then, self.journal)
        except OtherCall:
            with pytest.raises(UnusableBackup, match="another one than the backup's"):
                self.run(restoring)
        else:
            done = self.run(restoring)
            self.model = after
            assert done.voices_now == sum(call.standing(1) + call.standing(2) for call in after.calls.values())
        self.run(self.platform.calls.refresh())
        self.run(self.platform.magnitude.release())  # reads what is published; the tick is what it was
        if int(self.clock.now) > self.model.last_tick:
            self.release(0)

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 3), loaded=st.lists(slugs, max_size=2), taps=st.lists(someone, max_size=3))
    def begin_anew(self, which: int, loaded: list[str], taps: list[tuple[str, int, Kind]]) -> None:
        """The disk was lost; the operator may have loaded the calls again, and people may have come, before."""
        self.lose_everything()
        for slug in loaded:
            self.load(slug)
        self.give(taps)
        self.restore(which)

    def lose_everything(self) -> None:
        """Backups and the journal were elsewhere."""

        async def lose() -> None:
            async with self.platform.database.write() as connection:
                for table in reversed(metadata.sorted_tables):
                    await connection.execute(delete(table))
                await connection.execute(insert(publication).values(id=1, tick=0))
            await self.platform.calls.refresh()

        self.run(lose())
        self.model = Model()
        self.release(0)

    # ---- what must be true ----

    @invariant()
    def the_rows_are_those_of_the_model_and_the_tally_agrees(self) -> None:
        there = self.run(assert_tally_agrees(self.platform.database))
        by_call: dict[int, dict[bytes, int]] = {}
        for (call_id, id), kind in there.items():
            by_call.setdefault(call_id, {})[id] = kind
        known = {call.slug: call for call in self.platform.calls.all()}
        assert set(known) == set(self.model.calls)
        for slug, expected in self.model.calls.items():
            assert known[slug].open == expected.open
            assert known[slug].salt == expected.salt
            assert by_call.pop(known[slug].id, {}) == expected.voices
        assert by_call == {}

    @invariant()
    def what_is_published_is_what_the_model_published(self) -> None:
        for call in self.platform.calls.all():
            published = self.platform.magnitude.published(call)
            expected = self.model.calls[call.slug]
            assert published.series == expected.series()
            assert published.kinds["metoo"].number == expected.latest(1)
            assert published.kinds["stand"].number == expected.latest(2)
            assert published.released_at == self.model.last_tick


def test_whatever_happens_the_tally_agrees(
    engine: str, make_url: Callable[[str], str], tmp_path: Path, clock: Clock
) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        there = Settings(data=tmp_path, database_url=make_url(engine), workers=1)
        platform = runner.run(stack.enter_async_context(run_platform(there, clock)))
        try:
            world = type(
                "TheWorld", (World,), {"runner": runner, "platform": platform, "clock": clock, "folder": tmp_path}
            )
            run_state_machine_as_test(
                world,
                settings=settings(
                    max_examples=20, stateful_step_count=25, suppress_health_check=list(HealthCheck), deadline=None
                ),
            )
        finally:
            runner.run(stack.aclose())
