"""what is wrong -> /health/ready, for monitoring; and the sign of life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from feedpub.errors import FeedpubError
from feedpub.web.admin.access import told


class Watched(Protocol):
    """What health tells of: an App."""

    def problems(self) -> Sequence[object]:
        """What is wrong, each a sentence as a text."""
        ...


def health(app: Watched) -> list[BaseRoute]:
    """Tell whether all is well: /health/ready answers 200, or 503 with a sentence for each problem."""

    def ready(_: Request) -> Response:
        try:
            problems = [str(one) for one in app.problems()]
        except FeedpubError as error:
            problems = [str(error)]
        return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)

    return [Route("/health/live", _live), Route("/health/ready", ready)]


async def _live(_: Request) -> Response:
    """Answer without a thread or a disk: it speaks for the server alone."""
    return told(200, "ok")
