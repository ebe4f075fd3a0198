"""Whatever a body says, it is a send, a receipt, or a refusal in Graph's shape."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from patchbay_simulator import GraphError
from patchbay_simulator.interactive import KINDS, choices
from patchbay_simulator.sends import MarkRead, Send, read_send, text_of

TYPES = ["text", "image", "audio", "document", "location", "contacts", "reaction", "interactive", "template"]
KEYS = ["body", "text", "type", "action", "id", "link", "name", "language", "code", "components", "parameters"]
KEYS += ["buttons", "reply", "title", "sections", "rows", "header", "footer", "caption", "message_id", "emoji", "cards"]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
values = st.recursive(
    scalars | st.sampled_from([*KINDS, "reply", "whatsapp", "text"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


def judged(body: dict[str, Any]) -> Send | MarkRead | GraphError:
    """What comes of a body; any other exception fails the test."""
    try:
        return read_send(body)
    except GraphError as error:
        return error


@given(
    kind=st.sampled_from(TYPES), content=values, extra=st.dictionaries(st.sampled_from(["context", "status"]), values)
)
def test_any_content_is_taken_or_refused(kind: str, content: Any, extra: dict[str, Any]) -> None:
    body = {"messaging_product": "whatsapp", "to": "+15550001111", "type": kind, kind: content, **extra}
    found = judged(body)
    if isinstance(found, GraphError):
        assert found.body("A")["error"]["code"] == found.code
        assert 400 <= found.http_status < 600
    if isinstance(found, Send):
        assert isinstance(text_of(found.type, found.content), str)
        assert isinstance(choices(found.type, found.content), list)


@given(values)
def test_any_body_is_taken_or_refused(value: Any) -> None:
    body = value if isinstance(value, dict) else {"to": value, "messaging_product": "whatsapp"}
    assert isinstance(judged(body), Send | MarkRead | GraphError)


def test_a_phone_is_reduced_to_its_digits() -> None:
    body = {"messaging_product": "whatsapp", "to": "+1 (555) 000-1111", "text": {"body": "x"}}
    found = read_send(body)
    assert isinstance(found, Send)
    assert (found.recipient, found.to, found.input) == ("phone", "15550001111", "+1 (555) 000-1111")
