"""Every code of WhatsApp's table: which of our errors it is, when it comes at once and when it comes later."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import ApiResponse
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
    WindowClosed,
)
from patchbay.testing.outbound import account, identity, recipient
from patchbay.testing.play import answer
from patchbay_meta.graph import COMMON_RULES
from patchbay_meta.refusals import (
    IdentityChanged,
    MarketingHeld,
    OptedOut,
    TemplateDisabled,
    TemplateMissing,
    TemplateParameters,
    TemplatePaused,
    TemplateRefused,
)
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.errors import ERRORS, failure
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.plugins.refusals import raised_by

CHANNEL = WhatsAppChannel(WhatsAppSettings())
ACCOUNT = account("whatsapp", "401000000000001")
TO = recipient(identity("phone", "+15550001111", channel="whatsapp"))
sent_with = raised_by(CHANNEL, ACCOUNT, TO)

# The error tables of the provider's pages, row by row, written down apart from the code.
TABLE: dict[type[SendError], list[int]] = {
    AccountBroken: [
        *(0, 3, 10, 33, 190, 200, 250, 299, 368, 131005, 131031, 131037, 131042, 131044, 131045),
        *(133005, 133006, 133008, 133009, 133010, 133016, 134011),
    ],
    Throttled: [4, 613, 80007, 130429, 131048, 131056, 131064, 131208, 132069],
    Unavailable: [
        *(1, 2, 131000, 131016, 131053, 131057, 133000, 133004, 133015, 139102, 139103, 2494100),
    ],
    RecipientUnreachable: [130497, 131021, 131026, 131030, 131062],
    WindowClosed: [131047],
    MediaRefused: [131014, 131052],
    OptedOut: [131050],
    MarketingHeld: [130472, 131049],
    IdentityChanged: [137000],
    TemplateMissing: [132001],
    TemplateParameters: [132000, 132005, 132008, 132012],
    TemplateRefused: [132007],
    TemplatePaused: [132015],
    TemplateDisabled: [132016],
    Rejected: [
        *(100, 131008, 131009, 131020, 131041, 131051, 131059, 131063, 131201, 131207, 131214, 131215, 132068),
        *(135000, 138000, 138018, 139000, 139004, 139100, 139101, 147001, 147005, 2388000, 2388999, 2593109),
    ],
}
ROWS = [(code, kind) for kind, codes in TABLE.items() for code in codes]


@pytest.mark.parametrize(("code", "kind"), ROWS)
@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_a_code_means_the_same_whatever_the_status(code: int, kind: type[SendError], status: int) -> None:
    said = {"message": f"(#{code}) Title", "code": code, "error_data": {"details": "Because."}, "fbtrace_id": "A"}
    error = sent_with(answer(status, error=said))
    assert type(error) is kind
    assert error.provider_code == str(code)
    assert error.details == "Because."
    assert error.reason.endswith(".")
    assert "unknown" not in error.reason or code == 1  # a sentence of its own for every row


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_a_code_that_comes_later_fails_with_the_same_word(code: int, kind: type[SendError]) -> None:
    found = failure(code, "Title", "Because.")
    settled = {131053: MediaRefused, 1: Rejected}.get(code, kind)
    assert found.code == settled.code
    assert found.retryable is settled.retryable
    assert found.provider_code == str(code)
    assert found.details == "Because."
    assert found.message.endswith(".")


def test_every_rule_is_in_the_table_of_this_test() -> None:
    listed = {code for codes in TABLE.values() for code in codes}
    assert set(ERRORS.rules) <= listed
    assert set(COMMON_RULES) - listed == {17, 102, 341}  # of other Graph APIs; tested with those
    for codes, _ in ERRORS.ranges:
        assert codes[0] in listed or codes[-1] in listed


@pytest.mark.parametrize(
    ("code", "scope", "retry_after_s"),
    [
        (4, "app", None),
        (80007, "parent", None),
        (130429, "account", None),
        (131048, "account", 3600.0),
        (131056, "recipient", 6.0),
        (131064, "account", 3600.0),
        (131208, "recipient", None),
        (613, "account", None),
    ],
)
def test_a_throttle_says_what_has_to_wait(code: int, scope: str, retry_after_s: float | None) -> None:
    error = sent_with(answer(400, error={"code": code}))
    assert isinstance(error, Throttled)
    assert (error.scope, error.retry_after_s) == (scope, retry_after_s)


def test_the_providers_own_word_goes_before_ours() -> None:
    error = sent_with(answer(429, {"Retry-After": "90"}, error={"code": 131056}))
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 90.0


@pytest.mark.parametrize(("code", "limit"), [(1, 3), (131000, 3), (131053, 2), (2, None), (131016, None)])
def test_some_codes_are_worth_a_few_tries_only(code: int, limit: int | None) -> None:
    error = sent_with(answer(500, error={"code": code}))
    assert isinstance(error, Unavailable)
    assert error.limit == limit


@pytest.mark.parametrize(("code", "after_s"), [(131057, 60.0), (133015, 300.0)])
def test_maintenance_takes_its_time(code: int, after_s: float) -> None:
    error = sent_with(answer(500, error={"code": code}))
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == after_s


def test_outside_the_window_a_template_is_offered() -> None:
    assert "template" in (sent_with(answer(400, error={"code": 131047})).hint or "")
    found = failure(131047, "Re-engagement message", "Message failed to send because more than 24 hours have passed")
    assert found.code == "window_closed"
    assert "template" in (found.hint or "")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(400, error={"code": 4242, "message": "New."}), Rejected),
        (answer(400, error={"code": 4242, "is_transient": True}), Unavailable),
        (answer(503, error={"code": 4242}), Unavailable),
        (answer(502), Unavailable),
        (answer(400), Rejected),
        (answer(400, error={"code": 132000, "error_data": "plain string"}), TemplateParameters),
        (answer(400, error={"code": 100, "error_subcode": 33}), AccountBroken),
    ],
)
def test_odd_answers_are_judged_too(response: ApiResponse, kind: type[SendError]) -> None:
    assert type(sent_with(response)) is kind


@pytest.mark.parametrize("code", [None, 4242])
def test_a_later_error_that_no_table_knows_keeps_the_providers_words(code: int | None) -> None:
    found = failure(code, "Strange.", None)
    assert (found.code, found.message, found.details) == ("rejected", "WhatsApp refused it: Strange.", "Strange.")
    assert not found.retryable


@given(
    st.none() | st.integers() | st.sampled_from([code for code, _ in ROWS]),
    st.text(max_size=2000),
    st.none() | st.text(max_size=2000),
)
def test_any_later_error_is_a_failure_that_can_be_kept(code: int | None, message: str, details: str | None) -> None:
    found = failure(code, message, details)
    assert found.code
    assert found.message
    assert len(found.details or "") <= 500


members = st.fixed_dictionaries(
    {},
    optional={
        "code": st.sampled_from([code for code, _ in ROWS]) | st.integers() | st.text(max_size=6),
        "message": st.none() | st.text(max_size=20),
        "error_data": st.none() | st.text(max_size=9) | st.dictionaries(st.just("details"), st.text(max_size=9)),
        "error_subcode": st.none() | st.integers(),
    },
)


@given(st.sampled_from([200, 400, 403, 404, 429, 500, 502]), members | st.text() | st.lists(st.integers()))
def test_any_error_body_is_a_send_error(status: int, said: Any) -> None:
    assert sent_with(ApiResponse(status, {"error": said})).reason
