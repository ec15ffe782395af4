"""an app -> its two addresses: feeds for the public, pages and health for admins; they follow the config."""

from __future__ import annotations

from pathlib import Path

import structlog
from starlette.types import ASGIApp

from feedpub.app import App
from feedpub.errors import ConfigError
from feedpub.feeds.freshness import fresh_for
from feedpub.web.admin import Access, Calm, admin_app
from feedpub.web.public import Public, public_app
from feedpub.web.server import Server

log = structlog.get_logger("feedpub")


class Fronts:
    """The public server and the admin's, for as long as the app runs."""

    def __init__(self, app: App, public: Server | None = None) -> None:
        """Listen as the settings say (`public` does already). Raises ConfigError if an address cannot be had."""
        self._app = app
        settings = app.settings
        self._listens = (settings.web.listen, settings.admin.listen)
        self._public = public or Server.start(self._public_app(), settings.web.listen)
        self._public.show(self._public_app())
        self._access, self._calm = Access.of(app), Calm(app.poll_now)
        try:
            self._admin = Server.start(self._admin_app(), settings.admin.listen, option="admin.listen")
        except ConfigError:
            self._public.stop()
            raise
        self._tell()

    def apply(self) -> None:
        """Follow the settings; an address that cannot be had leaves the old one in service (ConfigError)."""
        self._access.follow(self._app)
        before = self._listens
        web, admin = self._app.settings.web.listen, self._app.settings.admin.listen
        if web != self._listens[0]:
            self._public = _moved(self._public, Server.start(self._public_app(), web))
            self._listens = (web, self._listens[1])
        else:
            self._public.show(self._public_app())
        if admin != self._listens[1]:
            moved = Server.start(self._admin_app(), admin, option="admin.listen")
            self._admin = _moved(self._admin, moved)
            self._listens = (web, admin)
        if self._listens != before:
            self._tell()

    def stop(self) -> None:
        """Take no more requests; what pings asked for is noted, for whoever polls next."""
        self._public.stop(1.0)
        self._admin.stop(1.0)
        self._calm.flush()

    @property
    def admin_port(self) -> int:
        """Where admins are answered; port 0 in the config means any free one."""
        return self._admin.port

    def _tell(self) -> None:
        """Say where."""
        hosts = (listen.rpartition(":")[0] for listen in self._listens)
        ports = (self._public.port, self.admin_port)
        web, admin = (f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
        log.info("listening", web=web, admin=admin)

    def _public_app(self) -> Public:
        settings = self._app.settings
        return public_app(
            Path(settings.feeds.output),
            settings.feeds.base_url,
            self._app.signposts,
            fresh=fresh_for(store.poll for store in settings.stores.values()),
            addresses=settings.web.addresses,
        )

    def _admin_app(self) -> ASGIApp:
        return admin_app(self._app, self._access, self._calm)


def _moved(before: Server, after: Server) -> Server:
    before.stop(1.0)
    return after
