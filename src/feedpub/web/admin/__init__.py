"""an admin's request -> health; on an address of its own, never the public's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from feedpub.errors import FeedpubError
from feedpub.web.replies import GUARDS, live


class Watched(Protocol):
    """What the admin's address tells of: an App."""

    def problems(self) -> Sequence[object]:
        """What is wrong, each a sentence as a text."""
        ...


def admin_app(app: Watched) -> Starlette:
    """Tell whether all is well: /health/ready answers 200, or 503 with a sentence for each problem."""

    def ready(_: Request) -> Response:
        try:
            told = [str(one) for one in app.problems()]
        except FeedpubError as error:
            told = [str(error)]
        body = {"ready": not told, "problems": told}
        return JSONResponse(body, 503 if told else 200, headers=GUARDS | {"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready)])
