# SPDX-License-Identifier: AGPL-3.0-or-later
"""The migrations make the schema that the code uses, and none of them loses what people gave."""

from __future__ import annotations

import copy
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, inspect, select, text

from notalone.storage import database as storage_database
from notalone.storage.database import Database, alembic_config
from notalone.storage.schema import metadata
from tests.storage.contents import assert_tally_agrees
from tests.storage.populated import CHANGES, POPULATED, Rows

# ---- the same schema ----


def described(connection: Connection) -> dict[str, object]:
    """All that two schemas could differ in. Comments are for readers of schema.py; the database does without."""
    looked = inspect(connection)
    found: dict[str, object] = {
        "sequences": sorted(looked.get_sequence_names()) if connection.dialect.supports_sequences else []
    }
    for table in sorted(set(looked.get_table_names()) - {"alembic_version"}):
        columns = [
            {**column, "type": column["type"].compile(connection.dialect), "comment": None}
            for column in looked.get_columns(table)
        ]
        found[table] = {
            "columns": columns,
            "primary key": looked.get_pk_constraint(table),
            "foreign keys": sorted(looked.get_foreign_keys(table), key=str),
            "unique": sorted(looked.get_unique_constraints(table), key=str),
            "checks": sorted(looked.get_check_constraints(table), key=str),
            "indexes": sorted(looked.get_indexes(table), key=str),
            "options": looked.get_table_options(table),
        }
    return found


async def test_the_migrations_make_the_schema_that_the_code_uses(
    engine: str, make_url: Callable[[str], str], database: Database
) -> None:
    async with opened(make_url(engine)) as other, other.write() as connection:
        await connection.run_sync(metadata.create_all)
        made = await connection.run_sync(described)
    async with database.read() as connection:
        migrated = await connection.run_sync(described)
    assert migrated == made
    assert set(migrated) == set(metadata.tables) | {"sequences"}


async def test_a_voice_row_has_no_number_that_tells_the_order(make_url: Callable[[str], str]) -> None:
    database = Database(make_url("sqlite"))
    await database.upgrade()
    async with database.read() as connection:
        assert "WITHOUT ROWID" in str(
            await connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'voice'"))
        )
    await database.close()


# ---- upgrades ----


def revisions() -> list[str]:
    """Oldest first."""
    scripts = ScriptDirectory.from_config(storage_database.alembic_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def put(connection: Connection, rows: Rows) -> None:
    there = MetaData()
    there.reflect(connection)
    tables = {table.name: table for table in there.sorted_tables if table.name != "alembic_version"}
    assert set(rows) == set(tables), "a table has no rows in POPULATED"
    for table in reversed(tables.values()):
        connection.execute(table.delete())
    for name, table in tables.items():
        for row in rows[name]:
            assert set(row) == set(table.columns.keys()), f"{name}: a row in POPULATED lacks a column"
            connection.execute(insert(table), row)


def take(connection: Connection) -> Rows:
    there = MetaData()
    there.reflect(connection)
    tables = [table for table in there.sorted_tables if table.name != "alembic_version"]
    return {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}


def assert_survived(before: Rows, after: Rows, revision: str) -> None:
    """Each row is there with the values that it had; it may have more columns, and there may be more rows."""
    for table, rows in CHANGES.get(revision, unchanged)(copy.deepcopy(before)).items():
        for row in rows:
            kept = [each for each in after.get(table, []) if row.items() <= each.items()]
            assert kept, f"revision {revision} lost {row} of {table}"


def unchanged(rows: Rows) -> Rows:
    return rows


async def walk(database: Database, start: str, rows: Mapping[str, Rows]) -> None:
    """Populate at `start`, then upgrade step by step."""
    steps = revisions()
    await database.upgrade(start)
    assert start in rows, f"revision {start} has no rows in tests/storage/populated.py"
    async with database.write() as connection:
        await connection.run_sync(put, rows[start])
        before = await connection.run_sync(take)
    for revision in steps[steps.index(start) + 1 :]:
        await database.upgrade(revision)
        async with database.read() as connection:
            after = await connection.run_sync(take)
        assert_survived(before, after, revision)
        before = after
    await database.upgrade()
    async with database.read() as connection:
        assert await connection.run_sync(take) == before
    await assert_tally_agrees(database)


def test_every_revision_has_rows_to_upgrade() -> None:
    assert set(POPULATED) == set(revisions())
    assert set(CHANGES) <= set(revisions())


@pytest.mark.parametrize("start", revisions())
async def test_from_every_revision_a_populated_database_is_upgraded(database_url: str, start: str) -> None:
    async with opened(database_url) as database:
        await walk(database, start, POPULATED)


@pytest.mark.parametrize("rows", [list(tables.values()) for tables in POPULATED.values()])
def test_the_rows_are_enough_to_lose_one(rows: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    assert all(len(each) >= 2 or each[0].keys() == {"id", "tick"} for each in rows)


# ---- the walk itself ----

NEXT_REVISION = """
from alembic import op
import sqlalchemy as sa
revision = "next"
down_revision = "{head}"
def upgrade():
    {step}
"""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Pretends that there is one more revision."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(storage_database.__file__).parent / "migrations", folder)

    def pretend(step: str) -> None:
        head = revisions()[-1]
        (folder / "versions" / "next.py").write_text(NEXT_REVISION.format(head=head, step=step))

        def config() -> Config:
            made = alembic_config()
            made.set_main_option("script_location", str(folder))
            return made

        monkeypatch.setattr(storage_database, "alembic_config", config)

    return pretend


async def test_the_walk_lets_a_harmless_revision_pass(database_url: str, next_revision: Callable[[str], None]) -> None:
    next_revision("op.add_column('call', sa.Column('colour', sa.String(10)))")
    async with opened(database_url) as database:
        await walk(database, "0001", POPULATED)


@pytest.mark.parametrize(
    "step",
    [
        "op.execute('DELETE FROM voice WHERE kind = 0')",
        "op.execute('UPDATE voice SET kind = 1 WHERE kind = 2')",
        "op.execute('UPDATE call SET closed_on = NULL')",
        "op.drop_table('server_key')",
    ],
)
async def test_the_walk_stops_a_revision_that_loses_something(
    database_url: str, next_revision: Callable[[str], None], step: str
) -> None:
    next_revision(step)
    async with opened(database_url) as database:
        with pytest.raises(AssertionError, match="revision next lost"):
            await walk(database, "0001", POPULATED)


async def test_the_walk_stops_a_revision_without_rows(database_url: str, next_revision: Callable[[str], None]) -> None:
    next_revision("pass")
    with pytest.raises(AssertionError):
        test_every_revision_has_rows_to_upgrade()
    async with opened(database_url) as database:
        with pytest.raises(AssertionError, match=r"next has no rows in tests/storage/populated\.py"):
            await walk(database, "next", POPULATED)
