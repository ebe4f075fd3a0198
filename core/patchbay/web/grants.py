"""What can be granted: every permission that the edge and the plugins know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from patchbay.hookspecs import Permission
from patchbay.web.operations import Operations

if TYPE_CHECKING:
    from patchbay.registry import Registry


def grants(registry: Registry, modules: Iterable[ModuleType]) -> Mapping[str, Permission]:
    """By name, in order: the edge's own and those of plugins."""
    known: dict[str, Permission] = {}
    for module in modules:
        declared: Operations | None = getattr(module, "OPERATIONS", None)
        if declared is not None:
            for name, sentence in declared.permissions.items():
                known[name] = Permission(name, sentence, name in declared.scoped)
    known.update({each.name: each for each in registry.permissions})
    return dict(sorted(known.items()))


class Grants:
    """The permissions of one gateway, looked for when they are asked for first."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: Mapping[str, Permission] | None = None

    def permissions(self) -> Mapping[str, str]:
        return {name: permission.description for name, permission in self._table().items()}

    def is_scoped(self, permission: str) -> bool:
        found = self._table().get(permission)
        return found is not None and found.scoped

    def _table(self) -> Mapping[str, Permission]:
        if self._known is None:
            from patchbay.web.app import resource_modules

            self._known = grants(self._registry, resource_modules())
        return self._known
