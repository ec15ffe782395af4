"""Every network that talks to a server, by name: each module here has its KIND."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.edge.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    module.name: import_module(f"{__name__}.{module.name}").KIND
    for module in iter_modules(__path__)
    if module.name != "kind"
}
