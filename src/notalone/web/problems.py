# SPDX-License-Identifier: AGPL-3.0-or-later
"""What can go wrong, in one table: the status, and the API's words (RFC 9457). The pages have their own words for
each, in the visitor's language (pages/problem.py)."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from litestar.exceptions import (
    ClientException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from notalone.protocol.voice import Malformed
from notalone.services.call import UnknownCall
from notalone.services.platform import StorageUnavailable
from notalone.services.voice import UnknownCode


class Problem(Enum):
    """Name, status, title, what to do."""

    BAD_FORM = (
        HTTPStatus.BAD_REQUEST,
        "The request does not have the form that it must have",
        "Nothing was counted or changed. Load the page again and send its form.",
    )
    BAD_CODE = (
        HTTPStatus.BAD_REQUEST,
        "That is not a voice code",
        "A voice code has 18 letters and digits. Nothing was changed.",
    )
    CROSS_SITE = (
        HTTPStatus.FORBIDDEN,
        "Another site sent this",
        "A voice is taken only from this site's own page, so that no other site can tap for you.",
    )
    NOT_FOUND = (HTTPStatus.NOT_FOUND, "There is nothing at this address", "Check the address.")
    UNKNOWN_CALL = (
        HTTPStatus.NOT_FOUND,
        "There is no such call here",
        "Check the address, or see the list of calls.",
    )
    UNKNOWN_CODE = (
        HTTPStatus.NOT_FOUND,
        "No voice of this call has that code",
        "Check each character. Nothing was changed.",
    )
    WRONG_METHOD = (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This address does not take that method",
        "See the API description for what it takes.",
    )
    CALL_CLOSED = (
        HTTPStatus.CONFLICT,
        "This call is closed",
        "It can still be read, but it takes no more voices. Nothing was counted.",
    )
    VOICE_WITHDRAWN = (
        HTTPStatus.GONE,
        "This voice was withdrawn",
        "It is not counted, and the same form cannot count it again.",
    )
    TOO_LARGE = (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request is too large",
        "Nothing was counted or changed.",
    )
    WAITING = (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Many people are here at once",
        "Nothing was counted yet. Send the same request again, with the ticket, after the seconds in Retry-After.",
    )
    STORAGE_UNAVAILABLE = (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The server could not store this just now",
        "It is not known whether it was kept. Send the same request again in a moment: it is never counted twice.",
    )
    INTERNAL = (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on this server",
        "It is our mistake. If you sent something, send it again: it is never counted twice.",
    )

    def __init__(self, status: HTTPStatus, title: str, detail: str) -> None:
        self.status = status
        self.title = title
        self.detail = detail

    @property
    def type(self) -> str:
        """Relative reference to the problem's name (RFC 9457, section 3.1.1)."""
        return f"/api/problems#{self.name.lower().replace('_', '-')}"


class Stopped(Exception):
    """A request ended early with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def problem_of(error: Exception) -> Problem:
    """What an exception that reached the edge means to the one who asked."""
    if isinstance(error, Stopped):
        return error.problem
    if isinstance(error, Malformed):
        return Problem.BAD_CODE if error.field == "code" else Problem.BAD_FORM
    if isinstance(error, InternalServerException) and error.detail == _HUNG_UP:
        return Problem.BAD_FORM  # nobody reads the answer, and nothing is wrong with us
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem
    return Problem.INTERNAL


# How Litestar says that the client went away in the middle of its request.
_HUNG_UP = "client disconnected prematurely"
# In order: a class before those it derives from.
_PROBLEMS: tuple[tuple[type[Exception], Problem], ...] = (
    (UnknownCall, Problem.UNKNOWN_CALL),
    (UnknownCode, Problem.UNKNOWN_CODE),
    (StorageUnavailable, Problem.STORAGE_UNAVAILABLE),
    (NotFoundException, Problem.NOT_FOUND),
    (MethodNotAllowedException, Problem.WRONG_METHOD),
    (RequestEntityTooLarge, Problem.TOO_LARGE),
    (ClientException, Problem.BAD_FORM),
    # What reading JSON raises for bytes that are no text, and for brackets without end.
    (UnicodeDecodeError, Problem.BAD_FORM),
    (RecursionError, Problem.BAD_FORM),
)
