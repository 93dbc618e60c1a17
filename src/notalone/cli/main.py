# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command `notalone`: every command, and how its errors are told."""

from __future__ import annotations

import sys

import click

import notalone
from notalone.cli.call import call
from notalone.cli.operate import backup, demo, restore, serve, settings
from notalone.cli.replay import replay
from notalone.cli.terminal import run, tell
from notalone.services.backup import UnusableBackup
from notalone.services.bundle import BundleError
from notalone.services.call import UnknownCall
from notalone.services.help import HelpError
from notalone.services.platform import StorageUnavailable, UnusableDatabaseURL
from notalone.services.settings import BadSetting


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(notalone.__version__, prog_name="notalone")
def notalone_command() -> None:
    """A self-hosted place to say "me too" safely.

    \b
    First steps:
      notalone demo                 load the demo call and serve it
      notalone call new             write a call of your own
      notalone call load mycall     put it on the server
      notalone serve                serve it
    """


for command in (serve, demo, call, replay, backup, restore, settings):
    notalone_command.add_command(command)


def main() -> None:
    """Entry point. Exit status: 0 done, 1 a problem that the message explains, 2 the command was not understood."""
    try:
        sys.exit(run(notalone_command))
    except BadSetting as error:
        sys.exit(tell(str(error), "`notalone settings` lists every setting with its value"))
    except UnusableDatabaseURL as error:
        sys.exit(tell(str(error), "set NOTALONE_DATABASE_URL, or leave it away for a file in the data folder"))
    except StorageUnavailable as error:
        sys.exit(tell(f"the database could not be used: {error}", "is it running, and is there space on its disk?"))
    except UnusableBackup as error:
        sys.exit(tell(str(error), "nothing was changed; try an older backup"))
    except UnknownCall as error:
        sys.exit(tell(f"there is no call {error}", "`notalone call list` lists the calls here"))
    except BundleError as error:
        sys.exit(tell(str(error), "`notalone call check FOLDER` tells what to mend"))
    except HelpError as error:
        sys.exit(tell(f"the help directory cannot be shown: {error}", "help/README.md says what an entry needs"))
    except OSError as error:
        sys.exit(tell(str(error)))
