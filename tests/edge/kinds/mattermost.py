"""How Mattermost answers."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Mattermost
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer


def _error(status: int, name: str) -> Answer:
    return Answer(status, {"id": name, "message": "No.", "detailed_error": "", "status_code": status})


KIND = Kind(
    make=lambda url: Mattermost(name="news", webhook_url=f"{url}/hooks/{TOKEN}", allow_private=True, timeout=PATIENCE),
    yes=Answer(200, "ok"),
    said=Said(),
    path=f"/hooks/{TOKEN}",
    refusals={
        "a body it does not like": (_error(400, "web.incoming_webhook.parse.app_error"), "item"),
        "a webhook that was deleted": (_error(400, "web.incoming_webhook.invalid.app_error"), "target"),
        "webhooks turned off": (_error(501, "web.incoming_webhook.disabled.app_error"), "target"),
        "an author without the right": (_error(403, "web.incoming_webhook.permissions.app_error"), "target"),
        "a channel that is gone": (_error(404, "app.channel.get.existing.app_error"), "target"),
        "an archived channel": (_error(400, "api.post.create_post.can_not_post_to_deleted.error"), "target"),
    },
    slow_down=Answer(429, "limit exceeded", {"X-RateLimit-Limit": "101", "X-RateLimit-Reset": "7"}),
    wait=timedelta(seconds=7),
)
