"""OpenAPI 3.1, made from the declarations that also serve: what is documented is what is mounted.

Schemas come from marshmallow through apispec; the content union, which is the model itself, from msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields
from msgspec.json import Encoder, decode, schema_components

from patchbay import __version__
from patchbay.model.content import AnyContent
from patchbay.web.call import Call
from patchbay.web.grants import Grants
from patchbay.web.keys import OPENAPI, PLUGIN_ROUTES
from patchbay.web.keys import OPERATIONS as DECLARED
from patchbay.web.operations import API_ROOT, Listing, Operation, Operations, Public
from patchbay.web.problems import PROBLEMS
from patchbay.web.schemas.fields import ContentField, Time
from patchbay.web.schemas.problems import ProblemSchema

if TYPE_CHECKING:
    from patchbay.hookspecs import Route
    from patchbay.registry import Registry
    from patchbay.web.keys import Gateway

OPERATIONS = Operations("Documentation")
READERS = Public("a client needs it before it can sign in; it describes the API and holds no data")
REFERENCE = "#/components/schemas/{name}"
SOCKET = f"{API_ROOT}/ws"
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_encode = Encoder(order="sorted").encode
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
DESCRIPTION = """\
One inbox over many messaging channels. Errors are `application/problem+json` (RFC 9457); `code` is stable:

