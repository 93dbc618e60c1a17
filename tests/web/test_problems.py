# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, post
from litestar.exceptions import InternalServerException

from notalone.web.problems import Problem, problem_of


async def test_who_hangs_up_in_the_middle_is_no_defect_of_ours() -> None:
    """Else every such visit would leave a trace in the log."""
    found: list[Problem] = []

    @post("/")
    async def read(request: Request[Any, Any, Any]) -> None:
        await request.body()

    def noticed(_: Request[Any, Any, Any], error: Exception) -> Response[None]:
        found.append(problem_of(error))
        return Response(None)

    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(_: Any) -> None:
        pass

    app = Litestar([read], exception_handlers={Exception: noticed}, openapi_config=None, logging_config=None)
    request = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "headers": [], "query_string": b""}
    scope: Any = {**request, "root_path": "", "http_version": "1.1", "scheme": "http"}
    await app(scope, receive, send)
    assert found == [Problem.BAD_FORM]


def test_other_errors_of_the_server_are_ours() -> None:
    assert problem_of(InternalServerException("something else")) is Problem.INTERNAL
    assert problem_of(ZeroDivisionError()) is Problem.INTERNAL
