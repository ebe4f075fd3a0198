"""What Messenger is asked beside sending: where a file is, which templates there are, the page, a person."""

from __future__ import annotations

import pytest

from patchbay.channel import IdentityKey, Person
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    SendError,
    Unavailable,
)
from patchbay.model.media import Media, ProviderMedia
from patchbay.testing.outbound import account, stored_file
from patchbay.testing.play import Played, answer, play
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")


def file_at(url: str | None) -> Media:
    return stored_file("image", "image/jpeg", provider=ProviderMedia(url=url))


def test_a_received_file_is_where_the_webhook_said_and_sees_no_token() -> None:
    source = play(CHANNEL.fetch_media(PAGE, file_at("https://scontent.xx.fbcdn.net/v/1.jpg?oh=1"))).result
    assert (source.url, source.authorise) == ("https://scontent.xx.fbcdn.net/v/1.jpg?oh=1", False)
    beside = MessengerChannel(MessengerSettings.model_validate({"graph_url": "http://127.0.0.1:9101"}))
    assert not play(beside.fetch_media(PAGE, file_at("http://127.0.0.1:9101/f/1"))).result.authorise


@pytest.mark.parametrize("url", [None, "", "http://cdn.example/1", "file:///etc/passwd", "https://a@b.example/", "x"])
def test_an_address_that_is_missing_or_not_safe_is_refused(url: str | None) -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.fetch_media(PAGE, file_at(url)))


def test_templates_are_read_page_by_page() -> None:
    listed = play(
        CHANNEL.list_templates(PAGE),
        answer(
            data=[{"name": "a", "status": "APPROVED"}], paging={"cursors": {"after": "X"}, "next": "https://x/?after=X"}
        ),
        answer(data=[{"name": "b", "components": "?"}, {"id": "no name"}, 5], paging={"cursors": {"after": "Y"}}),
    )
    first, second = listed.requests
    assert first.path == "/101000000000001/message_templates"
    assert "after" not in first.query
    assert second.query["after"] == "X"
    assert listed.result == [
        {"name": "a", "status": "approved", "components": []},
        {"name": "b", "status": "unknown", "components": []},
    ]


def test_templates_without_an_end_are_given_up() -> None:
    page = answer(data=[{"name": "a"}], paging={"next": "https://x.example/?after=SAME"})
    with pytest.raises(Unavailable):
        play(CHANNEL.list_templates(PAGE), page, page)


def test_the_page_is_asked_about_itself() -> None:
    asked = play(CHANNEL.check_account(PAGE), answer(id="101000000000001", name="Lamps"))
    assert (asked.request.method, asked.request.path) == ("GET", "/101000000000001")
    assert asked.request.query["fields"].startswith("id,name")
    assert asked.result["name"] == "Lamps"
    with pytest.raises(AccountBroken):
        play(CHANNEL.check_account(PAGE), answer(400, error={"code": 100, "error_subcode": 33}))


def test_a_profile_is_the_name_that_meta_tells() -> None:
    key = IdentityKey(kind="psid", value="7001", scope="account")
    asked = play(CHANNEL.fetch_profile(PAGE, key), answer(name="Mara Voss", first_name="Mara", id="7001"))
    assert (asked.request.method, asked.request.path) == ("GET", "/7001")
    assert asked.request.query == {"fields": "name,first_name,last_name"}
    assert asked.result == Person(keys=(key,), name="Mara Voss")
    in_parts = play(CHANNEL.fetch_profile(PAGE, key), answer(first_name="Mara", last_name="Voss", name=None))
    assert in_parts.result == Person(keys=(key,), name="Mara Voss")
    assert play(CHANNEL.fetch_profile(PAGE, key), answer(id="7001")).result == Person(keys=(key,))


def test_a_profile_that_cannot_be_read_is_a_refusal_and_a_user_ref_has_none() -> None:
    key = IdentityKey(kind="psid", value="7001", scope="account")
    with pytest.raises(SendError, match="profile cannot be read"):
        play(CHANNEL.fetch_profile(PAGE, key), answer(400, error={"code": 2018218}), answer(data=[]))
    by_ref = IdentityKey(kind="external", value="user_ref:abc", scope="account")
    assert play(CHANNEL.fetch_profile(PAGE, by_ref)) == Played((), None)
