# SPDX-License-Identifier: AGPL-3.0-or-later
"""A sheet to print: the ask, and a QR code that leads to the call."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

import segno
from markupsafe import Markup

from notalone.services.bundle import CallText
from notalone.services.call import Call
from notalone.web.pages.frame import LANGUAGES, Frame, render, render_file

# Modules of white around the code, which readers need (ISO/IEC 18004).
_QUIET_ZONE = 4


def render_poster(call_text: CallText, lang: str, url: str) -> str:
    """The sheet as a file of its own, which loads nothing. `lang`: of the call's text; the site need not have it."""
    spoken = lang in LANGUAGES
    return render_file(
        "poster-file.html", lang if spoken else "en", text=call_text, spoken=spoken, qr=_qr(url), url=_in_parts(url)
    )


def poster_page(frame: Frame, call: Call, url: str) -> str:
    """The same sheet as a page of the site. `url`: the address of the call's page that visitors use."""
    return render(frame, "poster.html", call=call, qr=_qr(url), url=_in_parts(url), here_alone=leads_here_alone(url))


def leads_here_alone(url: str) -> bool:
    """Whether no other machine can open this address: what the settings hold until NOTALONE_PUBLIC_URL is set."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _in_parts(url: str) -> Markup:
    """The address with places where its line may break: after a slash, and not in the middle of a word."""
    return Markup("<wbr>").join(re.split(r"(?<=/)(?=[^/])", url))


def _qr(url: str) -> Markup:
    code = segno.make_qr(url, error="m")
    # Black on white in every theme: many readers do not see a light code on a dark ground. The drawing is made of
    # numbers alone, so it is safe to insert.
    drawing = code.svg_inline(omitsize=True, dark="#000", light="#fff", border=_QUIET_ZONE)
    return Markup(drawing.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704
