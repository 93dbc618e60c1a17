# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public page of a call, and the two of its sections that have pages of their own."""

from __future__ import annotations

from notalone.services.call import Call
from notalone.services.magnitude import SHOWN_FROM, Published
from notalone.web.pages.frame import Frame, moment, render
from notalone.web.pages.magnitude import CALL_COLUMNS, counts


def call_page(frame: Frame, call: Call, published: Published, nonce: str, pow_bits: int) -> str:
    """The call, its number and its form. `nonce` stands in the page exactly once, as it was given; a closed call has
    no form and so no nonce. `pow_bits`: the work that the script shows for a voice."""
    return render(
        frame,
        "call.html",
        call=call,
        published=published,
        counts=counts(published, CALL_COLUMNS),
        released=moment(published.released_at),
        fewest=SHOWN_FROM,
        nonce=nonce,
        pow_bits=pow_bits,
    )


def privacy_page(frame: Frame, call: Call) -> str:
    """What the call's operator says about privacy."""
    return _section_page(frame, call, "privacy")


def minors_page(frame: Frame, call: Call) -> str:
    """What a young person finds first."""
    return _section_page(frame, call, "minors")


def _section_page(frame: Frame, call: Call, id: str) -> str:
    return render(frame, "section.html", call=call, section=call.text(frame.lang).section(id))
