"""[stores.NAME], [targets.NAME], [alerts.NAME] -> which kinds each may be."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from feedpub.networks.base import Network
from feedpub.settings.alerts import Alert
from feedpub.settings.options import Settings
from feedpub.settings.shape import beneath, kinds
from feedpub.stores.base import StoreOptions

SHARED: Mapping[str, type[BaseModel]] = {"stores": StoreOptions, "targets": Network, "alerts": Alert}
"""By section, the model of what all its kinds have."""


def models(section: str) -> dict[str, type[BaseModel]]:
    """The kinds of a section, by name."""
    return dict(sorted(kinds(beneath(Settings.model_fields[section].annotation, "NAME")).items()))
