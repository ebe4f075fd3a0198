"""The control API: what tests and tools in other processes do with a simulator. JSON in, JSON out, loopback only.

| call | body or query | answer |
|---|---|---|
| `GET /_sim/state` | | counts, ids, armed faults |
| `GET /_sim/config`, `PATCH /_sim/config` | fields of `SimulatorConfig`, nested tables merged | the configuration |
| `POST /_sim/reset` | | everything as at the start; it listens on |
| `POST /_sim/handshake` | `?channel` | `{"verified": bool}` |
| `POST /_sim/tokens/revoke` | `{"token"?}`, all by default | |
| `POST /_sim/numbers` | `NumberSpec` | |
| `POST /_sim/accounts` | `PageSpec` or `InstagramSpec`, by `channel` | |
| `POST /_sim/customers` | `CustomerSpec` | `{"id", "phone", "bsuid"}` |
| `POST /_sim/visitors` | `MessengerVisitorSpec` or `InstagramVisitorSpec`, by `channel` | `{"id", "scoped_ids"}` |
| `POST /_sim/customers/{id}/{action}` | the action's arguments (`Customer.actions`, `Visitor.actions`) | `{"wamid"}` |
| `GET /_sim/customers/{id}/inbox` | | `{"messages"}`: what the person got, oldest first |
| `POST /_sim/customers/{id}/expect` | `{"text"?, "type"?, "within"?}` | the message; 408 when none came |
| `POST /_sim/groups` | `{"subject", "members", "number"?}` | `{"id"}` |
| `POST /_sim/templates` | `{"name", "language", "body", "category"?, "buttons"?, "waba"?}` | the template |
| `POST /_sim/templates/{id}/status` | `{"status", "reason"?, "waba"?}` | sends the status webhook |
| `GET`, `POST`, `DELETE /_sim/faults`; `DELETE /_sim/faults/{id}` | `Fault` | `{"id"}`; the list with counts |
| `GET /_sim/ledger` | `?path&method&executed&reference&to&after&limit` | `{"entries", "forgotten"}` |
| `GET /_sim/webhooks` | `?after&limit&acknowledged` | `{"webhooks"}` with body, signature, attempts |
| `POST /_sim/webhooks` | `{"payload"}` or `{"text"}`, `{"signature"?}` | posts a body of your own |
| `POST /_sim/idle` | `{"timeout"?}` real seconds | 408 when webhooks are still outstanding |
| `POST /_sim/clock/advance` | `{"seconds"}` | `{"now"}` |
| `POST /_sim/scenarios` | a scenario, `?expectations=false` | the report |
| `GET /_sim/leaks` | | requests that reached the redirect trap with a token |

Mistakes are answered 400 with `{"error"}`, an unknown call 404.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from patchbay_simulator.config import AccountSpec, Channel, CustomerSpec, NumberSpec, VisitorSpec
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.faults import Fault
from patchbay_simulator.inbox import act
from patchbay_simulator.scenario import parse_scenario

if TYPE_CHECKING:
    from patchbay_simulator.simulator import GraphSimulator

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[Any]]


class Control:
    """Routes below ``/_sim/``."""

    def __init__(self, simulator: GraphSimulator) -> None:
        self._sim = simulator

    def add_routes(self, app: web.Application) -> None:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "state", self._state),
            ("GET", "config", self._config),
            ("PATCH", "config", self._configure),
            ("POST", "reset", self._reset),
            ("POST", "handshake", self._handshake),
            ("POST", "tokens/revoke", self._revoke),
            ("POST", "numbers", self._add_number),
            ("POST", "accounts", self._add_account),
            ("POST", "customers", self._add_customer),
            ("POST", "visitors", self._add_visitor),
            ("GET", "customers/{id}/inbox", self._inbox),
            ("POST", "customers/{id}/expect", self._expect),
            ("POST", "customers/{id}/{action}", self._act),
            ("POST", "groups", self._add_group),
            ("POST", "templates", self._add_template),
            ("POST", "templates/{id}/status", self._template_status),
            ("GET", "faults", self._faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("DELETE", "faults/{id}", self._remove_fault),
            ("GET", "ledger", self._ledger),
            ("GET", "webhooks", self._webhooks),
            ("POST", "webhooks", self._post_webhook),
            ("POST", "idle", self._idle),
            ("POST", "clock/advance", self._advance),
            ("POST", "scenarios", self._play),
            ("GET", "leaks", self._leaks),
        ]
        for method, path, handler in table:
            app.router.add_route(method, f"/_sim/{path}", _spoken(handler))
        app.router.add_route("*", "/_sim/{tail:.*}", _unknown)

    async def _state(self, _request: web.Request) -> Any:
        return self._sim.state()

    async def _config(self, _request: web.Request) -> Any:
        return self._sim.config

    async def _configure(self, request: web.Request) -> Any:
        self._sim.configure(await _body(request, dict[str, Any]))
        return self._sim.config

    async def _reset(self, _request: web.Request) -> Any:
        await self._sim.reset()
        return {}

    async def _handshake(self, request: web.Request) -> Any:
        channel = msgspec.convert(request.query.get("channel", "whatsapp"), Channel)
        return {"verified": await self._sim.handshake(channel)}

    async def _revoke(self, request: web.Request) -> Any:
        self._sim.revoke_token((await _body(request, dict[str, str])).get("token"))
        return {}

    async def _add_number(self, request: web.Request) -> Any:
        return self._sim.add_number(await _body(request, NumberSpec)).spec

    async def _add_customer(self, request: web.Request) -> Any:
        person = self._sim.add_customer(await _body(request, CustomerSpec)).person
        return {"id": person.id, "phone": person.phone, "bsuid": person.bsuid}

    async def _add_account(self, request: web.Request) -> Any:
        return self._sim.add_account(msgspec.json.decode(await request.read(), type=AccountSpec)).spec

    async def _add_visitor(self, request: web.Request) -> Any:
        visitor = self._sim.add_visitor(msgspec.json.decode(await request.read(), type=VisitorSpec))
        return {"id": visitor.id, "scoped_ids": visitor.scoped_ids()}

    async def _act(self, request: web.Request) -> Any:
        customer = self._sim.actor(request.match_info["id"])
        return {"wamid": act(customer, request.match_info["action"], await _body(request, dict[str, Any]))}

    async def _inbox(self, request: web.Request) -> Any:
        return {"messages": list(self._sim.actor(request.match_info["id"]).inbox)}

    async def _expect(self, request: web.Request) -> Any:
        wanted = await _body(request, dict[str, Any])
        customer = self._sim.actor(request.match_info["id"])
        try:
            return await customer.expect(
                text=wanted.get("text"), type=wanted.get("type"), within_s=float(wanted.get("within", 10.0))
            )
        except SimulationError as error:
            raise TimeoutError(str(error)) from error

    async def _add_group(self, request: web.Request) -> Any:
        wanted = await _body(request, dict[str, Any])
        group = self._sim.add_group(_needed(wanted, "subject"), _needed(wanted, "members"), number=wanted.get("number"))
        return {"id": group.id}

    async def _add_template(self, request: web.Request) -> Any:
        wanted = await _body(request, dict[str, Any])
        needed = [_needed(wanted, name) for name in ("name", "language", "body")]
        more = {name: wanted[name] for name in ("category", "buttons", "waba") if name in wanted}
        return self._sim.add_template(*needed, **more)

    async def _template_status(self, request: web.Request) -> Any:
        wanted = await _body(request, dict[str, str])
        waba = wanted.get("waba") or self._sim.world.number().spec.waba_id
        management = self._sim.graph.management
        management.set_template_status(
            waba, request.match_info["id"], _needed(wanted, "status"), wanted.get("reason", "NONE")
        )
        return {}

    async def _faults(self, _request: web.Request) -> Any:
        return {"faults": self._sim.faults.report()}

    async def _add_fault(self, request: web.Request) -> Any:
        return {"id": self._sim.faults.add(await _body(request, Fault))}

    async def _clear_faults(self, _request: web.Request) -> Any:
        self._sim.faults.clear()
        return {}

    async def _remove_fault(self, request: web.Request) -> Any:
        return {"removed": self._sim.faults.remove(request.match_info["id"])}

    async def _ledger(self, request: web.Request) -> Any:
        query = request.query
        executed = {"true": True, "false": False}.get(query.get("executed", ""))
        entries = self._sim.ledger.find(
            path=query.get("path"),
            method=query.get("method"),
            executed=executed,
            reference=query.get("reference"),
            to=query.get("to"),
            after=int(query.get("after", "0")),
            limit=int(query.get("limit", "1000")),
        )
        return {"entries": [entry.as_dict() for entry in entries], "forgotten": self._sim.ledger.forgotten}

    async def _webhooks(self, request: web.Request) -> Any:
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "1000"))
        acknowledged = {"true": True, "false": False}.get(request.query.get("acknowledged", ""))
        found = (p for p in self._sim.webhooks.log if p.seq > after and acknowledged in (None, p.acknowledged))
        return {"webhooks": [post.as_dict() for post, _ in zip(found, range(limit), strict=False)]}

    async def _post_webhook(self, request: web.Request) -> Any:
        wanted = await _body(request, dict[str, Any])
        text = wanted.get("text")
        body = text.encode() if isinstance(text, str) else msgspec.json.encode(_needed(wanted, "payload"))
        self._sim.webhooks.emit_raw(body, signature=wanted.get("signature"))
        return {}

    async def _idle(self, request: web.Request) -> Any:
        timeout_s = float((await _body(request, dict[str, Any])).get("timeout", 30.0))
        try:
            await self._sim.idle(timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{self._sim.webhooks.outstanding} webhooks are outstanding.") from error
        return {}

    async def _advance(self, request: web.Request) -> Any:
        self._sim.clock.advance(float(_needed(await _body(request, dict[str, Any]), "seconds")))
        return {"now": self._sim.clock.now()}

    async def _play(self, request: web.Request) -> Any:
        scenario = parse_scenario(await _body(request, dict[str, Any]))
        return await self._sim.play(scenario, expectations=request.query.get("expectations") != "false")

    async def _leaks(self, _request: web.Request) -> Any:
        return {"leaks": self._sim.wire.leaks, "trapped": self._sim.wire.trapped}


async def _body(request: web.Request, kind: type[T]) -> T:
    return msgspec.json.decode(await request.read() or b"{}", type=kind)


def _needed(wanted: dict[str, Any], name: str) -> Any:
    if wanted.get(name) in (None, ""):
        raise SimulationError(f"{name} is missing.")
    return wanted[name]


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _spoken(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler's value as JSON, and its errors as sentences."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return _json(await handler(request))
        except TimeoutError as error:
            return _json({"error": str(error)}, 408)
        except (SimulationError, ValueError, re.error, msgspec.MsgspecError) as error:
            return _json({"error": str(error)}, 400)

    return answer


async def _unknown(request: web.Request) -> web.StreamResponse:
    return _json({"error": f"There is no {request.method} {request.path}."}, 404)
