"""The plugin's HTTP operations, one module per resource."""

from __future__ import annotations

from patchbay.web.operations import Operations
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.routes import (
    api_keys,
    auth,
    departments,
    passwords,
    registering,
    roles,
    sessions,
    tickets,
    two_factor,
    users,
)


def all_operations(rbac: Rbac) -> list[Operations]:
    """Everything that the plugin serves."""
    return [
        auth.operations(rbac),
        sessions.operations(rbac),
        two_factor.operations(rbac),
        passwords.operations(rbac),
        registering.operations(rbac),
        tickets.operations(rbac),
        api_keys.operations(rbac),
        users.operations(rbac),
        roles.operations(rbac),
        departments.operations(rbac),
    ]
