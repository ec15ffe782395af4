"""Every network, by name: `kind` in the config picks one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from feedpub.networks.console import Console
from feedpub.networks.discord import Discord
from feedpub.networks.line import Line
from feedpub.networks.mastodon import Mastodon
from feedpub.networks.matrix import Matrix
from feedpub.networks.misskey import Misskey
from feedpub.networks.ping import Ping
from feedpub.networks.slack import Slack
from feedpub.networks.telegram import Telegram
from feedpub.networks.webhook import Webhook
from feedpub.networks.websub import WebSub

AnyNetwork = Annotated[
    Console | Discord | Line | Mastodon | Matrix | Misskey | Ping | Slack | Telegram | Webhook | WebSub,
    Field(discriminator="kind"),
]
"""One target's options, told apart by `kind`. A new network is one file here and one name in this list."""

__all__ = [
    "AnyNetwork",
    "Console",
    "Discord",
    "Line",
    "Mastodon",
    "Matrix",
    "Misskey",
    "Ping",
    "Slack",
    "Telegram",
    "WebSub",
    "Webhook",
]
