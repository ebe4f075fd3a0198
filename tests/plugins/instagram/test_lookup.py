"""Messages whose content was withheld: how they are asked for, and what the answers say."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    IdentityKey,
    InboundEvent,
    MessageEchoed,
    MessageReceived,
    RemoteMedia,
)
from patchbay.errors import AccountBroken, Rejected, SendError, Throttled
from patchbay.model.content import Audio, DocumentFile, Image, Share, StoryMention, StoryReply, Text, Unsupported, Video
from patchbay.testing.outbound import account
from patchbay_instagram import InstagramSettings
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.lookup import told

OURS, MARA = "17841400099887766", "3255001122334455"
ACCOUNT = account("instagram", OURS)
CHANNEL = InstagramChannel(InstagramSettings())
WRITTEN = datetime(2026, 11, 20, 9, 47, 57, tzinfo=UTC)
BY_MARA = {
    "created_time": "2026-11-20T09:47:57+0000",
    "from": {"id": MARA, "username": "mara.voss"},
    "to": {"data": [{"id": OURS, "username": "shop"}]},
}
BY_US = {**BY_MARA, "from": BY_MARA["to"]["data"][0], "to": {"data": [BY_MARA["from"]]}}  # type: ignore[index]
FILE = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1"


def asked(answer: ApiResponse) -> tuple[ApiRequest, Sequence[InboundEvent]]:
    """The one request that a look-up takes, and what it makes of this answer."""
    flow: Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]] = CHANNEL.fetch_message(ACCOUNT, "aWdf/1")
    request = next(flow)
    try:
        flow.send(answer)
    except StopIteration as done:
        return request, done.value
    raise AssertionError("it asks again")


def refused(code: int, subcode: int | None = None, status: int = 400) -> ApiResponse:
    error = {"code": code, "message": "(#3) no", **({} if subcode is None else {"error_subcode": subcode})}
    return ApiResponse(status, {"error": error})


def test_it_is_asked_for_by_its_id() -> None:
    request, events = asked(ApiResponse(200, {**BY_MARA, "message": "Hello"}))
    assert (request.method, request.path) == ("GET", "/aWdf%2F1")
    assert set(request.query["fields"].split(",")) >= {"from", "to", "message", "attachments", "created_time"}
    (event,) = events
    assert isinstance(event, MessageReceived)
    assert (event.external_id, event.occurred_at, event.content) == ("aWdf/1", WRITTEN, Text(text="Hello"))
    assert event.sender.keys == (IdentityKey(kind="igsid", value=MARA, scope="account"),)


def test_what_the_account_wrote_is_an_echo() -> None:
    (event,) = told(ACCOUNT, "m1", {**BY_US, "message": "Hello"})
    assert isinstance(event, MessageEchoed)
    assert event.recipient is not None
    assert event.recipient.keys[0].value == MARA


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        ({"attachments": {"data": [{"image_data": {"url": FILE, "width": 9}}]}}, Image),
        ({"attachments": {"data": [{"video_data": {"url": FILE}, "mime_type": "video/mp4"}]}}, Video),
        ({"attachments": {"data": [{"mime_type": "audio/mp4", "file_url": FILE}]}}, Audio),
        ({"attachments": {"data": [{"mime_type": "application/pdf", "file_url": FILE}]}}, DocumentFile),
    ],
    ids=["image", "video", "audio", "file"],
)
def test_files_are_fetched_from_where_the_answer_says(answer: dict[str, Any], content: type) -> None:
    (event,) = told(ACCOUNT, "m1", {**BY_MARA, **answer})
    assert isinstance(event, MessageReceived)
    assert isinstance(event.content, content)
    assert isinstance(event.media, RemoteMedia)
    assert event.media.url == FILE


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (
            {"shares": {"data": [{"link": "https://www.instagram.com/p/1/"}]}},
            Share(url="https://www.instagram.com/p/1/"),
        ),
        ({"story": {"mention": {"id": "1", "link": FILE}}}, StoryMention(url=FILE)),
        (
            {"message": "Wow", "story": {"reply_to": {"id": "1", "link": FILE}}},
            StoryReply(text="Wow", story_id="1", url=FILE),
        ),
    ],
    ids=["share", "mention", "reply"],
)
def test_shares_and_stories_are_shown_and_not_kept(answer: dict[str, Any], content: Any) -> None:
    (event,) = told(ACCOUNT, "m1", {**BY_MARA, **answer})
    assert isinstance(event, MessageReceived)
    assert (event.content, event.media) == (content, None)


def test_a_text_with_files_is_as_many_parts_as_in_a_webhook() -> None:
    files = [{"image_data": {"url": FILE}}, {"image_data": {"url": f"{FILE}2"}}]
    events = told(ACCOUNT, "m1", {**BY_MARA, "message": "Two", "attachments": {"data": files}})
    assert [(event.part, event.parts) for event in events if isinstance(event, MessageReceived)] == [
        (0, 3),
        (1, 3),
        (2, 3),
    ]


def test_what_it_quotes_is_kept() -> None:
    (event,) = told(ACCOUNT, "m2", {**BY_MARA, "message": "Yes", "reply_to": {"mid": "m1"}})
    assert isinstance(event, MessageReceived)
    assert event.reply_to == "m1"


def test_what_instagram_does_not_hand_on_stays_unsupported() -> None:
    (event,) = told(ACCOUNT, "m1", {**BY_MARA, "is_unsupported": True})
    assert isinstance(event, MessageReceived)
    assert isinstance(event.content, Unsupported)


@pytest.mark.parametrize("missing", ["from", "created_time"])
def test_an_answer_that_names_nobody_or_no_time_tells_nothing(missing: str) -> None:
    assert told(ACCOUNT, "m1", {name: value for name, value in BY_MARA.items() if name != missing}) == ()


@pytest.mark.parametrize("code", [3, 10, 200])
def test_an_app_without_access_is_told_what_it_lacks(code: int) -> None:
    with pytest.raises(AccountBroken) as error:
        asked(refused(code))
    assert error.value.provider_code == str(code)
    assert "Advanced Access" in (error.value.hint or "")


def test_another_refusal_means_what_it_means_elsewhere() -> None:
    with pytest.raises(AccountBroken) as error:
        asked(refused(190, 463, 401))
    assert "expired" in error.value.reason
    with pytest.raises(Rejected):
        asked(refused(100, 33))
    with pytest.raises(Throttled):
        asked(refused(80002))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "id", "link", "url"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*BY_MARA, "message", "attachments", "shares", "story", "reply_to"]), JSON))
def test_no_answer_makes_it_raise_anything_else(answer: dict[str, Any]) -> None:
    try:
        _, events = asked(ApiResponse(200, {**BY_MARA, **answer}))
    except SendError:
        return
    assert all(isinstance(event.occurred_at, datetime) for event in events)
