"""Fields that our schemas share: how times, tags and contents look on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec
from marshmallow import ValidationError, fields, validate
from webargs.fields import DelimitedList

from patchbay.model.content import AnyContent
from patchbay.model.times import rfc3339, to_milliseconds
from patchbay.views import content_view

F = TypeVar("F", bound="fields.Field[Any]")
MAX_ATTRIBUTES = 100  # names in one set of attributes
_ATTRIBUTE = re.compile(r"[^$.\x00][^.\x00]{0,63}")
_CONTENT_PATH = re.compile(r"^(?P<message>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_OF_ONE_FIELD = (
    (re.compile(r"Object contains unknown field `(.*)`", re.DOTALL), "Unknown field."),
    (re.compile(r"Object missing required field `(.*)`", re.DOTALL), "Missing data for required field."),
)


class Time(fields.Field[datetime]):
    """RFC 3339 with an offset in, UTC with milliseconds and "Z" out."""

    default_error_messages = {"invalid": "Not a time like 2026-11-22T09:33:00.000Z."}

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError as error:
            raise self.make_error("invalid") from error
        if moment.tzinfo is None:
            raise self.make_error("invalid")
        try:
            return to_milliseconds(moment.astimezone(UTC))
        except OverflowError as error:
            raise self.make_error("invalid") from error


class Attributes(fields.Dict):
    """Free-form names and values. Names are short and can be field names in any store: no "." and no "$" in front."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(validate=validate.Regexp(_ATTRIBUTE)), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        loaded = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if len(loaded) > MAX_ATTRIBUTES:
            raise ValidationError(f"Longer than maximum length {MAX_ATTRIBUTES}.")
        _refuse_operators(loaded)
        return loaded


class ContentField(fields.Field[Any]):
    """The content union: ``load`` gives the model object, ``dump`` its JSON. Documented from the model itself."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else content_view(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return msgspec.convert(value, AnyContent)
        except msgspec.ValidationError as error:
            raise ValidationError(cast("Any", _nested(str(error)))) from error


class OneOf(fields.String):
    """A string from a closed list, often that of a ``Literal``."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(validate=validate.OneOf(choices), **kwargs)


class Listed(DelimitedList):
    """Several values with commas between them, in a query: ``status=open,pending`` gives ``["open", "pending"]``."""

    def __init__(self, inner: fields.Field[Any], *, most: int = 50, **kwargs: Any) -> None:
        super().__init__(inner, validate=validate.Length(1, most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        values = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        return list(dict.fromkeys(values))


def derived(field: F, getter: Callable[[Any], Any]) -> F:
    """The field, read from an object by a function instead of by name."""

    def get_value(obj: Any, attr: str, accessor: Any = None, default: Any = None) -> Any:
        return getter(obj)

    field.get_value = get_value  # type: ignore[method-assign]
    return field


def _nested(message: str) -> Any:
    """msgspec's ``Expected `str` - at `$.media.id``` as marshmallow's nested dictionary of messages, in its words."""
    matched = _CONTENT_PATH.match(message)
    said = matched["message"] if matched else message
    path = re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", (matched["path"] or "") if matched else "")
    for pattern, words in _OF_ONE_FIELD:
        if (field := pattern.fullmatch(said)) is not None:
            path.append((field[1], ""))
            said = words
    nested: Any = [said]
    for name, index in reversed(path):
        nested = {name or index: nested}
    return nested


def _refuse_operators(value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not _ATTRIBUTE.fullmatch(name):
                raise ValidationError(f"{name!r} cannot be a name here.")
            _refuse_operators(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_operators(inner)
