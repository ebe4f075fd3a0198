"""Validation by marshmallow through webargs, with errors as JSON pointers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from aiohttp import web
from marshmallow import RAISE, Schema, ValidationError
from webargs.aiohttpparser import AIOHTTPParser

from patchbay.errors import FieldError, Invalid
from patchbay.web.bodies import read_json
from patchbay.web.keys import GATEWAY, JSON_BODY, MAX_BODY_BYTES

SHOWN_ERRORS = 50  # of one request; more help nobody
_CODES = {  # marshmallow's own sentences, which have no code
    "Missing data for required field.": "required",
    "Field may not be null.": "null",
    "Unknown field.": "unknown_field",
    "Length must be": "length",
    "Shorter than": "length",
    "Longer than": "length",
    "Must be greater": "range",
    "Must be less": "range",
    "Must be one of": "choice",
}


class Empty(Schema):
    """Takes no fields at all."""


class EdgeParser(AIOHTTPParser):
    """webargs over our own strict reading of bodies; names that a schema does not know are errors everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": RAISE, "query": RAISE}

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        http = req.app[GATEWAY].settings.http
        limit = req.get(MAX_BODY_BYTES) or http.api_max_bytes
        value = await read_json(req, max_bytes=limit, timeout_s=http.read_timeout_s)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise Invalid("The body must be a JSON object.", errors=[FieldError("", "invalid", "Not an object.")])
        req[JSON_BODY] = value
        return value

    def handle_error(
        self,
        error: ValidationError,
        req: web.Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Invalid:
    """The error with a pointer per problem: ``/buttons/0/id`` in the body, ``?limit`` in the query."""
    found: list[FieldError] = []
    messages = error.messages
    # webargs puts the location in front of what marshmallow said
    for location, said in messages.items() if isinstance(messages, Mapping) else [("json", messages)]:
        for path, message in _flat(said, ()):
            found.append(FieldError(_pointer(location, path), _code(message), message))
            if len(found) == SHOWN_ERRORS:
                break
    first = found[0] if found else FieldError("", "invalid", "Not valid.")
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    return Invalid(f"{first.pointer or 'The body'}: {first.message}{more}", errors=found)


def _flat(said: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(said, Mapping):
        for name, inner in said.items():
            yield from _flat(inner, path if name == "_schema" else (*path, str(name)))
    elif isinstance(said, list):
        for inner in said:
            yield from _flat(inner, path)
    else:
        yield path, str(said)


def _pointer(location: str, path: tuple[str, ...]) -> str:
    if location == "query":
        return "?" + ".".join(path)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _code(message: str) -> str:
    for beginning, code in _CODES.items():
        if message.startswith(beginning):
            return code
    return "invalid"


PARSER = EdgeParser()
