"""Opaque tokens, tokens of one use, and socket tickets."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.testing import FakeClock
from patchbay_rbac.credentials import opaque
from patchbay_rbac.credentials.opaque import INVITE_LIFETIME, RESET_LIFETIME
from patchbay_rbac.credentials.tickets import TICKET_LIFETIME_S, Tickets

NOW = FakeClock().now()
MOMENT = timedelta(milliseconds=1)


def test_a_token_has_256_bits_and_no_two_are_alike() -> None:
    tokens = {opaque.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(opaque.is_token(token) and len(opaque.from_base64url(token)) == 32 for token in tokens)


@given(st.binary(min_size=32, max_size=32))
def test_every_token_has_one_spelling(raw: bytes) -> None:
    token = opaque.new_token(lambda _: raw)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [token[:-1] + last for last in alphabet]
    same_bytes = [one for one in spellings if opaque.from_base64url(one) == raw]
    assert len(same_bytes) == 4, "the last character has two bits that say nothing"
    assert [one for one in same_bytes if opaque.is_token(one)] == [token]


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "ä" * 43, "a" * 42 + "\n", "a" * 42 + "=", "١" * 43])
def test_what_has_not_the_form_of_a_token_is_none(text: str) -> None:
    assert not opaque.is_token(text)


def test_a_digest_is_of_one_purpose_and_holds_no_token() -> None:
    token = opaque.new_token()
    digests = {opaque.digest(purpose, token) for purpose in ("session", "invite", "reset", "ticket", "refresh")}
    assert len(digests) == 5
    assert all(len(one) == 64 and token not in one for one in digests)
    assert opaque.same(opaque.digest("reset", token), opaque.digest("reset", token))


def test_a_reset_works_once_and_ends_after_30_minutes() -> None:
    token = opaque.new_token()
    kept = opaque.one_use("reset", token, NOW, RESET_LIFETIME)
    assert token not in repr(kept)
    last = NOW + timedelta(minutes=30) - MOMENT
    used = opaque.redeem(kept, token, last)
    assert used is not None
    assert used.used_at == last
    assert opaque.redeem(used, token, NOW) is None
    assert opaque.redeem(kept, token, NOW + timedelta(minutes=30)) is None
    assert opaque.redeem(kept, opaque.new_token(), NOW) is None


def test_what_is_kept_comes_back_from_a_store_as_it_was() -> None:
    token = opaque.new_token()
    kept = opaque.one_use("reset", token, NOW, RESET_LIFETIME)
    for one in (kept, opaque.redeem(kept, token, NOW)):
        assert msgspec.json.decode(msgspec.json.encode(one), type=opaque.OneUse) == one


def test_an_invitation_is_good_for_a_week_and_for_nothing_else() -> None:
    token = opaque.new_token()
    kept = opaque.one_use("invite", token, NOW, INVITE_LIFETIME)
    assert opaque.redeem(kept, token, NOW + timedelta(days=7) - MOMENT) is not None
    assert opaque.redeem(kept, token, NOW + timedelta(days=7)) is None
    as_reset = opaque.OneUse(kept.digest, "reset", kept.expires_at)
    assert opaque.redeem(as_reset, token, NOW) is None


async def test_a_ticket_is_good_once_within_a_minute() -> None:
    clock = FakeClock()
    tickets = Tickets[str](clock)
    ticket = tickets.issue("usr_1")
    late = tickets.issue("usr_2")
    await clock.advance(TICKET_LIFETIME_S - 0.001)
    assert tickets.spend(ticket) == "usr_1"
    assert tickets.spend(ticket) is None
    await clock.advance(0.001)
    assert tickets.spend(late) is None
    assert tickets.spend("no ticket") is None
    assert tickets.spend(opaque.new_token()) is None


async def test_tickets_are_bounded_and_late_ones_forgotten() -> None:
    clock = FakeClock()
    tickets = Tickets[int](clock, max_tickets=3)
    given_out = [tickets.issue(number) for number in range(5)]
    assert [tickets.spend(ticket) for ticket in given_out] == [None, None, 2, 3, 4]
    for number in range(3):
        tickets.issue(number)
    await clock.advance(TICKET_LIFETIME_S)
    tickets.issue(9)
    assert len(tickets) == 1


def test_randomness_is_the_callers() -> None:
    numbers = count()
    tokens = [opaque.new_token(lambda size: next(numbers).to_bytes(size, "big")) for _ in range(2)]
    assert tokens == ["A" * 43, "A" * 42 + "E"]
