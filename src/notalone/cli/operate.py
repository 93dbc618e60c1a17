# SPDX-License-Identifier: AGPL-3.0-or-later
"""Commands of the one who runs the server: serve, demo, backup, restore, date-back, settings."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import click

import notalone
from notalone.cli.terminal import Trouble, counted, progress, say, tell
from notalone.services.backup import Progress as Report
from notalone.services.backup import Restored, back_up
from notalone.services.backup import restore as merge_backup
from notalone.services.bundle import read_bundle
from notalone.services.help import read_directory
from notalone.services.platform import open_platform
from notalone.services.settings import (
    Settings,
    UnknownSetting,
    look_through,
    read_settings,
    variable,
    without_password,
)
from notalone.services.voice import check_journal

if TYPE_CHECKING:
    from rich.progress import TaskID

DEMO_CALL = Path(notalone.__file__).parent / "calls" / "metoo"


@click.command()
def serve() -> None:
    """Serve the calls that are loaded.

    \b
    Settings come from the environment; "notalone settings" lists them. For example:
      NOTALONE_PORT=8080 NOTALONE_DATA=/srv/notalone notalone serve
    """
    _serve(read_settings())


@click.command()
def demo() -> None:
    """Load the demo call, #MeToo itself, and serve it."""
    _serve(read_settings(), DEMO_CALL)


@click.command("date-back")
@click.option("--yes", is_flag=True, help="Do not ask.")
def date_back(yes: bool) -> None:
    """Mend the dates of numbers that were published while the clock was ahead.

    They would stand still until that moment comes. Those that are dated later than now are dated to the present tick;
    the count goes on at the next one. No voice is touched. Set the clock right before.
    """
    asyncio.run(_date_back(read_settings(), yes))


async def _date_back(settings: Settings, yes: bool) -> None:
    async with open_platform(settings, create=False) as platform:
        await platform.magnitude.look()
        if not platform.magnitude.ahead:
            say("Nothing is dated later than now.")
            return
        if not yes:
            last, now = (
                datetime.fromtimestamp(each, UTC) for each in (platform.magnitude.released_at, platform.clock())
            )
            say(f"Numbers are dated {last:%Y-%m-%d %H:%M} UTC, and this machine's clock says {now:%Y-%m-%d %H:%M} UTC.")
            click.confirm("Is this clock right, and shall they be dated to now?", abort=True, err=True)
        await platform.magnitude.date_back()
    say("The count goes on at the next tick.")


async def _prepare(settings: Settings, bundle: Path | None) -> None:
    """Find out what would stop every worker, and bring the schema up to date before several would each try."""
    read_directory(settings.help_directory).check(datetime.now(UTC).date())
    async with open_platform(settings) as platform:
        try:
            check_journal(settings.withdrawals)
        except OSError as error:
            hint = "NOTALONE_WITHDRAWALS names it; the server's user must be able to write there"
            what = f"withdrawals could not be written to {settings.withdrawals}: {error.strerror}"
            raise Trouble(what, hint) from None
        if bundle is not None:
            await platform.calls.load(bundle.name, read_bundle(bundle))
        calls = platform.calls.all()
    still_open = sum(call.open for call in calls)
    say(f"Not Alone serves {counted(len(calls), 'call')}, {still_open} open: {settings.public_url}")
    if not calls:
        say('"notalone call load FOLDER" puts a call here; no restart is needed.', err=True)


def _check_address(host: str, port: int) -> None:
    """Raises Trouble where the server could not listen: before anything is made, and in better words than its own."""
    try:
        # A name may have several addresses, and the server listens on each.
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        hints = {
            errno.EADDRINUSE: "does Not Alone run already? if not, set NOTALONE_PORT to another",
            errno.EACCES: "ports below 1024 are for root; set NOTALONE_PORT to a higher one, with a proxy in front",
        }
        hint = hints.get(error.errno or 0, "NOTALONE_HOST has to be an address of this machine")
        raise Trouble(f"cannot listen on port {port} of {host}: {error.strerror}", hint) from None


