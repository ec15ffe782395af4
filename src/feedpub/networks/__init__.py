"""Every network, by name: `kind` in the config picks one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from feedpub.networks.bluesky import Bluesky
from feedpub.networks.console import Console
from feedpub.networks.discord import Discord
from feedpub.networks.line import Line
from feedpub.networks.mastodon import Mastodon
from feedpub.networks.matrix import Matrix
from feedpub.networks.mattermost import Mattermost
from feedpub.networks.misskey import Misskey
from feedpub.networks.ping import Ping
from feedpub.networks.rocketchat import RocketChat
from feedpub.networks.slack import Slack
from feedpub.networks.teams import Teams
from feedpub.networks.telegram import Telegram
from feedpub.networks.webhook import Webhook
from feedpub.networks.websub import WebSub
from feedpub.networks.x import X

AnyNetwork = Annotated[
    Bluesky
    | Console
    | Discord
    | Line
    | Mastodon
    | Matrix
    | Mattermost
    | Misskey
    | Ping
    | RocketChat
    | Slack
    | Teams
    | Telegram
    | Webhook
    | WebSub
    | X,
    Field(discriminator="kind"),
]
"""One target's options, told apart by `kind`. A new network is one file here and one name in this list."""

__all__ = [
    "AnyNetwork",
    "Bluesky",
    "Console",
    "Discord",
    "Line",
    "Mastodon",
    "Matrix",
    "Mattermost",
    "Misskey",
    "Ping",
    "RocketChat",
    "Slack",
    "Teams",
    "Telegram",
    "WebSub",
    "Webhook",
    "X",
]
