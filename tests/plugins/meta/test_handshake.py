"""Only our token gets its challenge back, and only a challenge that no browser would run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay_meta.handshake import answer

TOKEN = "s3cret-token"
GOOD = {"hub.mode": "subscribe", "hub.verify_token": TOKEN, "hub.challenge": "1158201444"}


@pytest.mark.parametrize("challenge", ["1158201444", "a", "A-z_0", "x" * 128])
def test_the_challenge_comes_back_for_our_token(challenge: str) -> None:
    assert answer({**GOOD, "hub.challenge": challenge}, TOKEN).text == challenge


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        " ",
        "x" * 129,
        "<script>alert(1)</script>",
        "a b",
        "a\nb",
        "123\n",
        "a\r\nSet-Cookie: x",
        "a.b",
        "a/b",
        "a%00",
        "\0",
        "\u0661\u0662",
        "\xe9",
        "\ud800",
        "&quot;",
        "{{7*7}}",
        "+1",
    ],
)
def test_a_challenge_that_is_more_than_plain_is_refused(challenge: str) -> None:
    assert answer({**GOOD, "hub.challenge": challenge}, TOKEN).text is None


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN + " ", TOKEN.upper(), TOKEN[:-1], TOKEN + "x", "\xe9", "\udcff", "\0"]
)
def test_another_token_is_refused(token: str) -> None:
    assert answer({**GOOD, "hub.verify_token": token}, TOKEN).text is None


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_parameter_is_refused_and_raises_nothing(name: str) -> None:
    assert answer({key: value for key, value in GOOD.items() if key != name}, TOKEN).text is None


@pytest.mark.parametrize("mode", ["", "unsubscribe", "SUBSCRIBE", "subscribe "])
def test_another_mode_is_refused(mode: str) -> None:
    assert answer({**GOOD, "hub.mode": mode}, TOKEN).text is None


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_of_ours_everything_is_refused(token: str | None) -> None:
    assert answer(GOOD, token).text is None
    assert answer({**GOOD, "hub.verify_token": ""}, token).text is None


@given(st.dictionaries(st.sampled_from(list(GOOD)) | st.text(), st.text()))
def test_no_query_raises_and_only_ours_is_answered(query: dict[str, str]) -> None:
    assert answer(query, TOKEN).text is None or query["hub.verify_token"] == TOKEN
