"""API keys: one form, a prefix to show, a hash to keep."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay_rbac.credentials.api_keys import new_key, parse


def test_a_key_shows_its_prefix_and_keeps_a_hash() -> None:
    key = new_key()
    assert re.fullmatch(r"pb_[a-z2-7]{8}_[A-Za-z0-9_-]{43}", key.text)
    assert key.text.split("_")[1] == key.prefix
    assert len(key.digest) == 64
    secret = key.text[12:]
    assert secret not in key.digest
    assert secret not in repr(key)
    assert key.digest not in repr(key)


def test_a_key_is_known_by_its_digest_and_no_other_is() -> None:
    key, other = new_key(), new_key()
    presented = parse(key.text)
    assert presented is not None
    assert presented.prefix == key.prefix
    assert presented.is_the_one(key.digest)
    assert not presented.is_the_one(other.digest)
    assert not presented.is_the_one(None)
    assert not presented.is_the_one("")
    assert not presented.is_the_one("ä")
    assert key.digest not in repr(presented)


def test_the_prefix_is_part_of_what_is_hashed() -> None:
    key, other = new_key(), new_key()
    swapped = parse(f"pb_{other.prefix}_{key.text[12:]}")
    assert swapped is not None
    assert not swapped.is_the_one(key.digest)


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "pb__",
        "{text} ",
        " {text}",
        "{text}\n",
        "{text}=",
        "{text}A",
        "PB{rest}",
        "pbr{rest}",
        "pb_{prefix}0_{secret}",
        "pb_{upper}_{secret}",
        "pb-{prefix}-{secret}",
        "Bearer {text}",
        "pb_{prefix}_" + "ä" * 43,
        "pb_{prefix}_" + "A" * 42 + "B",  # spells the same bytes as 43 times A
        "pb_" + "١" * 8 + "_{secret}",
    ],
)
def test_what_is_no_key_of_ours_is_left_to_others(spoilt: str) -> None:
    key = new_key()
    secret = key.text[12:]
    parts = {"text": key.text, "rest": key.text[2:], "prefix": key.prefix, "secret": secret}
    assert parse(spoilt.format(**parts, upper="A" + key.prefix[1:].upper())) is None


@given(st.text(max_size=80))
def test_any_text_is_read_or_left(text: str) -> None:
    presented = parse(text)
    assert presented is None or text.startswith(f"pb_{presented.prefix}_")


@given(st.integers(0, 54), st.characters(codec="utf-8"))
def test_a_key_with_one_character_changed_never_works(at: int, character: str) -> None:
    key = new_key()
    changed = key.text[:at] + character + key.text[at + 1 :]
    presented = parse(changed)
    assert changed == key.text or presented is None or not presented.is_the_one(key.digest)