| Code | Status | Meaning |
|---|---|---|
"""


@OPERATIONS.get("/openapi.json", READERS, produces=("application/json",))
async def show_openapi(call: Call) -> web.StreamResponse:
    """Show this document."""
    held = call.request.app[OPENAPI]
    if not held:
        held.append(_encode(document_of(call.request.app, call.gateway.registry)))
    return web.Response(body=held[0], content_type="application/json", headers={"Cache-Control": "no-cache"})


def register(app: web.Application, gateway: Gateway) -> None:
    """Make room for the document; it is made when somebody asks for it first."""
    app[OPENAPI] = []


def document_of(app: web.Application, registry: Registry) -> dict[str, Any]:
    """The OpenAPI document of a built application."""
    paths = {resource.canonical for resource in app.router.resources()}
    routes: Sequence[Route] = app[PLUGIN_ROUTES]
    return document(app[DECLARED], replace(registry, routes=tuple(routes)), socket=SOCKET in paths)


def document(operations: Sequence[Operation], registry: Registry, *, socket: bool = True) -> dict[str, Any]:
    """The OpenAPI document of these operations and of the registry's channels and plugin routes.

    ``socket`` is whether the WebSocket is mounted, whose frames OpenAPI cannot describe.
    """
    marshmallow_plugin = MarshmallowPlugin(schema_name_resolver=_component_name)
    codes = "\n".join(f"| `{each.code}` | {each.status} | {each.title} |" for each in PROBLEMS.values())
    spec = APISpec(
        title="Patchbay",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[marshmallow_plugin],
        info={"description": DESCRIPTION + codes, "license": {"name": "MIT", "identifier": "MIT"}},
        tags=[{"name": tag} for tag in _tags(operations, registry)],
    )
    converter = cast("OpenAPIConverter", marshmallow_plugin.converter)
    converter.map_to_openapi_type(Time, "string", "date-time")  # type: ignore[no-untyped-call]
    converter.add_attribute_function(_content_reference)  # type: ignore[no-untyped-call]
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    ((union,), components) = schema_components([AnyContent], ref_template=REFERENCE.format(name="Content.{name}"))
    for name, schema in components.items():
        spec.components.schema(f"Content.{name}", schema)
    spec.components.schema("Content", {**union, "description": "What a message says, by its `type`."})
    grants = Grants(registry)
    for operation in operations:
        described = {**_operation(operation, converter), **_security(operation.permission, grants)}
        spec.path(_templated(operation.path), operations={operation.method.lower(): described})
    for route in registry.routes:
        described = {**_plugin_route(route), **_security(route.permission, grants)}
        spec.path(_templated(API_ROOT + route.path), operations={route.method.lower(): described})
    if socket:
        spec.path(SOCKET, operations={"get": _socket()})
    for channel in sorted(registry.channels):
        spec.path(f"/webhooks/{channel}", operations=_callback(channel))
        spec.path(f"/webhooks/{channel}/{{external_id}}", operations=_callback(channel, names_account=True))
    plain: dict[str, Any] = decode(_encode(spec.to_dict()))  # tuples as arrays
    return plain


def _operation(operation: Operation, converter: OpenAPIConverter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.path), *_query(operation, converter), *_headers(operation)],
        "responses": {str(operation.status): _success(operation), **_errors(error_codes(operation))},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.takes_body and operation.body is not None:
        schema = operation.body()
        required = any(field.required for field in schema.fields.values())
        described["requestBody"] = {"required": required, "content": {"application/json": {"schema": operation.body}}}
    if not operation.answer and operation.method == "GET" and not operation.produces:
        described["responses"]["200"] = {"description": "Done."}
    return described


def error_codes(operation: Operation) -> list[str]:
    """The codes that follow from the declaration, and those that it names."""
    codes = ["invalid", "rate_limited", "internal", "store_unavailable", *operation.errors]
    if not isinstance(operation.permission, Public):
        codes += ["unauthenticated", "forbidden"]
    if "{" in operation.path:
        codes.append("not_found")
    if operation.versioned:
        codes.append("version_conflict")
    if operation.takes_body or operation.raw_body:
        codes += ["unreadable", "too_slow", "too_large", "unsupported_media_type"]
    if operation.creates:
        codes += ["idempotency_in_progress", "idempotency_mismatch", "already_exists"]
    return sorted(set(codes))


def _errors(codes: Iterable[str]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in found),
            "content": {"application/problem+json": {"schema": ProblemSchema}},
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status in (429, 503) else {}),
        }
        for status, found in sorted(by_status.items())
    }


_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
_PAGE = {
    "type": "object",
    "required": ["next", "has_more"],
    "properties": {"next": {"type": ["string", "null"]}, "has_more": {"type": "boolean"}},
}


def _success(operation: Operation) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Done."}
    headers: dict[str, Any] = {}
    match operation.answer:
        case Listing(of=schema):
            page = {
                "type": "object",
                "required": ["data", "page"],
                "properties": {"data": {"type": "array", "items": schema}, "page": _PAGE},
            }
            response["content"] = {"application/json": {"schema": page}}
            headers["Link"] = {"description": "The next page, `rel=next`.", "schema": {"type": "string"}}
        case None:
            if operation.produces:
                response["content"] = {kind: {"schema": {}} for kind in operation.produces}
        case schema:
            response["content"] = {"application/json": {"schema": schema}}
            if "version" in schema().fields:
                headers["ETag"] = {"description": "The version.", "schema": {"type": "string"}}
    if operation.creates:
        headers["Location"] = {"description": "Where it is now.", "schema": {"type": "string"}}
        headers["Idempotency-Replayed"] = {"description": "`true` for a repetition.", "schema": {"type": "string"}}
    return {**response, "headers": headers} if headers else response


def _query(operation: Operation, converter: OpenAPIConverter) -> list[dict[str, Any]]:
    """Each parameter by itself: ours never repeat, several values stand in one with commas between them."""
    if operation.query is None:
        return []
    return [
        {
            "in": "query",
            "name": field.data_key or name,
            "schema": converter.field2property(field),
            "required": field.required,
        }
        for name, field in operation.query().fields.items()
        if not field.dump_only
    ]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    def header(name: str, description: str) -> dict[str, Any]:
        return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}

    found = []
    if operation.versioned:
        found.append(header("If-Match", "The ETag that it must have now."))
    if operation.creates:
        found.append(header("Idempotency-Key", "1 to 255 visible ASCII characters; a repetition gets the same answer."))
    return found


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _security(permission: str | Public | None, grants: Grants) -> dict[str, Any]:
    """``x-permission`` is what it takes, ``x-scoped`` whether that can be granted for some rows only."""
    if permission is None or isinstance(permission, Public):
        return {"security": []}
    return {
        "security": [{"bearer": []}, {"apiKey": []}],
        "x-permission": permission,
        "x-scoped": grants.is_scoped(permission),
    }


def _plugin_route(route: Route) -> dict[str, Any]:
    return {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "summary": route.summary,
        "tags": list(route.tags) or ["Plugins"],
        "parameters": _path_parameters(route.path),
        "responses": {
            **{str(status): {"description": text} for status, text in (route.responses or {200: "Done."}).items()},
            **_errors(
                ["rate_limited", "internal"] + ([] if route.permission is None else ["unauthenticated", "forbidden"])
            ),
        },
    }


def _socket() -> dict[str, Any]:
    return {
        "operationId": "open_socket",
        "summary": "Open the WebSocket",
        "description": "Subprotocol `patchbay.v1.json`. It authenticates by header, cookie or its first frame.",
        "tags": ["Events"],
        "security": [],
        "responses": {
            "101": {"description": "The protocol is WebSocket from here on."},
            **_errors(["invalid", "unauthenticated", "forbidden", "rate_limited", "internal", "store_unavailable"]),
        },
    }


def _callback(channel: str, *, names_account: bool = False) -> dict[str, Any]:
    """What the provider calls; described so that an administrator finds it, not for clients. The path may name the
    account, where the provider's webhooks do not."""
    shared: dict[str, Any] = {"tags": ["Provider callbacks"], "security": []}
    suffix = "_of_account" if names_account else ""
    if names_account:
        told = "What the provider calls the account."
        shared["parameters"] = [
            {"name": "external_id", "in": "path", "required": True, "description": told, "schema": {"type": "string"}}
        ]
    return {
        "get": {
            **shared,
            "operationId": f"verify_{channel}{suffix}",
            "summary": f"Verify the callback URL of {channel}",
            "responses": {
                "200": {"description": "The provider's challenge.", "content": {"text/plain": {"schema": {}}}},
                "403": {"description": "The verify token is wrong."},
            },
        },
        "post": {
            **shared,
            "operationId": f"receive_{channel}{suffix}",
            "summary": f"Take a webhook of {channel}",
            "responses": {
                "200": {"description": "It is durable."},
                "401": {"description": "The signature is wrong."},
                "413": {"description": "It is too large."},
                "415": {"description": "It is encoded."},
                "503": {
                    "description": "It could not be kept; send it again.",
                    "headers": {"Retry-After": _RETRY_AFTER},
                },
            },
        },
    }


def _tags(operations: Iterable[Operation], registry: Registry) -> list[str]:
    tags = {operation.tag for operation in operations} | {"Events"}
    tags.update(tag for route in registry.routes for tag in (route.tags or ("Plugins",)))
    if registry.channels:
        tags.add("Provider callbacks")
    return sorted(tags)


def _component_name(schema: type[Schema] | Schema) -> str:
    cls = resolve_schema_cls(schema)
    name = (cls[0] if isinstance(cls, list) else cls).__name__
    return name.removesuffix("Schema") or name


def _content_reference(converter: OpenAPIConverter, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(name="Content")} if isinstance(field, ContentField) else {}


def _templated(path: str) -> str:
    """aiohttp's ``{name:pattern}`` as OpenAPI's ``{name}``."""
    return _PARAMETER.sub(r"{\1}", path)
