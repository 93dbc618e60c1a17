# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pages around one voice: its answers, and the way to take it back.

The answers of the door (receipt, waiting) share one size on the wire with the problem pages, so all of them stay small.
"""

from __future__ import annotations

from notalone.protocol.voice import Kind
from notalone.services.call import Call
from notalone.web.pages.frame import Frame, render
from notalone.web.problems import Problem

# What anybody typed is given back to be mended, but not more of it than a code could have.
_TYPED = 40


def receipt_page(frame: Frame, call: Call, kind: Kind, code: str) -> str:
    """She is counted. `code` is shown as it is given, in one place: three groups of six, as `written` returns it."""
    return render(frame, "receipt.html", call=call, kind=kind.word, code=code)


def waiting_page(frame: Frame, call: Call, kind: Kind, nonce: str, seconds: int, ticket: str) -> str:
    """She keeps her place and sends the same tap again after `seconds`."""
    return render(frame, "waiting.html", call=call, kind=kind.word, nonce=nonce, seconds=max(seconds, 1), ticket=ticket)


def voice_page(frame: Frame, call: Call) -> str:
    """The door's address opened as a page: leads back."""
    return render(frame, "voice.html", call=call)


def start_page(frame: Frame, call: Call) -> str:
    """How to leave quickly, before the first page that asks for more than a tap."""
    return render(frame, "start.html", call=call)


def withdraw_page(frame: Frame, call: Call, problem: Problem | None = None, typed: str = "") -> str:
    """Asks for the code. After BAD_CODE, UNKNOWN_CODE or STORAGE_UNAVAILABLE it says so and holds what was typed."""
    if problem not in (None, Problem.BAD_CODE, Problem.UNKNOWN_CODE, Problem.STORAGE_UNAVAILABLE):
        raise ValueError(f"{problem} has a page of its own")
    return render(frame, "withdraw.html", call=call, problem=problem and problem.name, typed=typed[:_TYPED])


def withdrawn_page(frame: Frame, call: Call, *, again: bool = False) -> str:
    """Her voice is no longer in the number. `again`: it had been taken back before."""
    return render(frame, "withdrawn.html", call=call, again=again)
