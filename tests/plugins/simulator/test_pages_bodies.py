"""Whatever a page's send says, it is a message, an action, or a refusal in Graph's shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay_simulator import GraphError
from patchbay_simulator.config import Channel
from patchbay_simulator.page_contents import ATTACHMENTS, TEMPLATES
from patchbay_simulator.page_sends import PageSend, SenderAction, addressee, read_page_send, read_upload

CHANNELS: list[Channel] = ["messenger", "instagram"]
WORDS = [
    *ATTACHMENTS["instagram"],
    *TEMPLATES["messenger"],
    "text",
    "postback",
    "web_url",
    "RESPONSE",
    "UTILITY",
    "react",
]
KEYS = ["text", "attachment", "attachments", "template", "sticker_id", "quick_replies", "metadata", "type", "payload"]
KEYS += ["url", "attachment_id", "template_type", "elements", "buttons", "title", "subtitle", "content_type", "name"]
KEYS += ["language", "code", "components", "parameters", "id", "comment_id", "message_id", "reaction", "mid"]
FIELDS = ["recipient", "message", "messaging_type", "tag", "sender_action", "payload", "reply_to"]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
values = st.recursive(
    scalars | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
messages = st.dictionaries(st.sampled_from(KEYS[:7]), values, max_size=2)
templates = st.fixed_dictionaries(
    {"template_type": st.sampled_from(sorted(TEMPLATES["messenger"])) | values},
    optional={"text": values, "elements": values, "buttons": values},
)


def judged(channel: Channel, body: dict[str, Any]) -> PageSend | SenderAction | GraphError:
    """What comes of a body; any other exception fails the test."""
    try:
        return read_page_send(channel, body)
    except GraphError as error:
        return error


@pytest.mark.parametrize("channel", CHANNELS)
@given(body=st.dictionaries(st.sampled_from(FIELDS), values, max_size=5))
def test_any_body_is_taken_or_refused(channel: Channel, body: dict[str, Any]) -> None:
    found = judged(channel, body)
    if isinstance(found, GraphError):
        assert 400 <= found.http_status < 600
        assert found.body("A")["error"]["code"] == found.code == 100
    addressee(body)


@pytest.mark.parametrize("channel", CHANNELS)
@given(message=messages, more=st.dictionaries(st.sampled_from(["messaging_type", "tag", "reply_to"]), values))
def test_any_message_is_taken_or_refused(channel: Channel, message: dict[str, Any], more: dict[str, Any]) -> None:
    found = judged(channel, {"recipient": {"id": "1"}, "message": message, **more})
    if isinstance(found, PageSend):
        assert isinstance(found.text, str)
        assert all(isinstance(attachment, dict) for attachment in found.attachments)
        assert found.metadata is None or channel == "messenger"


@pytest.mark.parametrize("channel", CHANNELS)
@given(payload=templates)
def test_any_template_is_taken_or_refused(channel: Channel, payload: dict[str, Any]) -> None:
    message = {"attachment": {"type": "template", "payload": payload}}
    found = judged(channel, {"recipient": {"id": "1"}, "message": message})
    if isinstance(found, PageSend):
        assert all(choice.kind == "postback" for choice in found.choices)


@given(message=st.dictionaries(st.sampled_from(["attachment"]), values) | values)
def test_any_upload_is_taken_or_refused(message: Any) -> None:
    try:
        found = read_upload("messenger", {"message": message}, uploaded=False)
    except GraphError:
        return
    assert found["type"] in ("image", "video", "audio", "file")
