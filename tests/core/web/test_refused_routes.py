"""Routes of plugins that cannot be served: dropped and told of, while everything else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from patchbay.hookspecs import Permission, Route
from patchbay.web import build_app
from patchbay.web.keys import REFUSED_ROUTES
from patchbay.web.openapi import document_of

MARK = Permission("pigeon.see", "See pigeons")


async def coo(call: Any) -> Any:
    raise NotImplementedError


def routes(*given: tuple[str, str, str | None]) -> tuple[Route, ...]:
    return tuple(Route(method, path, coo, permission, "Coo.") for method, path, permission in given)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (("GET", "/pigeons/all", "pigeon.fly"), "'pigeon.fly', which nobody declared"),
        (("GET", "/channels", "pigeon.see"), "GET /api/v1/channels is declared twice"),
        (("GET", "/ws", "pigeon.see"), "GET /api/v1/ws is declared twice"),
    ],
)
async def test_a_route_that_cannot_be_served_costs_only_itself(
    gateway: Any, bad: tuple[str, str, str | None], told: str
) -> None:
    good = ("GET", "/pigeons", "pigeon.see")
    name = f"{bad[0]} {bad[1]}"
    gateway.registry = replace(
        gateway.registry,
        routes=routes(bad, good),
        permissions=(MARK,),
        origins={**gateway.registry.origins, ("route", name): "pigeon"},
    )
    app = build_app(gateway)
    ((plugin, why),) = app[REFUSED_ROUTES]
    assert plugin == "pigeon"
    assert told in why
    documented = document_of(app, gateway.registry)["paths"]
    assert "/api/v1/pigeons" in documented
    assert "/api/v1/pigeons/all" not in documented
    assert documented["/api/v1/channels"]["get"]["summary"] == "List channel accounts"
