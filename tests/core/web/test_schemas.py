"""What the schemas document is what the views give, for any model object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from patchbay import views
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity
from patchbay.model.content import AnyContent, Text
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.media import Media
from patchbay.model.message import Activity, Message, Note, Receipt, Revision
from patchbay.model.raw import RawEvent
from patchbay.model.tag import Tag
from patchbay.model.template import TemplateRecord
from patchbay.web.schemas import channels, conversations, ingest, messages, people
from patchbay.web.schemas.fields import Attributes, ContentField, Listed, Time

MOMENTS = st.integers(0, 7_258_118_400_000).map(
    lambda ms: datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
st.register_type_strategy(datetime, MOMENTS)


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a model's field type; defaults are drawn as often as other values."""
    info = msgspec.inspect.type_info(kind)
    return _of_info(info)


def _of_info(info: Any) -> st.SearchStrategy[Any]:
    match info:
        case msgspec.inspect.StructType():
            return st.deferred(lambda: st.builds(info.cls, **{each.name: _of_info(each.type) for each in info.fields}))
        case msgspec.inspect.UnionType():
            return st.one_of([_of_info(each) for each in info.types])
        case msgspec.inspect.LiteralType():
            return st.sampled_from(info.values)
        case msgspec.inspect.VarTupleType():
            return st.lists(_of_info(info.item_type), max_size=3).map(tuple)
        case msgspec.inspect.DictType():
            return st.dictionaries(_of_info(info.key_type), _of_info(info.value_type), max_size=3)
        case msgspec.inspect.DateTimeType():
            return MOMENTS
        case msgspec.inspect.StrType():
            return st.text(max_size=8)
        case msgspec.inspect.IntType():
            return st.integers(0, 2**53)
        case msgspec.inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False, width=32)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.BytesType():
            return st.binary(max_size=20)
        case msgspec.inspect.AnyType():
            return JSON
        case _:
            raise NotImplementedError(info)


def plain(value: Any) -> Any:
    """As the wire has it: through JSON, so that tuples are lists and keys are text."""
    return msgspec.json.decode(msgspec.json.encode(value))


PAIRS: list[tuple[str, Any, Any, Any]] = [
    ("message", Message, views.message_view, messages.MessageSchema),
    ("note", Note, views.note_view, messages.NoteSchema),
    ("activity", Activity, views.activity_view, messages.ActivitySchema),
    ("media", Media, views.media_view, messages.MediaSchema),
    ("contact", Contact, views.contact_view, people.ContactSchema),
    ("identity", Identity, views.identity_view, people.IdentitySchema),
    ("account", ChannelAccount, views.account_view, channels.ChannelSchema),
    ("template", TemplateRecord, views.template_view, ingest.TemplateSchema),
    ("raw event", RawEvent, views.raw_event_view, ingest.RawEventSchema),
    ("tag", Tag, views.tag_view, conversations.TagSchema),
]


@pytest.mark.parametrize(("model", "view", "schema"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_the_view_is_what_its_schema_dumps(model: Any, view: Any, schema: Any) -> None:
    @settings(max_examples=40, deadline=None)
    @given(of(model))
    def holds(document: Any) -> None:
        assert plain(view(document)) == plain(schema().dump(document))

    holds()


@settings(max_examples=40, deadline=None)
@given(of(Conversation), st.none() | of(Contact), st.none() | of(Thread), st.none() | st.text(max_size=3))
def test_a_conversation_is_shown_as_its_schema_dumps_it(
    conversation: Conversation, contact: Contact | None, thread: Thread | None, reader: str | None
) -> None:
    row = conversations.ConversationRow(conversation, contact, thread, reader)
    view = views.conversation_view(conversation, contact, thread, reader=reader)
    assert plain(view) == plain(conversations.ConversationSchema().dump(row))


@settings(max_examples=40, deadline=None)
@given(of(Message))
def test_receipts_and_revisions_are_shown_as_their_schemas_dump_them(message: Message) -> None:
    receipts: tuple[Receipt, ...] = message.receipts
    revisions: tuple[Revision, ...] = message.revisions
    assert plain(views.receipts_view(message)) == plain(messages.ReceiptSchema(many=True).dump(receipts))
    assert plain(views.revisions_view(message)) == plain(messages.RevisionSchema(many=True).dump(revisions))


def test_every_view_of_a_document_has_a_schema_here() -> None:
    shown = {name.removesuffix("_view") for name in dir(views) if name.endswith("_view") and not name.startswith("_")}
    parts = {"actor", "media_ref", "content", "failure", "delivery", "window", "conversation", "receipts", "revisions"}
    covered = {name.replace(" ", "_") for name, *_ in PAIRS} | parts
    assert shown <= covered, shown - covered


@settings(max_examples=100, deadline=None)
@given(st.one_of([of(kind) for kind in get_args(AnyContent)]))
def test_any_content_can_be_loaded_from_its_own_json(content: Any) -> None:
    class Holder(Schema):
        content = ContentField()

    raw = plain(msgspec.to_builtins(content))
    assert Holder().load({"content": raw})["content"] == content


def said(error: ValidationError) -> Any:
    return error.messages


def test_a_wrong_content_is_named_by_where_it_is_wrong() -> None:
    class Holder(Schema):
        content = ContentField()

    with pytest.raises(ValidationError) as caught:
        Holder().load({"content": {"type": "image", "media": {"id": 3}}})
    assert list(said(caught.value)["content"]["media"]) == ["id"]
    with pytest.raises(ValidationError) as caught:
        Holder().load(
            {"content": {"type": "interactive", "kind": "buttons", "buttons": [{"id": "a"}, {"id": "b", "colour": 1}]}}
        )
    assert "buttons" in said(caught.value)["content"]
    assert Holder().load({"content": {"type": "text", "text": "Hello"}})["content"] == Text(text="Hello")


@pytest.mark.parametrize(
    "wrong", ["yesterday", "2026-11-22", "2026-11-22T09:33:00", 5, None, True, "0001-01-01T00:00:00+14:00"]
)
def test_a_time_needs_an_offset(wrong: Any) -> None:
    class Holder(Schema):
        at = Time()

    with pytest.raises(ValidationError):
        Holder().load({"at": wrong})


def test_a_time_is_kept_in_utc_to_the_millisecond() -> None:
    class Holder(Schema):
        at = Time()

    loaded = Holder().load({"at": "2026-11-22T10:33:00.123456+01:00"})["at"]
    assert loaded == datetime(2026, 11, 22, 9, 33, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", [{"$where": 1}, {"a.b": 1}, {"": 1}, {"a": {"$gt": 1}}, {"a": [{"b.c": 1}]}, {"n\0": 1}]
)
def test_attributes_cannot_be_operators(wrong: Any) -> None:
    class Holder(Schema):
        attributes = Attributes()

    with pytest.raises(ValidationError):
        Holder().load({"attributes": wrong})
    assert Holder().load({"attributes": {"order": [{"id": 1}]}}) == {"attributes": {"order": [{"id": 1}]}}


def test_several_values_stand_in_one_parameter() -> None:
    class Holder(Schema):
        status = Listed(fields.String())

    assert Holder().load({"status": "open,pending,open"}) == {"status": ["open", "pending"]}
