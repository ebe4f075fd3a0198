"""A name where the profile is refused: the conversation with the person tells it."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import IdentityKey, Person
from patchbay.errors import AccountBroken, Rejected, SendError, Unavailable
from patchbay.testing.outbound import account
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

MESSENGER, PAGE = MessengerChannel(MessengerSettings()), account("messenger", "101")
INSTAGRAM = InstagramChannel(InstagramSettings())
LOGIN, LINKED = account("instagram", "1784"), account("instagram", "1784", "101")
PSID = IdentityKey(kind="psid", value="7001", scope="account")
IGSID = IdentityKey(kind="igsid", value="9001", scope="account")
REFUSED = answer(400, error={"code": 100, "error_subcode": 33, "message": "Unsupported get request."})


def conversation(*people: Any) -> dict[str, Any]:
    return {"id": "t_1", "participants": {"data": list(people)}}


@pytest.mark.parametrize("code", [10, 200, 230, 2018218, 2018247])
def test_a_refused_profile_is_looked_up_in_the_conversation(code: int) -> None:
    told = conversation({"id": "101", "name": "Lamps"}, {"id": "7001", "name": "Mara Voss", "email": "7001@x.example"})
    played = play(
        MESSENGER.fetch_profile(PAGE, PSID), answer(403, error={"code": code, "message": "No"}), answer(data=[told])
    )
    _, asked = played.requests
    assert (asked.method, asked.path) == ("GET", "/101/conversations")
    assert asked.query == {"platform": "messenger", "user_id": "7001", "fields": "participants"}
    assert played.result == Person(keys=(PSID,), name="Mara Voss")


@pytest.mark.parametrize(("known", "node"), [(LOGIN, "/1784"), (LINKED, "/101")])
def test_instagram_names_its_platform_and_tells_user_names(known: Any, node: str) -> None:
    told = conversation({"id": "1784", "username": "lamps"}, {"id": "x", "user_id": "9001", "username": "mara"})
    played = play(INSTAGRAM.fetch_profile(known, IGSID), REFUSED, answer(data=[told]))
    assert played.requests[1].path == f"{node}/conversations"
    assert played.requests[1].query["platform"] == "instagram"
    assert played.result == Person(keys=(IGSID,), username="mara")


@pytest.mark.parametrize(
    "second",
    [
        answer(data=[]),
        answer(data=[conversation({"id": "101", "name": "Lamps"})]),
        answer(data=[conversation({"id": "7001"})]),
        answer(data=[conversation("odd", None), 7, {"participants": []}]),
        answer(data="odd"),
        answer(400, error={"code": 10, "message": "No"}),
        answer(500),
    ],
)
def test_where_it_tells_nothing_the_first_refusal_stands(second: Any) -> None:
    with pytest.raises(SendError) as caught:
        play(MESSENGER.fetch_profile(PAGE, PSID), REFUSED, second)
    assert isinstance(caught.value, Rejected)
    assert (caught.value.provider_code, caught.value.provider_subcode) == ("100", "33")


@pytest.mark.parametrize(
    ("response", "kind"), [(answer(400, error={"code": 190}), AccountBroken), (answer(503), Unavailable)]
)
def test_a_dead_token_and_a_trouble_that_passes_are_not_asked_about_twice(response: Any, kind: type[SendError]) -> None:
    with pytest.raises(kind):
        play(MESSENGER.fetch_profile(PAGE, PSID), response)
