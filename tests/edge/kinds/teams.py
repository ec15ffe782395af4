"""How a workflow of Teams answers."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Image, Said
from feedpub.networks import Teams
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer

PATH = f"/workflows/0123/triggers/manual/paths/invoke/{TOKEN}"


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "The workflow could not be invoked."}})


def _old(status: int) -> Answer:
    why = f"Microsoft Teams endpoint returned HTTP error {status} with ContextId tcid=1."
    return Answer(200, f"Webhook message delivery failed with error: {why}")


KIND = Kind(
    make=lambda url: Teams(
        name="news", webhook_url=f"{url}{PATH}?api-version=1&sig={TOKEN}", allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(202, b""),
    yes_too=(Answer(200, b""), Answer(200, "1"), Answer(202, {"queued": True})),
    said=Said(),
    path=PATH,
    refusals={
        "a body too large": (Answer(413, b""), "item"),
        "a body it does not like": (_error(400, "BadRequest"), "item"),
        "a workflow that was turned off": (_error(400, "WorkflowTriggerIsNotEnabled"), "target"),
        "a workflow that wants something else": (_error(400, "TriggerInputSchemaMismatch"), "target"),
        "a workflow that is gone": (_error(404, "WorkflowNotFound"), "target"),
        "a signature that is none": (_error(401, "DirectApiAuthorizationRequired"), "target"),
        "a tenant that forbids it": (Answer(403, b""), "target"),
        "an old webhook's card too large": (_old(413), "item"),
        "an old webhook that is gone": (_old(404), "target"),
    },
    slow_down=Answer(429, b"", {"Retry-After": "12"}),
    wait=timedelta(seconds=12),
    notice={"image": Image("https://example.org/mogami.jpg", "もがみ型", "海上自衛隊", "CC BY 4.0")},
)
