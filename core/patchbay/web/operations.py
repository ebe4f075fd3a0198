"""How an HTTP operation is declared; everything else about it follows from the declaration.

The convention
--------------

Every module of ``patchbay.web`` that has a module-level ``OPERATIONS`` serves them below ``/api/v1``; ``build_app``
finds the modules by itself. A module that must mount something else (a socket) has
``register(app, gateway)``, called once while the application is built. ::

    OPERATIONS = Operations("Tags", {"tags.read": "See tags", "tags.write": "Create, change and delete tags"})


    @OPERATIONS.get("/tags", "tags.read", answer=Listing(TagSchema), query=listing(sorts=("name",)))
    async def list_tags(call: Call) -> Answer:
        \"""List tags.\"""
        page = await call.gateway.store.find(Query(TAGS, **page_of(call)))
        return page_answer(call, page, tag_view)


    @OPERATIONS.post("/tags", "tags.write", body=TagBody, answer=TagSchema, creates=True)
    async def create_tag(call: Call) -> Answer:
        \"""Create a tag.

        More lines are the description in the documentation.
        \"""
        return await call.perform(lambda uow: create(uow, **call.body), created("/api/v1/tags", tag_view))


    @OPERATIONS.patch("/tags/{tag_id}", "tags.write", body=TagPatch, answer=TagSchema, versioned=True)
    async def change_tag(call: Call) -> Answer:
        \"""Change a tag.\"""
        tag = await call.run(lambda uow: change(uow, call.path["tag_id"], call.body, expected=call.expected_version))
        return Answer(tag_view(tag), version=tag.version)

* The first line of the docstring is the operation's summary, the rest its description.
* The second argument is the permission, or ``Public("why")``. A permission that nobody declared stops the build.
* ``body`` and ``query`` are marshmallow schemas; unknown names are refused. Without ``body`` only an empty one is
  taken. An empty body counts as ``{}``. ``call.body`` and ``call.query`` hold what was loaded, {} without a schema.
* ``creates`` takes an ``Idempotency-Key``; the handler must answer by ``call.perform``. Its status is 201 by default.
* ``versioned`` takes ``If-Match``; the handler passes ``call.expected_version`` (None: any) to its command, which
  raises ``VersionConflict(extra={"current_version": n})``: ``conditional.require_version`` does.
* ``Answer.version`` becomes the ``ETag``; a GET with a matching ``If-None-Match`` is then 304 by itself.
* ``errors`` names codes of ``problems.PROBLEMS`` beyond those that follow from the declaration.
* A handler may return an aiohttp response instead of an ``Answer`` (a download, a stream); ``produces`` documents it.
* Errors are raised, never returned: ``problems`` makes them responses.
* ``raw_body=True`` leaves the body unread for the handler (an upload).
* ``deadline_s`` is until when an operation of a plugin must have begun to answer; the core's own have none.
* A plugin hands its ``Operations`` in with ``register_routes``; it declares their permissions with
  ``register_permissions``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from marshmallow import Schema

from patchbay.errors import PluginError

if TYPE_CHECKING:
    from patchbay.web.call import Call

API_ROOT = "/api/v1"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Public:
    """Instead of a permission: anybody may call it, because ``reason``."""

    reason: str


@dataclass(frozen=True)
class Listing:
    """An answer of one page: ``{"data": [...], "page": {"next", "has_more"}}`` of this schema."""

    of: type[Schema]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers. ``data`` is plain JSON values, None for no body at all; ``status`` None is the
    operation's own; ``version`` is the ETag; ``location`` an absolute path."""

    data: Any = None
    status: int | None = None
    version: int | None = None
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[["Call"], Awaitable["Answer | web.StreamResponse"]]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One declared operation. ``path`` is whole, with its root; ``handler`` is as it was written."""

    method: str
    path: str
    handler: Handler
    permission: str | Public
    tag: str
    summary: str
    description: str
    body: type[Schema] | None = None
    query: type[Schema] | None = None
    answer: type[Schema] | Listing | None = None
    status: int = 200
    creates: bool = False
    versioned: bool = False
    errors: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    raw_body: bool = False
    max_bytes: int | None = None
    deadline_s: float = 2.0

    @property
    def name(self) -> str:
        """``operationId``: the handler's name; an alias at another root adds its root."""
        return self.handler.__name__ if self.path.startswith(API_ROOT + "/") else f"{self.handler.__name__}_at_root"

    @property
    def takes_body(self) -> bool:
        return self.method in UNSAFE and not self.raw_body


class Operations:
    """The operations of one module, under one tag, and the permissions they ask for, each with a sentence.

    ``scoped`` is whether those permissions are about rows, so that they can be granted for some of them; or which are.
    """

    def __init__(
        self, tag: str, permissions: Mapping[str, str] | None = None, *, scoped: bool | Collection[str] = False
    ) -> None:
        self.tag = tag
        self.permissions = dict(permissions or {})
        self.scoped = frozenset(self.permissions if scoped is True else scoped or ())
        self.declared: list[Operation] = []

    def __iter__(self) -> Any:
        return iter(self.declared)

    def get(self, path: str, permission: str | Public, **declaration: Any) -> Callable[[H], H]:
        return self.declare("GET", path, permission, **declaration)

    def post(self, path: str, permission: str | Public, **declaration: Any) -> Callable[[H], H]:
        return self.declare("POST", path, permission, **declaration)

    def put(self, path: str, permission: str | Public, **declaration: Any) -> Callable[[H], H]:
        return self.declare("PUT", path, permission, **declaration)

    def patch(self, path: str, permission: str | Public, **declaration: Any) -> Callable[[H], H]:
        return self.declare("PATCH", path, permission, **declaration)

    def delete(self, path: str, permission: str | Public, **declaration: Any) -> Callable[[H], H]:
        """Its status is 204 unless it has an ``answer``."""
        return self.declare("DELETE", path, permission, **declaration)

    def declare(
        self,
        method: str,
        path: str,
        permission: str | Public,
        *,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        answer: type[Schema] | Listing | None = None,
        status: int | None = None,
        creates: bool = False,
        versioned: bool = False,
        errors: tuple[str, ...] = (),
        produces: tuple[str, ...] = (),
        raw_body: bool = False,
        max_bytes: int | None = None,
        deadline_s: float = 2.0,
        root: str = API_ROOT,
        also_at: tuple[str, ...] = (),
    ) -> Callable[[H], H]:
        """Declare the decorated coroutine function. ``also_at`` are whole paths that serve the same operation."""
        if status is None:
            status = 201 if creates else 204 if method == "DELETE" and answer is None else 200

        def decorated(handler: H) -> H:
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            if not summary:
                raise PluginError(f"{handler.__qualname__} needs a docstring; its first line becomes the summary.")
            for whole in (root + path, *also_at):
                self.declared.append(
                    Operation(
                        method=method,
                        path=whole,
                        handler=handler,
                        permission=permission,
                        tag=self.tag,
                        summary=summary.rstrip("."),
                        description=description.strip(),
                        body=body,
                        query=query,
                        answer=answer,
                        status=status,
                        creates=creates,
                        versioned=versioned,
                        errors=errors,
                        produces=produces,
                        raw_body=raw_body,
                        max_bytes=max_bytes,
                        deadline_s=deadline_s,
                    )
                )
            return handler

        return decorated


def created(collection_path: str, view: Callable[[Any], Any]) -> Callable[[Any], Answer]:
    """The answer to a creation: 201 with the resource, its ETag and its location below ``collection_path``."""

    def respond(document: Any) -> Answer:
        return Answer(view(document), status=201, version=document.version, location=f"{collection_path}/{document.id}")

    return respond
