# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command `notalone`: every command, and how its errors are told."""

from __future__ import annotations

import sys

import click

import notalone
from notalone.cli.call import call
from notalone.cli.operate import backup, date_back, demo, restore, serve, settings
from notalone.cli.replay import replay
from notalone.cli.terminal import run, tell
from notalone.services.backup import NotAJournal, UnusableBackup
from notalone.services.bundle import BundleError
from notalone.services.call import UnknownCall
from notalone.services.help import HelpError
from notalone.services.platform import NoDatabase, StorageUnavailable, UnusableDatabaseURL
from notalone.services.settings import BadSetting, UnknownSetting


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


for command in (serve, demo, call, replay, backup, restore, date_back, settings):
    notalone_command.add_command(command)


def main() -> None:
    """Entry point. Exit status: 0 done, 1 a problem that the message explains, 2 the command was not understood."""
    try:
        status = run(notalone_command)
    except UnknownSetting as error:
        hint = f"did you mean {error.near}?" if error.near else '"notalone settings" lists all there are'
        status = tell(str(error), hint)
    except BadSetting as error:
        status = tell(str(error), '"notalone settings" lists every setting, with its value and what it means')
    except UnusableDatabaseURL:
        status = tell(
            "the database URL is neither sqlite:///FILE nor postgresql://USER@HOST/NAME",
            "set NOTALONE_DATABASE_URL, or leave it away for a file in the data folder",
        )
    except NoDatabase as error:
        status = tell(str(error), error.hint)
    except StorageUnavailable as error:
        status = tell(f"the database could not be used: {error}", error.hint)
    except UnusableBackup as error:
        status = tell(str(error), error.hint)
    except NotAJournal as error:
        status = tell(str(error), "nothing was changed; is it still encrypted, or another file?")
    except UnknownCall as error:
        status = tell(f"there is no call {error}", '"notalone call list" lists the calls here')
    except BundleError as error:
        status = tell(str(error), '"notalone call check FOLDER" tells what to mend')
    except HelpError as error:
        hint = "src/notalone/help/README.md says what an entry needs; NOTALONE_HELP_DIRECTORY names the file"
        status = tell(f"the help directory cannot be shown: {error}", hint)
    except OSError as error:
        status = tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    sys.exit(status)