def _serve(settings: Settings, bundle: Path | None = None) -> None:
    # Here and not above: the other commands need no web server.
    import uvicorn

    from notalone.web.app import create_app
    from notalone.web.connection import Connection

    _check_address(settings.host, settings.port)
    asyncio.run(_prepare(settings, bundle))
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

    The file holds the calls with their texts, every voice as a random-looking number, and what was published: nothing
    about who tapped. Keep it as safe as the database, and keep the withdrawals journal with it. A FILE that is there
    is never replaced.

    \b
    For example:
      notalone backup                     names the file by date
      notalone backup /mnt/usb/monday.backup
    """
    settings = read_settings()
    path = file or Path(f"notalone-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.backup")
    if path.exists() or path.is_symlink():
        raise Trouble(f"{path} is there already", "nothing was written; give another name, or move it away")
    if not path.parent.is_dir():
        raise Trouble(f"there is no folder {path.parent}", "make it first, or give another name")
    with _progress() as report:
        voices = asyncio.run(_back_up(settings, path, report))
    say(f"{path}: {counted(voices, 'voice')}. Keep {settings.withdrawals} with it.")


async def _back_up(settings: Settings, path: Path, report: Report) -> int:
    # A new and empty database would make a backup of nothing, and pass for one of everything.
    async with open_platform(settings, create=False) as platform:
        try:
            return await back_up(platform, path, report)
        except OSError as error:
            hint = "is there space, and may the server's user write there?"
            raise Trouble(f"{path} could not be written: {error.strerror}", hint) from None


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
      notalone restore monday.backup
      notalone restore monday.backup --withdrawals /mnt/other/withdrawals.log
    """
    settings = read_settings()
    with _progress() as report:
        done = asyncio.run(_restore(settings, file, (settings.withdrawals, *journals), report))
    say(
        f"Restored {file} of {done.made_on}: {counted(done.voices_in_backup, 'voice')} in it, "
        f"{done.voices_now:,} here now, {counted(done.withdrawals_applied, 'withdrawal')} applied."
    )
    for journal, withdrawals in done.journals.items():
        say(f"  {journal}: {'not there' if withdrawals is None else counted(withdrawals, 'withdrawal')}")
    for slug, is_open in done.new_calls.items():
        state = f'new here, and OPEN: "notalone call close {slug}" ends it' if is_open else "new here, and closed"
        say(f"  {slug}: {state}")


async def _restore(settings: Settings, path: Path, journals: tuple[Path, ...], report: Report) -> Restored:
    async with open_platform(settings) as platform:
        done = await merge_backup(platform, path, journals, report)
        await platform.magnitude.look()
        if platform.magnitude.ahead:
            say('Its last numbers are dated later than now, and stand still. "notalone date-back" mends it.', err=True)
        return done


@click.command()
def settings() -> int:
    """List every setting, its value and what it means.

    A value that cannot be used is marked. The exit status is 1 if there is any.
    """
    now, bad = look_through()
    expected = {each.name: each.expected for each in bad}
    hints = get_type_hints(Settings, include_extras=True)
    for each in fields(Settings):
        name = variable(each.name)
        value = os.environ[name] if name in expected else getattr(now, each.name)
        shown = without_password(value) if each.name == "database_url" else value
        say(f"{name}={shown}")
        say(f"    {get_args(hints[each.name])[1]}")
        default = "" if each.default == Path() else str(each.default)
        if default and default != str(shown):
            say(f"    by default: {default}")
        if name in expected:
            say(f"    CANNOT BE USED: expected {expected[name]}")
    for problem in bad:
        near = problem.near if isinstance(problem, UnknownSetting) else ""
        tell(str(problem), f"did you mean {near}?" if near else "")
    return 1 if bad else 0


@contextmanager
def _progress() -> Iterator[Report]:
    with progress() as bars:
        tasks: dict[str, TaskID] = {}

        def report(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table, total=total, now="")
            bars.update(tasks[table], completed=done)

        yield report
