"""Whatever a Graph API answers is read as good, or as one of our errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patchbay.channel import ApiResponse
from patchbay.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
)
from patchbay.testing.play import answer
from patchbay_meta.graph import GraphError, GraphErrors, error_in, fail, integer, readable, segment, throttle

ERRORS = GraphErrors(
    provider="Provider",
    rules={500_001: fail("Known."), 4: throttle("account", "Ours.")},
    ranges=((range(7, 9), fail("Ranged.")),),
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
error_objects = st.fixed_dictionaries(
    {},
    optional={
        "code": json | st.sampled_from([0, 1, 2, 4, 10, 100, 190, 200, 299, 368, 613, "190"]),
        "error_subcode": json | st.just(33),
        "message": json,
        "title": json,
        "error_data": json | st.fixed_dictionaries({"details": json}),
        "details": json,
        "is_transient": json,
        "error_user_msg": json,
    },
)


def error(status: int = 400, **members: Any) -> ApiResponse:
    return answer(status, error=members)


def raised(response: ApiResponse, *, effect: bool = False) -> SendError:
    found = ERRORS.error(response, effect=effect)
    assert found is not None
    return found


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_good_answer_is_no_error(status: int) -> None:
    assert ERRORS.error(answer(status, id="1")) is None
    ERRORS.check(answer(status))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, AccountBroken),
        (1, Unavailable),
        (2, Unavailable),
        (3, AccountBroken),
        (10, AccountBroken),
        (17, Throttled),
        (100, Rejected),
        (102, AccountBroken),
        (190, AccountBroken),
        (199, Rejected),
        (200, AccountBroken),
        (299, AccountBroken),
        (300, Rejected),
        (341, Throttled),
        (368, AccountBroken),
        (613, Throttled),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_a_common_code_decides_whatever_the_status(code: int, kind: type[SendError], status: int) -> None:
    if code in (199, 300) and status in (429, 500):
        kind = Throttled if status == 429 else Unavailable  # no table knows it: then the status decides
    found = raised(error(status, code=code, message="(#1) Said."))
    assert type(found) is kind
    assert found.provider_code == str(code)
    assert found.details == "(#1) Said."
    assert found.reason.endswith((".", "Said."))


def test_the_tables_own_codes_and_ranges_go_before_the_common_ones() -> None:
    found = raised(error(code=4))
    assert isinstance(found, Throttled)
    assert found.scope == "account"
    assert raised(error(code=500_001)).reason == "Known."
    assert raised(error(code=8)).reason == "Ranged."


def test_a_subcode_goes_before_its_code() -> None:
    found = raised(error(code=100, error_subcode=33))
    assert type(found) is AccountBroken
    assert (found.provider_code, found.provider_subcode) == ("100", "33")
    assert type(raised(error(code=100, error_subcode=34))) is Rejected


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {}, Rejected),
        (404, {}, Rejected),
        (302, {}, Rejected),
        (401, {}, AccountBroken),
        (408, {}, Unavailable),
        (429, {}, Throttled),
        (500, {}, Unavailable),
        (502, {}, Unavailable),
        (503, {}, Unavailable),
        (504, {}, Unavailable),
        (400, {"error": {"code": 999_999}}, Rejected),
        (500, {"error": {"code": 999_999}}, Unavailable),
        (400, {"error": {"code": 999_999, "is_transient": True}}, Unavailable),
        (200, {"error": {"code": 999_999, "is_transient": True}}, Unavailable),
        (200, {"error": {"code": 999_999}}, Rejected),
        (200, {"error": "invalid_token"}, Rejected),
        (200, {"error": {}}, Rejected),
    ],
)
def test_an_unknown_code_is_judged_by_its_word_then_by_the_status(
    status: int, body: dict[str, Any], kind: type[SendError]
) -> None:
    assert type(raised(ApiResponse(status, body))) is kind


def test_a_gateway_that_timed_out_may_have_sent_the_message() -> None:
    assert type(raised(answer(504), effect=True)) is OutcomeUnknown
    assert type(raised(answer(502), effect=True)) is Unavailable
    assert type(raised(error(504, code=2), effect=True)) is Unavailable  # Graph itself said that it failed


@pytest.mark.parametrize(
    ("members", "details"),
    [
        ({"error_data": {"messaging_product": "whatsapp", "details": "Inner."}, "message": "Outer."}, "Inner."),
        ({"error_data": "Plain.", "message": "Outer."}, "Plain."),
        ({"error_data": {"details": None}, "details": "Beside.", "message": "Outer."}, "Beside."),
        ({"error_data": [], "error_user_msg": "For people.", "message": "Outer."}, "For people."),
        ({"error_data": {"details": ""}, "message": "Outer."}, "Outer."),
        ({"title": "Title."}, "Title."),
        ({}, None),
    ],
)
def test_details_are_found_wherever_they_stand(members: dict[str, Any], details: str | None) -> None:
    assert raised(error(code=100, **members)).details == details


@pytest.mark.parametrize(
    ("code", "read"),
    [
        (190, 190),
        ("190", 190),
        (" 190", None),
        (True, None),
        (1.0, None),
        ("1e3", None),
        (10**30, None),
        ("9" * 5000, None),
    ],
)
def test_a_code_is_a_number_also_as_text(code: object, read: int | None) -> None:
    assert integer(code) == read


def test_an_unknown_refusal_quotes_the_provider_and_cuts_what_is_endless() -> None:
    assert raised(error(code=999_999, message="No such thing.")).reason == "Provider refused it: No such thing."
    assert len(raised(error(code=999_999, message="x" * 100_000)).reason) < 600


def test_words_of_a_provider_can_always_be_stored() -> None:
    assert readable("a\ud800b\0c") == "a?bc"
    assert readable(" \0 ") is None
    assert readable(5) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("30", 30.0), (" 5 ", 5.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("", None)],
)
def test_a_retry_after_in_seconds_is_kept(value: str, seconds: float | None) -> None:
    found = raised(ApiResponse(429, {}, {"Retry-After": value}))
    assert isinstance(found, Throttled)
    assert found.retry_after_s == seconds


def test_an_id_stays_one_segment_of_the_path() -> None:
    assert segment("401000000000001") == "401000000000001"
    assert segment("../me?x=1#y") == "..%2Fme%3Fx%3D1%23y"
    assert segment("..") == segment("") == "-"


def test_a_later_error_reads_the_same_tables() -> None:
    failure = ERRORS.failure(190, "Token expired", "More.")
    assert (failure.code, failure.provider_code, failure.details) == ("channel_reauth_required", "190", "More.")
    assert not failure.retryable
    assert ERRORS.failure(2, "", None).retryable
    assert ERRORS.failure(None, "", None).message == "Provider refused it without saying why."


@given(json, st.integers(min_value=100, max_value=599), st.booleans())
@example({"code": 190}, 200, True)
def test_any_error_body_is_a_send_error(said: Any, status: int, effect: bool) -> None:
    found = ERRORS.error(ApiResponse(status, {"error": said}), effect=effect)
    assert (found is None) == ((said is None or said is False) and 200 <= status < 300)


@given(error_objects, st.sampled_from([200, 400, 401, 404, 429, 500, 502, 504]))
def test_any_error_object_is_a_send_error_for_a_person(said: dict[str, Any], status: int) -> None:
    found = raised(ApiResponse(status, {"error": said}))
    assert isinstance(found, SendError)
    assert found.reason
    assert found.code
    (found.reason + (found.details or "")).encode()  # nothing that cannot be stored


@given(json)
def test_any_body_is_read(said: Any) -> None:
    assert isinstance(error_in({"error": said}), GraphError | None)
