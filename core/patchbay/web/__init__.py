"""The HTTP edge: aiohttp, marshmallow at the door, the core behind it.

How to add a resource
---------------------

1. Write its schemas in ``schemas/<resource>.py``: one that documents the resource (its ``dump`` equals the ``*_view``
   of ``inbox/views.py``; ``tests/core/web/test_schemas.py`` holds it to that), one per body that it takes.
2. Write ``<resource>.py`` with ``OPERATIONS = Operations("Tag", {permission: sentence})`` and one coroutine function
   per operation. The declaration says permission, schemas, statuses; ``operations`` shows the convention by example.
   ``build_app`` finds the module, the OpenAPI document lists it, nothing else needs to be edited.
3. Handlers are short: load, call one function of the core, dump. Reading: ``call.gateway.inbox.get(COLLECTION, id)``
   (through the cache) or ``call.gateway.store.find(lists.query_of(call, COLLECTION, ...))``. Changing:
   ``await call.run(lambda uow: command(uow, ...))``; creating: ``await call.perform(command, respond)``.
4. Raise errors of ``patchbay.errors`` (``NotFound``, ``Invalid`` with a ``FieldError`` per field, ``StateConflict``
   with a ``code``); ``problems`` answers them. New codes go into ``problems.PROBLEMS``.

What happens to a request, in order: request id (``middlewares.edge``), address limit, authentication, forgery by
cookie, principal limit, permission, ``If-Match``, query, body (size, time, strict JSON, schema), handler, ``ETag`` and
304, headers.
"""

from __future__ import annotations

from patchbay.web.app import build_app

__all__ = ["build_app"]
