# SPDX-License-Identifier: AGPL-3.0-or-later
"""A process that holds keys: it leaves no core file, others of its user cannot read it, and it is never swapped.

Linux only. What Python copies while it computes cannot be wiped, so the whole process is kept to itself.
"""

from __future__ import annotations

import ctypes
import os
import resource

# linux/prctl.h, asm-generic/mman.h
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_MCL_CURRENT = 1
_MCL_FUTURE = 2


class Unprotected(Exception):
    """The system does not let this process keep its memory to itself. `hint` says what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def protect() -> None:
    """To be called before any key is read. Raises Unprotected."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) or libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0):
        raise Unprotected(f"memory could be dumped: {_problem()}", "run it on Linux, outside of a debugger")
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE):
        raise Unprotected(
            f"memory could be swapped to the disk: {_problem()}",
            "let it lock its memory: LimitMEMLOCK=infinity in its systemd unit, or ulimit -l unlimited",
        )


def _problem() -> str:
    return os.strerror(ctypes.get_errno())
