"""the app's figures -> /metrics, for Prometheus."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from feedpub.metrics import Metrics


class Measured(Protocol):
    """What is measured: an App."""

    @property
    def metrics(self) -> Metrics:
        """Its figures."""
        ...


def measured(app: Measured) -> list[BaseRoute]:
    """Tell the figures in the form that the request's Accept header asks for."""

    def tell(request: Request) -> Response:
        content, content_type = app.metrics.told(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return [Route("/metrics", tell)]
