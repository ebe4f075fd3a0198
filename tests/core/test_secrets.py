"""Secrets: what is refused at start, what a sealed value is bound to, what a signature is worth."""

from __future__ import annotations

import base64
import os
import random
import re
import stat
import string
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from pydantic import SecretStr

from patchbay.builtin import ADMINISTRATOR, BootstrapAuthenticator, BootstrapAuthorizer
from patchbay.errors import ConfigError, SecretError
from patchbay.model.event import Event
from patchbay.model.message import SYSTEM
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from patchbay.secrets import SecretKey, Signer, Vault, open_admin_token, open_vault, refuse_weak, stated_keys
from patchbay.settings import Settings

OLD = "kR8-wq0Zt4uJ1mYb7Xc3Ve9sLd5Ga2Hf6Ni"
NEW = "p3Wn_8Tq6Bz0Rj5Cv1Ky9Hx4Mf7Ds2Lg-aE"
THIRD = "u7Qx_2Vb9Nk4Ts1Jd6Pz8Rw3Yc5Mg0Hf-oI"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")


def settings(folder: Path, key: str | None = None, token: str | None = None) -> Settings:
    return Settings(
        data_dir=folder,
        secret_key=None if key is None else SecretStr(key),
        admin_token=None if token is None else SecretStr(token),
    )


def vault(*keys: str) -> Vault:
    return Vault([SecretKey(key) for key in keys or (OLD,)])


# --- The first start, and what is refused (E23) ----------------------------------------------------------------------


@posix
def test_the_first_start_makes_a_key_and_a_token_that_only_the_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    open_vault(settings(folder))
    token = open_admin_token(settings(folder))
    for name in ("secret-key", "admin-token", "secret-canary"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert re.fullmatch(r"[\w-]{43}", token)
    assert re.fullmatch(r"[\w-]{43}\n", (folder / "secret-key").read_text())
    assert sorted(path.name for path in folder.iterdir()) == ["admin-token", "secret-canary", "secret-key"]


def test_every_deployment_has_a_key_and_a_token_of_its_own(tmp_path: Path) -> None:
    made = {open_admin_token(settings(tmp_path / name)) for name in "abcdef"}
    keys = {open_vault(settings(tmp_path / name)).keys[0].id for name in "abcdef"}
    assert len(made) == len(keys) == 6


def test_a_second_start_uses_the_key_and_the_token_of_the_first(tmp_path: Path) -> None:
    sealed = open_vault(settings(tmp_path)).seal({"access_token": "abc"}, "acc_1")
    token = open_admin_token(settings(tmp_path))
    assert open_vault(settings(tmp_path)).open(sealed, "acc_1") == {"access_token": "abc"}
    assert open_admin_token(settings(tmp_path)) == token


def test_gateways_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    gate, ids = threading.Barrier(8), set[str]()

    def start() -> None:
        gate.wait()
        ids.add(open_vault(settings(tmp_path)).keys[0].id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-canary", "secret-key"]


def test_where_there_are_no_hard_links_the_key_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first = open_vault(settings(tmp_path))
    assert open_vault(settings(tmp_path)).keys[0].id == first.keys[0].id
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_an_empty_setting_is_no_setting(tmp_path: Path) -> None:
    open_vault(settings(tmp_path, key="", token=""))
    assert (tmp_path / "secret-key").exists()


@pytest.mark.parametrize("size", [1, 16, 31])
def test_a_short_key_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ConfigError, match=rf"^PATCHBAY_SECRET_KEY has {size} bytes and needs 32 or more"):
        open_vault(settings(tmp_path, key=(string.ascii_letters + string.digits)[:size]))


def test_a_key_of_32_bytes_is_long_enough_whatever_its_alphabet(tmp_path: Path) -> None:
    for name, key in (("a", OLD[:32]), ("b", "äöüßéèêçñåøæœłšž")):
        assert open_vault(settings(tmp_path / name, key=key)).keys[0].id == SecretKey(key).id


@pytest.mark.parametrize(
    "value",
    [
        "change-me-change-me-change-me-change-me",
        "CHANGE_ME_to_32_or_more_random_bytes_please",
        "your-secret-key-goes-here-0000000000000",
        "this-is-an-example-key-of-enough-length",
        "super secret value that is long enough!",
        "correct-horse-battery-staple-password-1",
        "0123456789abcdef0123456789abcdef",
        "insecure-development-key-do-not-ship-it",
        "<placeholder: 32 bytes from your vault>",
        "a" * 64,
        "ab" * 32,
        "00000000000000000000000000000000",
        "1234123412341234123412341234123412341234",
    ],
)
def test_an_example_value_is_refused_as_key_and_as_token(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_SECRET_KEY (is an example|repeats a few)") as caught:
        open_vault(settings(tmp_path, key=value))
    assert value not in caught.value.detail
    with pytest.raises(ConfigError, match=r"^PATCHBAY_ADMIN_TOKEN (is an example|repeats a few)"):
        open_admin_token(settings(tmp_path, token=value))
    assert list(tmp_path.iterdir()) == [], "nothing is made of a key that was refused"


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_ADMIN_TOKEN has 5 bytes and needs 16"):
        open_admin_token(settings(tmp_path, token="admin"))


def test_a_random_key_is_never_taken_for_an_example() -> None:
    chance = random.Random(20261122)
    for _ in range(3000):
        raw = chance.randbytes(32)
        for text in (raw[:16].hex(), raw.hex(), base64.urlsafe_b64encode(raw).decode()):
            refuse_weak(text, "the key", 32)


@posix
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o602, 0o601])
@pytest.mark.parametrize("name", ["secret-key", "admin-token"])
def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    open_vault(settings(tmp_path))
    open_admin_token(settings(tmp_path))
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match=f"is open to every user of this machine .mode {mode:04o}.; run: chmod 600"):
        (open_vault if name == "secret-key" else open_admin_token)(settings(tmp_path))


