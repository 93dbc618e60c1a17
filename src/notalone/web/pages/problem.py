# SPDX-License-Identifier: AGPL-3.0-or-later
"""What went wrong, in the visitor's words: what it means for her, and where to go from there."""

from __future__ import annotations

from dataclasses import dataclass

from notalone.protocol.voice import Kind
from notalone.services.call import Call
from notalone.web.pages.frame import Frame, render
from notalone.web.problems import Problem


@dataclass(frozen=True, slots=True)
class Retry:
    """The same tap, to be sent again by a button."""

    kind: Kind
    nonce: str
    proof: str = ""
    ticket: str = ""


def problem_page(frame: Frame, problem: Problem, call: Call | None = None, retry: Retry | None = None) -> str:
    """The page of a problem; its status is `problem.status`. `retry` goes with a call."""
    return render(frame, "problem.html", call=call, problem=problem.name, retry=retry)
