# SPDX-License-Identifier: AGPL-3.0-or-later
"""Commands of the one who runs the server: serve, demo, backup, restore, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

import click
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

import notalone
from notalone.services.backup import Progress as Report
from notalone.services.backup import Restored, back_up
from notalone.services.backup import restore as merge_backup
from notalone.services.bundle import read_bundle
from notalone.services.help import read_directory
from notalone.services.platform import open_platform
from notalone.services.settings import Settings, read_settings, variable, without_password
from notalone.web.app import create_app
from notalone.web.connection import Connection

DEMO_CALL = Path(notalone.__file__).parent / "calls" / "metoo"


@click.command()
def serve() -> None:
    """Serve the calls that are loaded.

    \b
    Settings come from the environment; `notalone settings` lists them. For example:
      NOTALONE_PORT=8080 NOTALONE_DATA=/srv/notalone notalone serve
    """
    settings = read_settings()
    asyncio.run(_prepare(settings))
    _serve(settings)


@click.command()
def demo() -> None:
    """Load the demo call, #MeToo itself, and serve it."""
    settings = read_settings()
    asyncio.run(_prepare(settings, DEMO_CALL))
    _serve(settings)


async def _prepare(settings: Settings, bundle: Path | None = None) -> None:
    """Find out what would stop every worker, and bring the schema up to date before several would each try."""
    read_directory(settings.help_directory).entries(datetime.now(UTC).date())
    async with open_platform(settings) as platform:
        if bundle is not None:
            await platform.calls.load(bundle.name, read_bundle(bundle))
        open_calls = sum(call.open for call in platform.calls.all())
    click.echo(f"Not Alone serves {len(platform.calls.all())} call(s), {open_calls} open: {settings.public_url}")
    if not platform.calls.all():
        click.echo("Load one with `notalone call load FOLDER`; no restart is needed.")


def _serve(settings: Settings) -> None:
    # What would stop a worker stops us here: several workers would be started again and again for ever.
    create_app(settings)
    # No access log: who came, when and from where is nobody's business. Nor does the server name itself.
    uvicorn.run(
        "notalone.web.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        # A visit stays on one connection from page to page, and a proxy finds its own still open.
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path | None) -> None:
    """Write a backup to FILE while the server runs.

    The file holds everything but the words of people, of which there are none: calls, voices as random-looking
    numbers, and what was published. Keep it as safe as the database, and keep the withdrawals journal with it.

    \b
    For example:
      notalone backup                     names the file by date
      notalone backup /mnt/usb/monday.notalone
    """
    settings = read_settings()
    path = file or Path(f"notalone-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.backup")
    with _progress() as report:
        voices = asyncio.run(_back_up(settings, path, report))
    click.echo(f"{path}: {voices:,} voices. Keep {settings.withdrawals} with it.")


async def _back_up(settings: Settings, path: Path, report: Report) -> int:
    async with open_platform(settings) as platform:
        return await back_up(platform, path, report)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--withdrawals",
    "journals",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A journal of withdrawals from another machine or disk; may be given more than once. "
    "The one in the settings is always used.",
)
def restore(file: Path, journals: tuple[Path, ...]) -> None:
    """Bring the voices of a backup back, while the server runs.

    Nothing that is here is removed: voices that came since the backup stay, and voices withdrawn since stay
    withdrawn. A backup of SQLite can be restored into PostgreSQL and the other way round.

    \b
    For example:
      notalone restore monday.notalone
      notalone restore monday.notalone --withdrawals /mnt/other/withdrawals.log
    """
    settings = read_settings()
    with _progress() as report:
        done = asyncio.run(_restore(settings, file, (settings.withdrawals, *journals), report))
    click.echo(
        f"Restored {file} of {done.made_on}: {done.voices_in_backup:,} voices in it, {done.voices_now:,} here now, "
        f"{done.withdrawals_applied:,} withdrawals applied."
    )


async def _restore(settings: Settings, path: Path, journals: tuple[Path, ...], report: Report) -> Restored:
    async with open_platform(settings) as platform:
        return await merge_backup(platform, path, journals, report)


@click.command()
def settings() -> None:
    """List every setting, its value and what it means."""
    now = read_settings()
    hints = get_type_hints(Settings, include_extras=True)
    for each in fields(Settings):
        value = getattr(now, each.name)
        shown = without_password(value) if each.name == "database_url" else value
        click.echo(f"{variable(each.name)}={shown}\n    {get_args(hints[each.name])[1]}")


@contextmanager
def _progress() -> Iterator[Report]:
    """A bar on the terminal, for work that takes longer than a blink."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table, total=total)
            bars.update(tasks[table], completed=done)

        yield report
