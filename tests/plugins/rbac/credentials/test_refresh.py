"""Refresh tokens by value: each row of the automaton, and what is kept. Sequences are in tests/security (E20)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.testing import FakeClock
from patchbay_rbac.credentials.refresh import (
    Expired,
    Family,
    Outcome,
    Presented,
    Replayed,
    Reused,
    Revoked,
    Rotated,
    parse,
    revoke,
    rotate,
    start,
)

NOW = FakeClock().now()
SALT, OTHER_SALT = b"1" * 32, b"2" * 32
MOMENT = timedelta(milliseconds=1)


def read(text: str) -> Presented:
    presented = parse(text)
    assert presented is not None
    return presented


def present(family: Family, text: str, after_s: float, salt: bytes = SALT) -> Outcome:
    return rotate(family, read(text), NOW + timedelta(seconds=after_s), salt)


def rotated(family: Family, text: str, after_s: float, salt: bytes = SALT) -> tuple[Family, str]:
    outcome = present(family, text, after_s, salt)
    assert isinstance(outcome, Rotated)
    return outcome.family, outcome.token


def test_the_current_token_is_exchanged_for_another() -> None:
    family, first = start(NOW)
    after, second = rotated(family, first, 600)
    assert second != first
    assert (after.rotations, after.rotated_at) == (1, NOW + timedelta(seconds=600))
    assert (after.born_at, after.expires_at) == (NOW, NOW + timedelta(days=30))
    assert read(second).family == read(first).family == family.key
    third = rotated(after, second, 1200)[1]
    assert len({first, second, third}) == 3


def test_a_lost_answer_is_given_again_for_30_seconds_whichever_way_the_clock_was_set() -> None:
    family, first = start(NOW)
    family, second = rotated(family, first, 600)
    for after_s in (600, 600.001, 630, 570):
        assert present(family, first, after_s, OTHER_SALT) == Replayed(second)
    for after_s in (630.001, 569.999, 4000):
        assert isinstance(present(family, first, after_s, OTHER_SALT), Reused)


def test_the_grace_ends_with_the_first_use_of_the_new_token() -> None:
    family, first = start(NOW)
    family, second = rotated(family, first, 600)
    family, _ = rotated(family, second, 601, OTHER_SALT)
    reused = present(family, first, 602)
    assert isinstance(reused, Reused)
    assert reused.family.revoked_at == NOW + timedelta(seconds=602)


def test_a_spent_token_ends_the_whole_family() -> None:
    family, first = start(NOW)
    family, second = rotated(family, first, 600)
    reused = present(family, first, 700)
    assert isinstance(reused, Reused)
    for token in (first, second):
        assert present(reused.family, token, 701) == Revoked()


def test_a_secret_that_never_was_under_a_known_handle_ends_it_too() -> None:
    family, first = start(NOW)
    guessed = first[:-43] + start(NOW)[1][-43:]
    assert isinstance(present(family, guessed, 1), Reused)


def test_a_token_of_another_family_is_a_fault_of_the_caller_and_ends_nothing() -> None:
    family, _ = start(NOW)
    with pytest.raises(ValueError, match="another family"):
        present(family, start(NOW)[1], 1)


def test_thirty_days_after_sign_in_it_is_over_however_often_it_was_used() -> None:
    family, token = start(NOW)
    month = timedelta(days=30).total_seconds()
    for day in range(1, 30):
        family, token = rotated(family, token, day * 86_400, bytes([day]) * 32)
    assert isinstance(present(family, token, month - 0.001), Rotated)
    assert present(family, token, month) == Expired()
    assert present(family, token, month * 100) == Expired()


def test_revoking_is_final_and_keeps_the_first_moment() -> None:
    family, first = start(NOW)
    family, second = rotated(family, first, 600)
    ended = revoke(family, NOW + timedelta(seconds=601))
    assert present(ended, second, 602) == Revoked()
    assert present(ended, first, 602) == Revoked()
    assert revoke(ended, NOW + timedelta(days=1)) == ended


def test_nothing_that_is_kept_can_be_presented() -> None:
    family, first = start(NOW)
    family, second = rotated(family, first, 600)
    secrets = {part for text in (first, second) for part in (read(text).handle, read(text).secret)}
    kept = [value for value in vars(family).values() if isinstance(value, str)]
    assert not any(secret in value for secret in secrets for value in kept)
    shown = f"{family} {read(first)} {present(family, second, 601)} {present(family, first, 601)}"
    assert not any(secret in shown for secret in secrets)
    assert family.salt is not None
    assert family.salt not in shown
    for kept_value in kept:
        assert parse(f"pbr_{first[4:26]}_{kept_value[:43]}") is None or isinstance(
            present(family, f"pbr_{first[4:26]}_{kept_value[:43]}", 601), Reused
        )


def test_a_family_comes_back_from_a_store_as_it_was() -> None:
    family, first = start(NOW)
    for kept in (family, rotated(family, first, 1)[0], revoke(family, NOW)):
        assert msgspec.json.decode(msgspec.json.encode(kept), type=Family) == kept


def test_the_next_token_needs_both_the_old_one_and_the_salt() -> None:
    family, first = start(NOW)
    other, unlike = start(NOW)
    assert rotated(family, first, 1, SALT)[1] == rotated(family, first, 2, SALT)[1]
    assert rotated(family, first, 1, SALT)[1] != rotated(family, first, 1, OTHER_SALT)[1]
    assert rotated(family, first, 1, SALT)[1][-43:] != rotated(other, unlike, 1, SALT)[1][-43:]


def test_a_rotation_without_randomness_is_a_fault_of_the_caller() -> None:
    family, first = start(NOW)
    with pytest.raises(ValueError, match="32 random bytes"):
        present(family, first, 1, b"too short")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pbr__",
        "pb_" + "A" * 22 + "_" + "A" * 43,
        "pbr_" + "A" * 21 + "_" + "A" * 43,
        "pbr_" + "A" * 22 + "_" + "A" * 42,
        "pbr_" + "A" * 22 + "_" + "A" * 43 + "\n",
        "pbr_" + "A" * 22 + "_" + "A" * 42 + "B",
        "pbr_" + "A" * 21 + "B_" + "A" * 43,
        "pbr_" + "ä" * 22 + "_" + "A" * 43,
        "\ud800" * 70,
    ],
)
def test_what_is_no_refresh_token_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=80))
def test_any_text_is_read_whole_or_not_at_all(text: str) -> None:
    presented = parse(text)
    assert presented is None or text == f"pbr_{presented.handle}_{presented.secret}"
