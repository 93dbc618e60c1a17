# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m notalone` is `notalone`."""

from notalone.cli.main import main

main()
