"""Where the token may go, and what a Graph address in the settings may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from patchbay.errors import AccountBroken
from patchbay_meta.hosts import GRAPH_URL, GraphAccountSettings, base_url, may_download, may_see_token
from patchbay_meta.settings import GraphTable

GRAPH = "https://graph.facebook.com/v26.0"
LOCAL = "http://127.0.0.1:9101/v26.0"


@pytest.mark.parametrize(
    "url",
    [
        "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
        "https://graph.facebook.com/x",
        "https://FACEBOOK.com/x",
        "https://scontent.xx.fbcdn.net/x",
        "https://mmg.whatsapp.net:443/x",
        "https://mmg.whatsapp.net./x",
    ],
)
def test_metas_hosts_may_see_the_token(url: str) -> None:
    assert may_see_token(url, GRAPH)
    assert may_download(url, GRAPH)


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://evilfacebook.com/x",
        "https://facebook.com.evil.example/x",
        "https://evil.example/facebook.com",
        "https://facebook.com@evil.example/x",
        "https://evil.example\\@facebook.com/x",
        "https://evil.example#@facebook.com/x",
        "https://evil.example?.facebook.com",
        "https://facebook.com\t.evil.example/",
        "https://facebook.com%2eevil.example/",
        "https://facebook.com:x/",
        "https://[::1]/",
        "https://[facebook.com]/",
        "ftp://facebook.com/x",
        "//facebook.com/x",
        "facebook.com",
        "",
        "https://",
        "http://127.0.0.1:9102/x",
        "https://127.0.0.1:9101/x",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_no_other_host_sees_the_token(url: str) -> None:
    assert not may_see_token(url, GRAPH)
    assert not may_see_token(url, LOCAL)


def test_the_graph_host_that_the_account_talks_to_may_see_its_own_token() -> None:
    assert may_see_token("http://127.0.0.1:9101/media/1", LOCAL)
    assert may_download("http://127.0.0.1:9101/media/1", LOCAL)
    assert may_see_token("https://graph.example/media", "https://graph.example:443/v26.0")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cdn.example/x", True),
        ("http://cdn.example/x", False),
        ("http://127.0.0.1/x", False),
        ("file:///etc/passwd", False),
        ("https://user@cdn.example/x", False),
        ("https://cdn.example/x y", False),
    ],
)
def test_downloads_need_https(url: str, allowed: bool) -> None:
    assert may_download(url, GRAPH) is allowed


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_address_is_judged_without_raising(url: str, graph: str) -> None:
    assert may_download(url, graph) or not may_see_token(url, graph)


@pytest.mark.parametrize("given_version", ["26.0", "v26.0", 26.0, " v26.0 "])
def test_a_version_is_taken_with_and_without_its_letter(given_version: object) -> None:
    table = GraphTable.model_validate({"graph_version": given_version, "graph_url": "http://localhost:9101/"})
    assert (table.graph_url, table.graph_version) == ("http://localhost:9101", "v26.0")


@pytest.mark.parametrize("version", ["latest", "v26", "26.0.1", True, "v٢٦.0"])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValidationError, match=r"must be a Graph version such as v26\.0"):
        GraphTable.model_validate({"graph_version": version})


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.9", "http://simulator:9101/", "http://[::1]:1"])
def test_http_is_for_a_graph_api_beside_us(url: str) -> None:
    assert GraphTable.model_validate({"graph_url": url}).graph_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.facebook.com",
        "http://[2001:db8::1]/",
        "http://2130706433/",
        "graph.facebook.com",
        "https://graph.facebook.com?x=1",
        "https://user:pass@graph.facebook.com",
        "https://graph.facebook.com\\x",
        "javascript:alert(1)",
        5,
    ],
)
def test_another_address_is_refused(url: object) -> None:
    with pytest.raises(ValidationError, match="must be"):
        GraphTable.model_validate({"graph_url": url})


def test_an_account_overrides_what_it_sets_and_nothing_else() -> None:
    assert base_url({}, GRAPH_URL, "v26.0") == "https://graph.facebook.com/v26.0"
    assert base_url({"graph_version": "25.0"}, GRAPH_URL, "v26.0") == "https://graph.facebook.com/v25.0"
    own = {"graph_url": "https://graph.instagram.com/"}
    assert base_url(own, GRAPH_URL, "v26.0") == "https://graph.instagram.com/v26.0"
    assert base_url({"graph_url": None, "graph_version": ""}, GRAPH_URL, "v26.0") == "https://graph.facebook.com/v26.0"
    assert GraphAccountSettings().graph_url is None
    with pytest.raises(ValidationError, match="not permitted"):
        GraphAccountSettings.model_validate({"graph": "x"})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9102", "http://redis:6379", "https://graph.example.org"])
def test_nobody_points_an_account_at_a_host_that_is_not_metas(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a host of Meta's"):
        GraphAccountSettings.model_validate({"graph_url": url})
    with pytest.raises(AccountBroken):  # nor one that was stored before
        base_url({"graph_url": url}, GRAPH_URL, "v26.0")
    assert base_url({"graph_url": url}, url, "v26.0") == f"{url}/v26.0"  # but as the operator set it for all


def test_a_stored_setting_that_went_bad_stops_its_account_only() -> None:
    with pytest.raises(AccountBroken, match="must be a Graph version"):
        base_url({"graph_version": "x"}, GRAPH_URL, "v26.0")
