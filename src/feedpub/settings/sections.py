"""[stores.NAME], [targets.NAME], [alerts.NAME] -> which kinds each may be, and which options a kind has there."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from feedpub.networks.base import Network
from feedpub.notices.alerts import EVENT, TEXT
from feedpub.settings.options import IN_ALERTS, Settings
from feedpub.settings.shape import attribute, beneath, kinds, options
from feedpub.stores.base import StoreOptions

SHARED: Mapping[str, type[BaseModel]] = {"stores": StoreOptions, "targets": Network, "alerts": Network}
"""By section, the model of what all its kinds have."""


def models(section: str) -> dict[str, type[BaseModel]]:
    """The kinds of a section, by name."""
    found = kinds(beneath(Settings.model_fields[section].annotation, "NAME"))
    return {kind: model for kind, model in sorted(found.items()) if section != "alerts" or _tells_people(model)}


def _tells_people(model: type[BaseModel]) -> bool:
    """Whether an alert may go there: it has words, and takes no money for them."""
    return issubclass(model, Network) and model.subject == "article" and model.price is Network.price


def options_in(section: str, model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The options of a kind in a section, by the key an admin writes."""
    found = options(model)
    if section != "alerts":
        return found
    articles = Network.model_fields.keys() - IN_ALERTS
    found = {key: option for key, option in found.items() if attribute(model, key) not in articles}
    template = copy(found["template"])
    template.default = EVENT if issubclass(model, Network) and model.writes_json else TEXT
    template.description = "what is said, a Jinja2 template: notice is the whole message"
    return found | {"template": template}
