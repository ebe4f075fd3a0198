"""The judge that Messenger and Instagram are certified by refuses what the Send API would."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_damage import paths
from patchbay.testing.channel_inbox import open_inbox
from patchbay.testing.channel_silver import contents, named
from patchbay_instagram.certification import InstagramSamples, LinkedPageSamples
from patchbay_messenger.certification import MessengerSamples
from patchbay_meta.messaging.certification import MARA, MessagingSamples

PLATFORMS = {
    "messenger": MessengerSamples(),
    "instagram": InstagramSamples(),
    "instagram by its page": LinkedPageSamples(),
}
# What the Send API can do without.
OPTIONAL = {"metadata", "quick_replies", "components", "parameters", "subtitle", "image_url", "default_action"}


def sends(samples: MessagingSamples) -> Iterator[tuple[str, ApiRequest]]:
    """Every request by which the channel sends one of its samples."""
    bench = Bench(samples)
    to = open_inbox(bench).recipient
    for sample in contents(bench):
        for driven in bench.send(sample, to, named(sample), reply_to=samples.id(7)):
            yield from ((named(sample), request) for request in driven.requests)


def posted(samples: MessagingSamples, body: Mapping[str, Any]) -> ApiResponse:
    return samples.provider(ApiRequest("POST", f"/{samples.node}/messages", json=body, effect=True), None)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_send_without_one_of_its_members_is_refused(platform: str) -> None:
    samples, tried = PLATFORMS[platform], 0
    for what, request in sends(samples):
        if request.json is None:
            continue
        assert posted(samples, request.json).status == 200
        for path in paths(request.json):
            step = path[-1]
            if not isinstance(step, str) or step in OPTIONAL or path == ("reply_to",):
                continue
            if step == "buttons" and "default_action" in _at(request.json, path[:-1]):
                continue  # of a card
            body = copy.deepcopy(dict(request.json))
            del _at(body, path[:-1])[step]
            assert posted(samples, body).status == 400, f"{what} without {path}"
            tried += 1
    assert tried > 100


def _at(node: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        node = node[step]
    return node


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_upload_without_one_of_its_members_is_refused(platform: str) -> None:
    samples, tried = PLATFORMS[platform], 0
    for _, request in sends(samples):
        if request.file is None or request.form is None:
            continue
        bare = ApiRequest(request.method, request.path, form=request.form)
        fields = [
            {**request.form, "a": "b"},
            *({name: request.form[name]} for name in request.form if name != "message"),
        ]
        others = [ApiRequest(request.method, request.path, form=form, file=request.file) for form in fields]
        assert samples.provider(request, None).status == 200
        assert [samples.provider(one, None).status for one in (bare, *others)] == [400] * (1 + len(others))
        tried += 1
    assert tried >= 4


TEXT = {"recipient": {"id": MARA}, "messaging_type": "RESPONSE", "message": {"text": "Hi"}}
REFUSED: Mapping[str, Mapping[str, Any]] = {
    "somebody else": {"recipient": {"id": "1"}},
    "two recipients": {"recipient": {"id": MARA, "user_ref": "r"}},
    "no recipient": {"recipient": {}},
    "an unknown member": {"colour": "red"},
    "an unknown type": {"messaging_type": "SHOUT"},
    "a blank text": {"message": {"text": " "}},
    "a long text": {"message": {"text": "x" * 2001}},
    "two things at once": {"message": {"text": "Hi", "attachment": {"type": "image"}}},
    "nothing": {"message": {}},
    "a file by no address": {"message": {"attachment": {"type": "image", "payload": {"url": "file:///etc/passwd"}}}},
    "a reply to nothing": {"reply_to": {}},
    "an action beside a message": {"sender_action": "typing_on"},
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("what", REFUSED)
def test_what_the_send_api_refuses_is_refused(platform: str, what: str) -> None:
    samples = PLATFORMS[platform]
    assert posted(samples, TEXT).status == 200
    assert posted(samples, {**TEXT, **REFUSED[what]}).status == 400


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("action", "payload"),
    [("dance", None), ("react", None), ("react", {"message_id": "m_1"}), ("unreact", {}), ("mark_seen", {"a": "b"})],
)
def test_what_is_no_sender_action_is_refused(platform: str, action: str, payload: Mapping[str, str] | None) -> None:
    body = {"recipient": {"id": MARA}, "sender_action": action, **({} if payload is None else {"payload": payload})}
    assert posted(PLATFORMS[platform], body).status == 400


@pytest.mark.parametrize("platform", PLATFORMS)
def test_another_accounts_path_is_unknown(platform: str) -> None:
    samples = PLATFORMS[platform]
    for request in (ApiRequest("POST", "/7/messages", json=TEXT), ApiRequest("GET", "/7"), ApiRequest("DELETE", "/me")):
        assert samples.provider(request, None).status == 400


def test_instagram_counts_bytes_and_knows_no_metadata() -> None:
    samples = PLATFORMS["instagram"]
    assert posted(samples, {**TEXT, "message": {"text": "\N{TEAPOT}" * 250}}).status == 200
    assert posted(samples, {**TEXT, "message": {"text": "\N{TEAPOT}" * 251}}).status == 400
    assert posted(samples, {**TEXT, "message": {"text": "Hi", "metadata": "ref"}}).status == 400
