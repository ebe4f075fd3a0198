"""Which passwords may be chosen."""

from __future__ import annotations

import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Invalid
from patchbay_rbac.credentials.strength import check, fault

JANE = ("jane.doe@example.com", "Jane Doe-Smith")

WELL_KNOWN = [
    "password1234",
    "Password!2024",
    "P@ssw0rd2024!",
    "passwordpassword",
    "Summer2024!!!",
    "Winter-2025-Winter",
    "qwertyuiop12",
    "QWERTYUIOP[]",
    "qwertzuiop123",
    "azertyuiop123",
    "1qaz2wsx3edc",
    "1q2w3e4r5t6y",
    "zaq12wsxcde3",
    "asdfghjkl;'1",
    "123456789012",
    "198703121987",
    "01.02.1990.01.02",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "xk7xk7xk7xk7x",
    "abcdefghijkl",
    "zyxwvutsrqpo",
    "iloveyou2024",
    "letmeinletmein1",
    "dragonmonkey1",
    "Admin123456!",
    "welcome12345",
    "!@#$%^&*()_+",
    "correct horse battery staple",
    "CorrectHorseBatteryStaple1",
    "trustno1trustno1",
    "            ",
    "ｐａｓｓｗｏｒｄ１２３４",  # wide letters
]
GOOD = [
    "blaue Tassen fliegen nie",
    "my dog ate 3 lamps",
    "tr0ub4dor&3xyz!",
    "Ann-Kathrin 42 bees",
    "пчела читает газету",
    "蜂は新聞を読むのが好きです",
    "🐝🦊🌵🎈🪁🧲🥝🛶🎻🧊🪵🧶",
    "x9#Lq2!vT7mz",
    "q7" + "wordsalad of things " * 12,
]


@pytest.mark.parametrize("password", WELL_KNOWN)
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    found = fault(password)
    assert found is not None
    assert found[0] == "password_common"


@pytest.mark.parametrize("password", GOOD)
def test_a_password_of_its_owner_alone_is_fine(password: str) -> None:
    assert fault(password, JANE) is None


@pytest.mark.parametrize(
    "password",
    [
        "i am jane with 9 cups",
        "j4ne with nine cups",
        "nine SMITH cups of tea",
        "nine janedoe cups of t",
        "my patchbay is so fine",
        "my p4tchb@y is so fine",
        "mail jane.doe@example.com",
    ],
)
def test_the_owners_names_and_the_products_stay_out(password: str) -> None:
    found = fault(password, JANE)
    assert found is not None
    assert found[0] == "password_about_you"


def test_a_short_name_does_not_forbid_half_the_language() -> None:
    assert fault("an anniversary of bees", ("ann@example.com", "Li")) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("x9#Lq2!vT7m", "password_too_short"),
        ("e\u0301x9#Lq2!vT7", "password_too_short"),  # twelve typed, eleven when composed
        ("\ud800" + "x9#Lq2!vT7mz", "password_unreadable"),
        ("x9#Lq2!vT7mz" * 22, "password_too_long"),
        ("\ufdfa" * 20, "password_too_long"),  # one character that becomes eighteen
        ("a" * 1_000_000, "password_too_long"),
    ],
)
def test_lengths_count_characters_after_normalising(password: str, code: str) -> None:
    found = fault(password)
    assert found is not None
    assert found[0] == code


def test_the_refusal_names_the_field_and_not_the_password() -> None:
    with pytest.raises(Invalid) as refused:
        check("password1234", pointer="/new_password")
    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/new_password", "password_common")
    assert "password1234" not in f"{refused.value} {error}"


def test_random_passwords_are_never_refused() -> None:
    assert [bad for _ in range(1000) if fault(bad := secrets.token_urlsafe(12))] == []


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=3))
def test_any_text_gets_a_verdict(password: str, about: list[str]) -> None:
    found = fault(password, about)
    assert found is None or found[0].startswith("password_")


@pytest.mark.parametrize("unit", ["a", "ab", "1qaz", "passwor", "\ufdfa", "0" * 127 + "1"])
def test_no_text_takes_long(unit: str) -> None:
    began = time.perf_counter()
    fault((unit * 1000)[:1024])
    fault((unit * 1000)[:256])
    assert time.perf_counter() - began < 0.25
