"""E16: what asks for no permission that somebody declared is not served: routes stop the build, messages of the socket
cannot be without one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from patchbay.errors import PluginError
from patchbay.gateway import Gateway
from patchbay.hub.frames import AnyClientFrame, ClientFrame
from patchbay.plugins import load_plugins
from patchbay.web import build_app
from patchbay.web.app import resource_modules
from patchbay.web.call import Call
from patchbay.web.grants import grants
from patchbay.web.keys import OPERATIONS
from patchbay.web.operations import UNSAFE, Answer, Operations, Public
from patchbay.web.stream import PERMISSIONS as OF_MESSAGES
from patchbay_rbac.roles import builtin_roles

ENVIRON = {"PATCHBAY_PLUGINS": "whatsapp,messenger,instagram,rbac,audit,email", "PATCHBAY_ADMIN_TOKEN": "x" * 32}


def gateway(folder: Path) -> Gateway:
    settings = {**ENVIRON, "PATCHBAY_DATA_DIR": str(folder)}
    return Gateway(load_plugins(settings))


@pytest.mark.parametrize(
    "permission", ["nobody.declared", "", "*", "conversations.*", "conversations.READ", Public("")]
)
@pytest.mark.parametrize("method", ["GET", *sorted(UNSAFE)])
async def test_a_route_without_a_declared_permission_stops_the_build(
    tmp_path: Path, method: str, permission: str | Public
) -> None:
    operations = Operations("Odd")

    async def odd(call: Call) -> Answer:
        """Odd."""
        return Answer({})

    operations.declare(method, "/odd", permission)(odd)
    odd_one = cast("Any", SimpleNamespace(OPERATIONS=operations))
    with pytest.raises(PluginError, match=rf"{method} /api/v1/odd "):
        build_app(gateway(tmp_path), [*resource_modules(), odd_one])


async def test_a_route_cannot_be_declared_without_saying_who_may() -> None:
    with pytest.raises(TypeError, match="permission"):
        Operations("Odd").get("/odd")  # type: ignore[call-arg]


async def test_every_operation_that_is_served_asks_for_a_permission_that_can_be_granted(tmp_path: Path) -> None:
    served = gateway(tmp_path)
    app, known = build_app(served), grants(served.registry, resource_modules())
    asked = {each.permission for each in app[OPERATIONS] if not isinstance(each.permission, Public)}
    assert asked <= set(known)
    assert len(app[OPERATIONS]) > 130


def test_every_message_of_the_socket_asks_for_a_permission_that_is_declared(tmp_path: Path) -> None:
    messages = set(get_args(AnyClientFrame))
    assert messages == set(ClientFrame.__subclasses__())
    assert set(OF_MESSAGES) == messages
    assert set(OF_MESSAGES.values()) <= set(grants(gateway(tmp_path).registry, resource_modules()))


def test_the_roles_that_are_there_from_the_start_give_what_is_declared_and_the_widest_to_admins_alone(
    tmp_path: Path,
) -> None:
    """A supervisor or an agent reaches rows of their departments at most, of whatever is about rows."""
    known = grants(gateway(tmp_path).registry, resource_modules())
    roles = builtin_roles(known)
    for name in ("supervisor", "agent", "read_only"):
        given = roles[name].grants
        assert set(given) <= set(known)
        wide = {each for each, scope in given.items() if known[each].scoped and scope == "all"}
        assert wide == set(), (name, wide)
    for name in ("super_admin", "admin"):
        assert set(roles[name].grants) == set(known)
