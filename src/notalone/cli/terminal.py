# SPDX-License-Identifier: AGPL-3.0-or-later
"""How the command line speaks. Its rules:

- What a person asked for goes to standard output; everything else goes to standard error.
- A problem is one line, "notalone: ...", with a small first letter and no full stop. A second line, "hint: ...", says
  what to do next. Nobody is blamed, and nothing is ever just "invalid".
- A command stands in double quotes, as in "notalone call list".
- A line of a file is written path:line, so that editors can jump to it.
- The exit status is 0 for done, 1 for a problem, 2 for a command that was not understood.
- Before something that cannot be undone, it says what will happen and asks. `--yes` answers for scripts.
- No colours, no stack traces, and never a voice code or a password: terminals are looked over and logs are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

# File names and texts come from elsewhere; a terminal must not obey what they hold.
_COMMANDS_TO_TERMINALS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Trouble(Exception):
    """A problem that the person at the terminal can do something about."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def harmless(text: str) -> str:
    """`text` as one line that no terminal obeys."""
    return _COMMANDS_TO_TERMINALS.sub("?", text)


def say(text: str, *, err: bool = False) -> None:
    """One line for the person at the terminal."""
    click.echo(harmless(text), err=err)


def tell(message: str, hint: str = "") -> int:
    """A problem on standard error, and the exit status that goes with it."""
    say(f"notalone: {message}", err=True)
    if hint:
        say(f"  hint: {hint}", err=True)
    return 1


def counted(number: int, thing: str) -> str:
    """`1 voice`, `2,000 voices`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on a terminal, for work that takes longer than a blink; nothing where nobody watches.

    A task has a description and a field `now`, which stands behind its bar.
    """
    # Here and not above: most commands are done in a blink.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield bars


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command in this voice. The exit status.

    `arguments` are the process's own by default. What is neither Trouble nor an error of click passes through.
    """
    try:
        result = command.main(arguments, prog_name="notalone", standalone_mode=False)
    except Trouble as trouble:
        return tell(trouble.message, trouble.hint)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)  # ours from the first to the last line
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "notalone"
        tell(_phrase(error.format_message()), f'"{path} --help" shows how it is used, with examples')
        return error.exit_code
    except click.ClickException as error:
        return tell(_phrase(error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)  # the line on which the question was left
        return tell("stopped; nothing was changed")
    return result if isinstance(result, int) else 0


def _phrase(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")