@posix
@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640, 0o660])
def test_a_key_that_a_group_can_read_is_taken(tmp_path: Path, mode: int) -> None:
    first = open_vault(settings(tmp_path))
    (tmp_path / "secret-key").chmod(mode)
    assert open_vault(settings(tmp_path)).keys[0].id == first.keys[0].id


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; delete it"),
        (b"\n\n", "is empty"),
        (b"short\n", "has 5 bytes"),
        (b"\xff" * 40, "cannot be read"),
    ],
)
def test_a_key_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "secret-key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))} {sentence}"):
        open_vault(settings(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a folder belongs", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"secret-key cannot be written: (File exists|Not a directory)\."):
        open_vault(settings(tmp_path / "var"))


# --- The canary ------------------------------------------------------------------------------------------------------


def test_another_key_is_refused_at_start_and_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    first = open_vault(settings(tmp_path, key=OLD))
    with pytest.raises(SecretError) as caught:
        open_vault(settings(tmp_path, key=NEW))
    assert isinstance(caught.value, ConfigError)
    assert f"(key {first.keys[0].id}): put that key back, or add it after the new one" in caught.value.detail
    assert OLD not in caught.value.detail
    assert NEW not in caught.value.detail


def test_a_lost_key_file_is_not_replaced_by_a_key_that_opens_nothing(tmp_path: Path) -> None:
    open_vault(settings(tmp_path))
    (tmp_path / "secret-key").unlink()
    with pytest.raises(SecretError):
        open_vault(settings(tmp_path))


def test_a_new_key_with_the_old_one_behind_it_is_taken_and_both_are_needed_from_then_on(tmp_path: Path) -> None:
    sealed = open_vault(settings(tmp_path, key=OLD)).seal({"token": "abc"}, "acc_1")
    both = open_vault(settings(tmp_path, key=f"{NEW}, {OLD}"))
    assert both.open(sealed, "acc_1") == {"token": "abc"}
    assert not both.is_current(sealed["token"])
    assert both.is_current(both.seal({"token": "abc"}, "acc_1")["token"])
    for alone in (OLD, NEW):
        with pytest.raises(SecretError):
            open_vault(settings(tmp_path, key=alone))
    assert len(open_vault(settings(tmp_path, key=f"{NEW},{OLD}")).keys) == 2


def test_several_keys_may_stand_in_the_file_one_per_line(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    path.write_text(f"{NEW}\n{OLD}\n", encoding="utf-8")
    path.chmod(0o600)
    assert [key.id for key in stated_keys(settings(tmp_path))] == [SecretKey(NEW).id, SecretKey(OLD).id]


@pytest.mark.parametrize("line", ["nonsense", "v1:abc", "v2:aaaaaaaaaaaa:AAAA", "v1::AAAA", "v1:aaaaaaaaaaaa:%%%"])
def test_a_canary_that_cannot_be_read_stops_the_start(tmp_path: Path, line: str) -> None:
    (tmp_path / "secret-canary").write_text(line, encoding="utf-8")
    with pytest.raises(SecretError):
        open_vault(settings(tmp_path, key=OLD))


# --- Sealing ---------------------------------------------------------------------------------------------------------


@given(
    st.dictionaries(st.text(max_size=20), st.text(st.characters(codec="utf-8"), max_size=200), max_size=4), st.text()
)
def test_what_was_sealed_opens_again_for_its_context(values: dict[str, str], context: str) -> None:
    assert vault().open(vault().seal(values, context), context) == values


def test_a_sealed_value_shows_its_version_and_key_and_nothing_of_itself() -> None:
    sealed = vault().seal({"access_token": "EAAG-canary-value"}, "acc_1")["access_token"]
    assert re.fullmatch(r"v1:[0-9a-f]{12}:[\w-]+", sealed)
    assert sealed.split(":")[1] == SecretKey(OLD).id
    assert "canary" not in sealed
    assert sealed != vault().seal({"access_token": "EAAG-canary-value"}, "acc_1")["access_token"], "nonces differ"


@pytest.mark.parametrize(
    ("context", "field"),
    [("acc_2", "access_token"), ("acc_1", "app_secret"), ("acc_1access_token", ""), ("", "acc_1access_token")],
)
def test_a_sealed_value_moved_to_another_account_or_field_is_refused(context: str, field: str) -> None:
    sealed = vault().seal({"access_token": "abc"}, "acc_1")["access_token"]
    with pytest.raises(SecretError, match="was altered, or belongs to another account or field") as caught:
        vault().open({field: sealed}, context)
    assert "abc" not in caught.value.detail


def test_the_fields_of_one_account_cannot_change_places() -> None:
    sealed = vault().seal({"access_token": "abc", "app_secret": "def"}, "acc_1")
    swapped = {"access_token": sealed["app_secret"], "app_secret": sealed["access_token"]}
    with pytest.raises(SecretError):
        vault().open(swapped, "acc_1")


def test_a_sealed_value_that_names_another_key_of_the_ring_is_refused() -> None:
    ring = vault(OLD, NEW)
    sealed = ring.seal_text("abc", "acc_1", "token")
    with pytest.raises(SecretError):
        ring.open_text(sealed.replace(ring.keys[0].id, ring.keys[1].id), "acc_1", "token")


def test_a_value_of_an_unknown_key_names_the_key_and_what_to_do() -> None:
    sealed = vault(OLD).seal({"token": "abc"}, "acc_1")
    with pytest.raises(SecretError, match=f"was sealed with the key {SecretKey(OLD).id}, which .* does not hold; add"):
        vault(NEW).open(sealed, "acc_1")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(place: int, flip: int) -> None:
    sealed = vault().seal_text("a credential", "acc_1", "token")
    index = place % len(sealed)
    changed = sealed[:index] + chr(ord(sealed[index]) ^ flip) + sealed[index + 1 :]
    try:
        opened = vault().open_text(changed, "acc_1", "token")
    except SecretError:
        return
    assert opened == "a credential", "base64 leaves unused bits at its end; they change nothing"


@given(st.text())
def test_any_text_is_opened_or_refused(text: str) -> None:
    with pytest.raises(SecretError):
        vault().open_text(text, "acc_1", "token")


def test_nothing_shows_a_key() -> None:
    keys = [SecretKey(OLD), SecretKey(NEW)]
    shown = repr(keys) + repr(Vault(keys)) + str(Vault(keys).signer("x"))
    assert OLD not in shown
    assert NEW not in shown
    assert keys[0].derive("a") != keys[0].derive("b") != keys[1].derive("b")
    assert SecretKey(OLD).derive("a") == keys[0].derive("a")


# --- Signing ---------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8")), st.integers(1, 10**6))
def test_a_signed_text_is_read_until_it_expires(text: str, seconds: int) -> None:
    signer = vault().signer("media link")
    token = signer.sign(text, NOON + timedelta(seconds=seconds))
    assert re.fullmatch(r"[\w.-]+", token), "safe in a URL"
    assert signer.verify(token, NOON) == text
    assert signer.verify(token, NOON + timedelta(seconds=seconds, milliseconds=-1)) == text
    assert signer.verify(token, NOON + timedelta(seconds=seconds)) is None


@pytest.mark.parametrize("key", [OLD, THIRD])
def test_a_signature_holds_for_one_purpose_and_the_keys_of_the_ring(key: str) -> None:
    token = vault(OLD).signer("media link").sign("med_1", NOON + timedelta(hours=1))
    assert vault(NEW, OLD).signer("media link").verify(token, NOON) == "med_1"
    assert vault(NEW, OLD).signer("password reset").verify(token, NOON) is None
    assert vault(NEW, THIRD).signer("media link").verify(token, NOON) is None


@given(st.text())
def test_any_text_is_verified_or_not(text: str) -> None:
    signer = Signer([b"k" * 32])
    assert signer.verify(text, NOON) is None
    assert signer.verify(f"{text}.9999999999.{text}", NOON) is None


@given(st.integers(0, 10**6), st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_a_changed_token_is_worth_nothing(place: int, character: str) -> None:
    signer = Signer([b"k" * 32])
    token = signer.sign("med_1", NOON + timedelta(hours=1))
    index = place % len(token)
    changed = token[:index] + character + token[index + 1 :]
    assert (signer.verify(changed, NOON) == "med_1") is (changed == token)


# --- The bootstrap principal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "known"),
    [
        (Credentials(bearer=OLD), True),
        (Credentials(api_key=OLD), True),
        (Credentials(bearer=NEW, api_key=OLD), True),
        (Credentials(bearer=OLD[:-1]), False),
        (Credentials(bearer=OLD + "x"), False),
        (Credentials(bearer=""), False),
        (Credentials(bearer="\udcff\u00e9"), False),
        (Credentials(cookies={"session": OLD}), False),
        (Credentials(), False),
    ],
)
async def test_who_brings_the_token_is_the_administrator(credentials: Credentials, known: bool) -> None:
    found = await BootstrapAuthenticator(lambda: OLD).authenticate(credentials)
    assert found == (Principal(type="bootstrap", id="admin", name="Administrator") if known else None)


def test_the_administrator_may_do_and_see_everything_and_nobody_else_is_judged() -> None:
    judge, somebody = BootstrapAuthorizer(), Principal(type="user", id="usr_1")
    event = Event(
        position=1,
        type="message.received",
        subject_type="message",
        subject_id="msg_1",
        actor=SYSTEM,
        data=Raw(b"{}"),
        occurred_at=NOON,
    )
    assert (judge.decide(ADMINISTRATOR, "anything.at_all"), judge.sees(ADMINISTRATOR, event)) == ("allow", "allow")
    assert (judge.decide(somebody, "anything.at_all"), judge.sees(somebody, event)) == ("abstain", "abstain")
