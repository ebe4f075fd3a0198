"""The channel as the core sees it: handshake, signature, look-ups, templates, accounts."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from patchbay.channel import ApiResponse, Channel, SignedRequest
from patchbay.errors import AccountBroken, BadSignature, MediaRefused, Rejected, SendError, Throttled, Unavailable
from patchbay.hookspecs import PROJECT
from patchbay.model.media import Media, ProviderMedia
from patchbay.testing.outbound import account, stored_file
from patchbay.testing.play import answer, play
from patchbay_meta.signature import Signer
from patchbay_whatsapp import register_channels, register_settings
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

SETTINGS = WhatsAppSettings.model_validate({"app_secret": "old,new", "verify_token": "hello"})
CHANNEL: Channel = WhatsAppChannel(SETTINGS)
BARE = WhatsAppChannel(WhatsAppSettings())
ACCOUNT = account("whatsapp", "401000000000001", "301000000000001")
BODY = b'{"object":"whatsapp_business_account","entry":[]}'


def signed(secret: str, body: bytes = BODY) -> SignedRequest:
    return SignedRequest(body, {"x-hub-signature-256": Signer(secret).header(body)})


@pytest.mark.parametrize("secret", ["old", "new"])
def test_both_app_secrets_verify(secret: str) -> None:
    CHANNEL.verify(signed(secret), ())


def test_an_account_may_have_an_app_secret_of_its_own() -> None:
    CHANNEL.verify(signed("theirs"), ["other", "theirs"])
    BARE.verify(signed("theirs"), ["theirs"])
    with pytest.raises(BadSignature):
        CHANNEL.verify(signed("theirs"), ["other"])


@pytest.mark.parametrize("secret", ["old", "x"])
def test_without_an_app_secret_every_webhook_is_refused(secret: str) -> None:
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            BARE.verify(signed(secret), secrets)


def test_a_webhook_without_a_signature_is_refused() -> None:
    with pytest.raises(BadSignature):
        CHANNEL.verify(SignedRequest(BODY, {}), ())


def test_the_handshake_asks_for_the_verify_token() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "hello", "hub.challenge": "42"}
    assert CHANNEL.handshake(query).text == "42"
    assert CHANNEL.handshake({**query, "hub.verify_token": "x"}).text is None
    assert CHANNEL.handshake({}).text is None
    assert BARE.handshake(query).text is None


def test_the_base_url_follows_settings_and_account() -> None:
    assert CHANNEL.base_url(ACCOUNT) == "https://graph.facebook.com/v26.0"
    own = account("whatsapp", "1", graph_url="https://beta.facebook.com", graph_version="25.0")
    assert CHANNEL.base_url(own) == "https://beta.facebook.com/v25.0"


def test_the_token_is_one_of_the_credentials() -> None:
    assert CHANNEL.token({"access_token": "t", "app_secret": "s"}) == "t"
    assert CHANNEL.token({}) is CHANNEL.token({"access_token": ""}) is None
    assert CHANNEL.credential_names == ("access_token", "app_secret?")


def test_the_hooks_carry_the_marker() -> None:
    for hook in (register_settings, register_channels):
        assert getattr(hook, f"{PROJECT}_impl")


FILE = stored_file("image", "image/jpeg", provider=ProviderMedia(media_id="770"))
URL = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=770"


def test_a_received_file_is_looked_up_first() -> None:
    found = play(
        CHANNEL.fetch_media(ACCOUNT, FILE),
        answer(url=URL, mime_type="image/jpeg", sha256="AB" * 32, file_size="1234", id="770"),
    )
    assert (found.request.method, found.request.path) == ("GET", "/770")
    assert found.request.query == {"phone_number_id": "401000000000001"}
    source = found.result
    assert (source.url, source.authorise, source.mime_type, source.size) == (URL, True, "image/jpeg", 1234)
    assert source.sha256 == "ab" * 32


def test_a_digest_in_base64_is_read_too() -> None:
    response = answer(url=URL, sha256=b64encode(b"\x01" * 32).decode())
    assert play(CHANNEL.fetch_media(ACCOUNT, FILE), response).result.sha256 == "01" * 32
    odd = answer(url=URL, sha256="?", file_size=[], mime_type=5)
    source = play(CHANNEL.fetch_media(ACCOUNT, FILE), odd).result
    assert (source.sha256, source.size, source.mime_type) == (None, None, None)


@pytest.mark.parametrize(
    ("url", "authorise"),
    [(URL, True), ("https://cdn.example/x", False), ("https://facebook.com.evil.example/x", False)],
)
def test_the_token_goes_to_metas_hosts_only(url: str, authorise: bool) -> None:
    assert play(CHANNEL.fetch_media(ACCOUNT, FILE), answer(url=url)).result.authorise is authorise


def test_the_token_goes_to_the_graph_host_of_the_account() -> None:
    beside = WhatsAppChannel(WhatsAppSettings.model_validate({"graph_url": "http://127.0.0.1:9101"}))
    source = play(beside.fetch_media(ACCOUNT, FILE), answer(url="http://127.0.0.1:9101/media/770")).result
    assert source.authorise


@pytest.mark.parametrize(
    "response",
    [
        answer(404),
        answer(404, error={"code": 999}),
        answer(400, error={"code": 131052}),
        answer(400, error={"code": 100, "error_subcode": 33}),
        answer(),
        answer(url=""),
        answer(url=7),
        answer(url="http://169.254.169.254/latest"),
        answer(url="file:///etc/passwd"),
        answer(url="https://evil.example\\@facebook.com/"),
    ],
)
def test_a_file_that_is_gone_or_unsafe_is_refused(response: ApiResponse) -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.fetch_media(ACCOUNT, FILE), response)


@pytest.mark.parametrize(
    ("response", "kind"),
    [(answer(500), Unavailable), (answer(401, error={"code": 190}), AccountBroken), (answer(429), Throttled)],
)
def test_a_file_that_cannot_be_looked_up_now_is_not_gone(response: ApiResponse, kind: type[SendError]) -> None:
    with pytest.raises(kind):
        play(CHANNEL.fetch_media(ACCOUNT, FILE), response)


def test_a_file_without_an_id_is_taken_from_its_address() -> None:
    direct: Media = stored_file("image", "image/jpeg", provider=ProviderMedia(url=URL))
    assert play(CHANNEL.fetch_media(ACCOUNT, direct)).result.authorise
    with pytest.raises(MediaRefused):
        play(CHANNEL.fetch_media(ACCOUNT, stored_file("image", "image/jpeg")))


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "9", "name": name, "language": "en", "status": "APPROVED", "category": "UTILITY", **more}


def page(*rows: dict[str, Any], after: str | None = None, following: str | None = None) -> ApiResponse:
    paging: dict[str, Any] = {"cursors": {"before": "b", **({"after": after} if after else {})}}
    return answer(data=list(rows), paging={**paging, **({"next": following} if following else {})})


def test_templates_are_read_page_by_page_by_their_cursor() -> None:
    evil = "https://evil.example/v26.0/301/message_templates?access_token=x&after=c2"
    read = play(
        CHANNEL.list_templates(ACCOUNT),
        page(row("a", components=[{"type": "BODY", "text": "x"}]), after="c1", following=evil),
        answer(data=[row("b")], paging={"next": evil}),
        page(row("c", status="PAUSED"), after="c3"),
    )
    assert [request.path for request in read.requests] == ["/301000000000001/message_templates"] * 3
    assert [request.query.get("after") for request in read.requests] == [None, "c1", "c2"]
    assert [(one["name"], one["status"], one["category"]) for one in read.result] == [
        ("a", "approved", "UTILITY"),
        ("b", "approved", "UTILITY"),
        ("c", "paused", "UTILITY"),
    ]
    assert read.result[0]["components"] == [{"type": "BODY", "text": "x"}]
    assert read.result[1]["components"] == []


def test_a_full_page_with_a_cursor_is_followed_even_if_no_next_one_is_named() -> None:
    read = play(CHANNEL.list_templates(ACCOUNT), page(*[row("a")] * 100, after="c1"), page(after="c2"))
    assert len(read.result) == 100


def test_pages_that_go_round_in_a_circle_come_to_an_end() -> None:
    with pytest.raises(Unavailable):
        play(CHANNEL.list_templates(ACCOUNT), *[page(row("a"), after="c1", following="https://x/?after=c1")] * 2)


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": [5, {"name": 5}, None], "paging": []}, {"paging": {"next": "https://["}}]
)
def test_odd_pages_hold_no_templates(body: dict[str, Any]) -> None:
    assert play(CHANNEL.list_templates(ACCOUNT), ApiResponse(200, body)).result == []


def test_templates_need_the_business_account() -> None:
    with pytest.raises(Rejected) as caught:
        play(CHANNEL.list_templates(account("whatsapp", "401")))
    assert "BUSINESS_ID" in (caught.value.hint or "")


def test_a_wrong_business_account_does_not_stop_the_number() -> None:
    with pytest.raises(Rejected) as caught:
        play(CHANNEL.list_templates(ACCOUNT), answer(400, error={"code": 100, "error_subcode": 33}))
    assert caught.value.provider_code == "100"
    with pytest.raises(AccountBroken):
        play(CHANNEL.list_templates(ACCOUNT), answer(401, error={"code": 190}))


def test_an_account_is_asked_for_its_name_and_quality() -> None:
    asked = play(CHANNEL.check_account(ACCOUNT), answer(verified_name="Shop", quality_rating="GREEN"))
    assert asked.request.path == "/401000000000001"
    assert "quality_rating" in asked.request.query["fields"].split(",")
    assert asked.result == {"verified_name": "Shop", "quality_rating": "GREEN"}


@pytest.mark.parametrize("error", [{"code": 190}, {"code": 100, "error_subcode": 33}, {"code": 33}, {"code": 10}])
def test_an_account_that_does_not_work_is_broken(error: dict[str, int]) -> None:
    with pytest.raises(AccountBroken):
        play(CHANNEL.check_account(ACCOUNT), answer(400, error=error))


def test_parsing_is_the_parsers() -> None:
    assert list(CHANNEL.parse(BODY)) == []
