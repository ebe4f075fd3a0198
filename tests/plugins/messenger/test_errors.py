"""Every row of the error tables: which of our errors it is, when it comes at once and when it comes later."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
    WindowClosed,
)
from patchbay.testing.outbound import account, identity, recipient
from patchbay.testing.play import answer, play
from patchbay_messenger.capabilities import DIALECT
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.refusals import MarketingHeld
from tests.plugins.refusals import raised_by, said

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")
TO = recipient(identity("psid", "7001", channel="messenger"))
sent_with = raised_by(CHANNEL, PAGE, TO)

# The provider's table, row by row, written down apart from the code: (code, subcode or None).
TABLE: dict[type[SendError], list[tuple[int, int | None]]] = {
    WindowClosed: [(10, 2018278), (10, 2018065), (10, 2534022)],
    RecipientUnreachable: [
        (10, 2018108),
        (100, 33),
        *((code, 2018001) for code in (10, 100, 200)),
        (200, 1545041),
        (551, 1545041),
        (551, None),
        (10903, None),
        (1545041, None),
    ],
    AccountBroken: [
        *((190, subcode) for subcode in (None, 458, 459, 460, 463, 464, 467, 492, 999, 2018001, 1545041)),
        *((code, None) for code in (0, 3, 10, 102, 200, 210, 230, 299)),
    ],
    Throttled: [
        *((code, None) for code in (4, 17, 32, 341, 368, 613, 80001, 80002, 80006)),
        (10, 1893063),
        (613, 2534040),
    ],
    Unavailable: [
        *((code, None) for code in (-1, 1, 2, 1200)),
        *((1, 99), (2, 1545133)),
        *((100, subcode) for subcode in (2018007, 2018008, 2018047, 2018294, 2018074)),
    ],
    OutcomeUnknown: [(1, 1357046)],
    MediaRefused: [(36000, None), (100, 2018109)],
    MarketingHeld: [(2300052, None)],
    Rejected: [
        *((2, 2018344), (4, 2018354), (9, None), (9, 2018352), (100, None), (100, 2018034), (200, 2018028)),
        *((2022, None), (10900, None), (10904, None), (2018218, None), (2018247, None), (9000001, None)),
        *((999_999, None), (100, 999_999)),
        *((code, 2018_999) for code in (10, 200, 230, 299)),
    ],
}
ROWS = [(code, subcode, kind) for kind, rows in TABLE.items() for code, subcode in rows]


@pytest.mark.parametrize(("code", "subcode", "kind"), ROWS)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_a_send_raises_what_the_table_says(code: int, subcode: int | None, kind: type[SendError], status: int) -> None:
    error = sent_with(answer(status, error=said(code, subcode)))
    assert type(error) is kind
    assert error.provider_code == str(code)
    assert error.provider_subcode == (None if subcode is None else str(subcode))
    assert error.reason
    assert error.details == "Said."


def test_every_rule_is_in_the_table_of_this_test() -> None:
    listed = {(code, subcode) for code, subcode, _ in ROWS}
    codes, subcodes = {code for code, _ in listed}, {subcode for _, subcode in listed}
    assert set(DIALECT.errors.rules) <= codes
    for code, subcode in DIALECT.errors.subcodes:
        assert (code, subcode) in listed if code is not None else subcode in subcodes


@pytest.mark.parametrize(
    ("status", "more", "kind"),
    [
        (500, {}, Unavailable),
        (503, {}, Unavailable),
        (429, {}, Throttled),
        (400, {"is_transient": True}, Unavailable),
        (400, {"is_transient": "yes"}, Rejected),
        (400, {}, Rejected),
    ],
)
def test_an_unknown_code_is_permanent_unless_meta_says_otherwise(
    status: int, more: dict[str, Any], kind: type[SendError]
) -> None:
    assert type(sent_with(answer(status, error=said(999_999, 888_888, **more)))) is kind


@pytest.mark.parametrize(
    ("code", "subcode", "limit"),
    [(1, None, 3), (-1, None, 3), (2, None, 5), (100, 2018008, 3), (100, 2018074, 2), (1200, None, None)],
)
def test_some_codes_are_worth_a_few_tries_only(code: int, subcode: int | None, limit: int | None) -> None:
    error = sent_with(answer(400, error=said(code, subcode)))
    assert isinstance(error, Unavailable)
    assert error.limit == limit


def usage(*minutes: Any, others: int | None = None) -> dict[str, str]:
    """The header with the waits of our page, and one of another page of the same app."""
    rows = [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": one} for one in minutes]
    told = {"101000000000001": rows} if rows else {}
    beside = {"101000000000002": [{"estimated_time_to_regain_access": others}]} if others is not None else {}
    return {"x-business-use-case-usage": json.dumps({**told, **beside})}


@pytest.mark.parametrize(
    ("code", "subcode", "headers", "scope", "after_s"),
    [
        (80006, None, {}, "account", None),
        (80006, None, usage(12), "account", 720.0),
        (4, None, usage(1, 5, 3), "app", 300.0),
        (80006, None, usage(0), "account", None),
        (80006, None, {**usage(12), "retry-after": "9"}, "account", 9.0),
        (10, 1893063, {}, "account", 1800.0),
        (10, 1893063, usage(60), "account", 3600.0),
        (368, None, {}, "account", 1800.0),
        (80006, None, usage(12, others=600), "account", 720.0),
        (80006, None, usage(0, others=600), "account", None),
        (80006, None, usage(others=600), "account", 36_000.0),
        (80006, None, {"x-business-use-case-usage": "{"}, "account", None),
        (80006, None, {"x-business-use-case-usage": '{"1": [5], "2": {}, "3": [{}]}'}, "account", None),
    ],
)
def test_a_throttle_says_what_has_to_wait_and_how_long(
    code: int, subcode: int | None, headers: dict[str, str], scope: str, after_s: float | None
) -> None:
    error = sent_with(answer(400, headers, error=said(code, subcode)))
    assert isinstance(error, Throttled)
    assert (error.scope, error.retry_after_s) == (scope, after_s)


def test_the_usage_header_is_about_calls_and_puts_off_nothing_else() -> None:
    error = sent_with(answer(500, usage(12), error=said(2)))
    assert type(error) is Unavailable
    assert error.retry_after_s is None


@pytest.mark.parametrize("code", [0, 3, 10, 100, 200, 551, 10904])
def test_what_meta_calls_passing_is_tried_again_a_few_times(code: int) -> None:
    for response in (answer(400, error=said(code, is_transient=True)), answer(503, error=said(code))):
        error = sent_with(response)
        assert type(error) is Unavailable
        assert error.limit == 3
    assert type(sent_with(answer(400, error=said(code, is_transient=False)))) is not Unavailable


def test_a_subcode_and_a_token_are_not_put_off() -> None:
    for code, subcode, kind in [
        (190, None, AccountBroken),
        (190, 463, AccountBroken),
        (100, 2018001, RecipientUnreachable),
        (10, 2018278, WindowClosed),
    ]:
        assert type(sent_with(answer(500, error=said(code, subcode, is_transient=True)))) is kind


def test_a_block_for_abuse_says_what_to_stop() -> None:
    assert "automatically" in (sent_with(answer(400, error=said(368))).hint or "")


def test_what_is_said_of_one_message_is_said_of_the_account_when_it_is_asked_about() -> None:
    refused = answer(403, error=said(200, 2018_999))
    with pytest.raises(AccountBroken):
        play(CHANNEL.check_account(PAGE), refused)


@given(
    st.text(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8
    ).map(json.dumps)
)
def test_any_usage_header_is_read(header: str) -> None:
    error = sent_with(answer(400, {"X-Business-Use-Case-Usage": header}, error=said(80006)))
    assert isinstance(error, Throttled)


def test_a_token_that_died_says_how_and_what_to_do() -> None:
    reasons = {sent_with(answer(400, error=said(190, subcode))).reason for subcode in (None, 458, 459, 460, 463, 464)}
    assert len(reasons) == 6
    assert sent_with(answer(400, error=said(190, 460))).hint


@pytest.mark.parametrize(
    ("code", "subcode", "ours", "retryable"),
    [
        (10, 2018278, "window_closed", False),
        (551, 1545041, "recipient_unreachable", False),
        (100, 2018008, "media_refused", False),
        (190, 463, "channel_reauth_required", False),
        (80006, None, "throttled", True),
    ],
)
def test_an_error_that_arrives_later_reads_the_same_tables(
    code: int, subcode: int | None, ours: str, retryable: bool
) -> None:
    failure = DIALECT.errors.failure(code, "Said.", None, subcode)
    assert (failure.code, failure.retryable) == (ours, retryable)


@pytest.mark.parametrize(("headers", "after_s", "grows_to_s"), [({}, 1800.0, 14_400.0), (usage(60), 3600.0, None)])
def test_a_restriction_without_an_end_is_waited_for_longer_and_longer(
    headers: dict[str, str], after_s: float, grows_to_s: float | None
) -> None:
    error = sent_with(answer(400, headers, error=said(10, 1893063)))
    assert isinstance(error, Throttled)
    assert (error.retry_after_s, error.grows_to_s) == (after_s, grows_to_s)
