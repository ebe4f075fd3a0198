"""Six-digit codes and recovery codes. That one of many uses at once wins is shown where the store is (E19)."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP

from patchbay.errors import ConfigError
from patchbay_rbac.credentials.totp import accept, check_window, new_recovery_codes, new_seed, provisioning_uri, spend

SEED = base64.b32encode(b"12345678901234567890").decode()  # of the examples in RFC 6238, appendix B
# The last six of its eight digits, by Unix seconds.
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_the_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert accept(SEED, code, at(seconds), None) == seconds // 30


def test_a_seed_has_160_bits() -> None:
    seeds = {new_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert all(len(base64.b32decode(seed)) == 20 for seed in seeds)


def test_the_uri_says_who_and_where() -> None:
    uri = urlsplit(provisioning_uri(SEED, "jane@example.com", "Patch & Bay"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == "/Patch%20%26%20Bay:jane%40example.com"
    assert parse_qs(uri.query) == {"secret": [SEED], "issuer": ["Patch & Bay"]}


def test_a_code_works_once() -> None:
    code = TOTP(SEED).at(at(900))
    step = accept(SEED, code, at(900), None)
    assert step == 30
    assert accept(SEED, code, at(900), step) is None
    assert accept(SEED, code, at(929.9), step) is None


def test_without_a_window_only_the_present_code_works() -> None:
    code = TOTP(SEED).at(at(900))
    assert accept(SEED, code, at(899.999), None) is None
    assert accept(SEED, code, at(900), None) == 30
    assert accept(SEED, code, at(929.999), None) == 30
    assert accept(SEED, code, at(930), None) is None


def test_a_window_of_one_lets_the_neighbours_in_and_the_last_step_still_increases() -> None:
    earlier, present, later = (TOTP(SEED).at(at(seconds)) for seconds in (870, 900, 930))
    assert accept(SEED, earlier, at(900), None, window=1) == 29
    assert accept(SEED, later, at(900), None, window=1) == 31
    assert accept(SEED, present, at(900), 29, window=1) == 30
    assert accept(SEED, present, at(900), 31, window=1) is None
    assert accept(SEED, earlier, at(900), 30, window=1) is None
    assert accept(SEED, TOTP(SEED).at(at(840)), at(900), None, window=1) is None


@pytest.mark.parametrize("window", [-1, 2, 10])
def test_a_wider_window_is_refused_by_name(window: int) -> None:
    with pytest.raises(ConfigError, match="PATCHBAY_RBAC__TOTP_WINDOW"):
        check_window(window)
    with pytest.raises(ConfigError):
        accept(SEED, "123456", at(900), None, window)


@pytest.mark.parametrize(
    "code", ["", "28708", "2870822", "٢٨٧٠٨٢", "28708a", "-87082", "287082\n", "２８７０８２", "287 08"]
)
def test_what_is_no_code_is_not_accepted(code: str) -> None:
    assert accept(SEED, code, at(59), None) is None


def test_spaces_are_let_pass() -> None:
    assert accept(SEED, " 287 082", at(59), None) == 1


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(-2, 2)), max_size=60), st.integers(0, 1))
def test_whatever_is_tried_accepted_steps_only_increase(tries: list[tuple[int, int]], window: int) -> None:
    now, last, accepted = at(3000), None, list[int]()
    for wait, offset in tries:
        now += timedelta(seconds=wait)
        code = TOTP(SEED).at(now + timedelta(seconds=30 * offset))
        step = accept(SEED, code, now, last, window)
        if step is not None:
            assert abs(step - int(now.timestamp()) // 30) <= window
            accepted.append(step)
            last = step
    assert accepted == sorted(set(accepted))


def test_recovery_codes_are_ten_of_120_bits() -> None:
    codes = new_recovery_codes()
    assert len(set(codes.texts)) == len(set(codes.digests)) == 10
    for text in codes.texts:
        assert re.fullmatch(r"(?:[0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}", text)
        assert 24 * 5 >= 112
        assert text not in repr(codes)


def test_each_recovery_code_works_once() -> None:
    codes = new_recovery_codes()
    left = codes.digests
    for number, text in enumerate(codes.texts, 1):
        after = spend(left, text)
        assert after is not None
        assert len(after) == 10 - number
        assert spend(after, text) is None
        left = after


def test_a_recovery_code_may_be_typed_as_it_is_read() -> None:
    codes = new_recovery_codes(lambda size: bytes(range(size)))
    text = codes.texts[0]
    assert "0" in text
    assert "1" in text
    for typed in (text.upper(), text.replace("-", " "), text.replace("-", ""), text.replace("0", "O"), f" {text}\t"):
        assert spend(codes.digests, typed) is not None
    assert spend(codes.digests, text.replace("1", "l")) is not None
    assert spend(codes.digests, text.replace("1", "I")) is not None


@pytest.mark.parametrize("text", ["", "0" * 24, "0" * 23, "u" * 24, "ſ" * 24, "٠" * 24, "0" * 10_000, "\ud800"])
def test_what_is_no_recovery_code_leaves_them_all(text: str) -> None:
    assert spend(new_recovery_codes().digests, text) is None
