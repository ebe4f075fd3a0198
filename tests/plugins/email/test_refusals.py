"""What goes wrong is told in one sentence that names the setting which is probably wrong, and no secret."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from patchbay_email import EmailFailed, EmailNotifier, EmailSettings, RecipientRefused
from tests.plugins.email.conftest import SENDER, Authority, notifier_for
from tests.plugins.email.post_office import HANG_UP, SILENCE, PostOffice

MARA = "mara@lamps.example"
PASSWORD = "open-sesame-4711"
USER = {"username": "inbox", "password": PASSWORD}
STEPS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END")
NAMED = re.compile(r"PATCHBAY_EMAIL__[A-Z_]+")


async def failure(office: PostOffice, recipient: str = MARA, **settings: Any) -> EmailFailed:
    """The error of a notice that cannot go out; it never shows what must not be seen."""
    async with office.open():
        with pytest.raises(EmailFailed) as caught:
            await notifier_for(office, **settings).notify(recipient, "A subject", "A text")
    error = caught.value
    assert error.__suppress_context__
    assert error.__cause__ is None
    assert not [
        word
        for word in (PASSWORD, MARA, "A subject", "A text", "127.0.0.1", str(office.port), SENDER)
        if word in repr(error) + str(error)
    ]
    assert "\n" not in error.detail
    return error


def first_named(error: EmailFailed) -> str:
    found = NAMED.search(error.detail)
    return found[0].removeprefix("PATCHBAY_EMAIL__") if found else ""


@pytest.mark.parametrize(
    ("replies", "setting", "words"),
    [
        ({"GREETING": "554 5.7.1 go away"}, "HOST", "answered 554 5.7.1, refusing us"),
        ({"GREETING": "SSH-2.0-OpenSSH_9.6"}, "PORT", "no mail server"),
        ({"GREETING": "200 HTTP?"}, "", "as mail servers do"),
        ({"EHLO": "550 no"}, "HOST", "answered 550, refusing our greeting"),
        ({"MAIL": "553 5.7.1 not yours"}, "SENDER", "answered 553 5.7.1, refusing this sender"),
        ({"MAIL": "530 5.7.0 sign in"}, "USERNAME", "wants a sign-in first"),
        ({"RCPT": "554 5.7.1 relay access denied"}, "USERNAME", "wants a sign-in first"),
        ({"DATA": "554 5.6.0 no"}, "SENDER", "refusing the message"),
        ({"END": "550 5.7.26 not verified"}, "SENDER", "answered 550 5.7.26, refusing the message"),
        ({"GREETING": "421 4.3.2 closing"}, "", "takes nothing now: it answered 421 4.3.2 to the connection."),
        ({"RCPT": "451 4.7.1 greylisted"}, "", "takes nothing now: it answered 451 4.7.1 to the recipient."),
        ({"MAIL": "354 what"}, "", "did not answer to the sender as mail servers do"),
    ],
)
async def test_a_refusal_names_the_setting(replies: dict[str, str], setting: str, words: str) -> None:
    error = await failure(PostOffice(replies=replies))
    assert first_named(error) == setting
    assert words in error.detail
    assert not isinstance(error, RecipientRefused)


async def test_a_recipient_that_the_server_refuses_is_an_error_of_its_own() -> None:
    error = await failure(PostOffice(replies={"RCPT": f"550 5.1.1 no {MARA} here"}))
    assert isinstance(error, RecipientRefused)
    assert "refused the recipient (550 5.1.1)" in error.detail


async def test_not_relaying_for_who_did_sign_in_is_about_the_recipient() -> None:
    office = PostOffice(replies={"RCPT": "550 5.7.1 no"}, users={"inbox": PASSWORD})
    assert isinstance(await failure(office, **USER), RecipientRefused)


@pytest.mark.parametrize("step", STEPS)
async def test_a_server_that_hangs_up(step: str) -> None:
    office = PostOffice(replies={step: HANG_UP})
    error = await failure(office)
    assert "closed the connection" in error.detail


@pytest.mark.parametrize("step", STEPS)
async def test_a_server_that_falls_silent_costs_no_more_than_the_time(step: str) -> None:
    error = await asyncio.wait_for(failure(PostOffice(replies={step: SILENCE}), timeout_s=0.2), 5)
    assert "within 0.2 s" in error.detail
    assert ("may arrive all the same" in error.detail) == (step in {"DATA", "END"})


async def test_a_wrong_password_is_said_once_and_shown_nowhere() -> None:
    office = PostOffice(users={"inbox": "another"})
    error = await failure(office, **USER)
    assert first_named(error) == "USERNAME"
    assert "PATCHBAY_EMAIL__PASSWORD" in error.detail
    assert "answered 535 5.7.8, refusing the sign-in" in error.detail
    assert office.verbs.count("AUTH") == 1


async def test_a_server_that_cannot_check_now_is_not_a_wrong_password() -> None:
    error = await failure(PostOffice(replies={"AUTH": "454 4.7.0 later"}), **USER)
    assert "Try again later" in error.detail


@pytest.mark.parametrize("ways", [(), ("XOAUTH2",)])
async def test_a_server_without_a_sign_in_that_we_know(ways: tuple[str, ...]) -> None:
    error = await failure(PostOffice(ways=ways), **USER)
    assert first_named(error) == "USERNAME"
    assert "offers no sign-in" in error.detail


async def test_a_server_without_starttls_hears_no_secret() -> None:
    office = PostOffice(users={"inbox": PASSWORD})
    error = await failure(office, security="starttls", **USER)
    assert first_named(error) == "SECURITY"
    assert "offers no STARTTLS" in error.detail
    assert office.verbs == ["EHLO"]


async def test_starttls_that_is_offered_and_refused(trusted: Authority) -> None:
    office = PostOffice(context=trusted.context("127.0.0.1"), replies={"STARTTLS": "554 5.7.3 no"})
    error = await failure(office, security="starttls", **USER)
    assert first_named(error) == "SECURITY"
    assert "AUTH" not in office.verbs


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_nobody_we_trust(authority: Authority, security: str) -> None:
    office = PostOffice(context=authority.context("127.0.0.1"), tls_at_once=security == "tls")
    error = await failure(office, security=security, **USER)
    assert first_named(error) == "HOST"
    assert "certificate is refused: no authority that is trusted here" in error.detail
    assert "SSL_CERT_FILE" in error.detail
    assert "AUTH" not in office.verbs


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name(trusted: Authority, security: str) -> None:
    office = PostOffice(context=trusted.context("mail.example"), tls_at_once=security == "tls")
    error = await failure(office, security=security, **USER)
    assert first_named(error) == "HOST"
    assert "certificate is refused: it is for another name" in error.detail
    assert "AUTH" not in office.verbs


async def test_tls_where_the_server_begins_in_the_clear(trusted: Authority) -> None:
    error = await failure(PostOffice(context=trusted.context("127.0.0.1")), security="tls")
    assert first_named(error) == "SECURITY"
    assert "use starttls" in error.detail


async def test_starttls_where_the_server_waits_for_tls(trusted: Authority) -> None:
    office = PostOffice(context=trusted.context("127.0.0.1"), tls_at_once=True)
    error = await failure(office, security="starttls", timeout_s=0.3)
    assert "PATCHBAY_EMAIL__SECURITY: port 465 is mostly for tls" in error.detail


async def test_nobody_listens(unused_tcp_port: int) -> None:
    office = PostOffice(port=unused_tcp_port)
    with pytest.raises(EmailFailed, match="HOST, PATCHBAY_EMAIL__PORT: nothing can be reached there"):
        await notifier_for(office).notify(MARA, "Hi", "Hello")


async def test_a_host_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*args: Any, **more: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    settings = EmailSettings(host="mail.lamps.example", sender=SENDER)
    with pytest.raises(EmailFailed, match="PATCHBAY_EMAIL__HOST: there is no such host"):
        await EmailNotifier(settings).notify(MARA, "Hi", "Hello")


async def test_the_page_tells_of_what_is_really_said() -> None:
    page = (Path(__file__).parents[3] / "docs" / "email.md").read_text(encoding="utf-8")
    told = re.findall(
        r"^\| `((?:PATCHBAY_EMAIL__|The mail).*?)` \| [^`]", page.partition("| It says |")[2], re.MULTILINE
    )
    said = [
        await failure(PostOffice(replies={step: reply}), **more)
        for step, reply, more in (
            ("GREETING", "SSH-2.0-OpenSSH_9.6", {}),
            ("AUTH", "535 5.7.8 no", USER),
            ("MAIL", "530 5.7.0 sign in", {}),
            ("AUTH", "334 more", USER),
            ("MAIL", "553 5.7.1 no", {}),
            ("END", "550 5.7.26 no", {}),
            ("RCPT", "451 4.7.1 later", {}),
            ("RCPT", "550 5.1.1 nobody", {}),
            ("GREETING", HANG_UP, {}),
        )
    ]
    missing = [error.detail for error in said if not any(error.detail.startswith(each) for each in told)]
    assert missing == []
    assert len(told) >= len(said)
