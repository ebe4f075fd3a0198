"""Notices reach a mail server, over each kind of connection, and arrive as they were written."""

from __future__ import annotations

import asyncio
import logging
import re
from email import message_from_bytes, policy

import pytest

from patchbay.testing import FakeClock
from patchbay_email import EmailFailed, EmailNotifier
from patchbay_email.notifier import AT_ONCE
from tests.plugins.email.conftest import SENDER, Authority, notifier_for, settings_for
from tests.plugins.email.post_office import SILENCE, PostOffice

MARA = "mara@lamps.example"
USER = {"username": "inbox", "password": "pässword-of-the-inbox"}
USERS = {"inbox": "pässword-of-the-inbox"}
TEXT = "Grüße,\n\n.\n..\nFrom here on: https://inbox.example/reset?token=abc=\n" + "x" * 3000


async def test_a_notice_arrives_as_it_was_written() -> None:
    async with PostOffice().open() as office:
        await notifier_for(office).notify(MARA, "Einladung für Mara – heute", TEXT)
    (letter,) = office.letters
    assert (letter.sender, letter.recipients) == (SENDER, [MARA])
    message = message_from_bytes(letter.content, policy=policy.default)
    assert message["From"] == SENDER
    assert message["To"] == MARA
    assert message["Subject"] == "Einladung für Mara – heute"
    assert message["Date"] == "Thu, 01 Jan 2026 12:00:00 +0000"
    assert re.fullmatch(r"<notice_[0-9a-f]{32}@lamps\.example>", message["Message-ID"])
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == TEXT
    assert message.get_content_charset() == "utf-8"
    assert letter.content.isascii()
    assert max(map(len, letter.content.split(b"\r\n"))) <= 998
    assert office.heard[0] == "EHLO lamps.example"
    assert office.verbs[-1] == "QUIT"


async def test_each_message_has_an_id_of_its_own() -> None:
    async with PostOffice().open() as office:
        notifier = notifier_for(office)
        await notifier.notify(MARA, "Hi", "one")
        await notifier.notify(MARA, "Hi", "one")
    first, second = (message_from_bytes(letter.content)["Message-ID"] for letter in office.letters)
    assert first != second


async def test_starttls_is_up_before_anything_is_said(trusted: Authority) -> None:
    async with PostOffice(context=trusted.context("127.0.0.1"), users=USERS).open() as office:
        await notifier_for(office, security="starttls", **USER).notify(MARA, "Hi", "Hello")
    assert office.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
    assert [(letter.over_tls, letter.user) for letter in office.letters] == [(True, "inbox")]


async def test_tls_from_the_first_byte_on(trusted: Authority) -> None:
    async with PostOffice(context=trusted.context("127.0.0.1"), tls_at_once=True, users=USERS).open() as office:
        await notifier_for(office, security="tls", **USER).notify(MARA, "Hi", "Hello")
    assert [(letter.over_tls, letter.user) for letter in office.letters] == [(True, "inbox")]


@pytest.mark.parametrize("ways", [("LOGIN",), ("XOAUTH2", "LOGIN"), ("PLAIN",)])
async def test_it_signs_in_by_what_the_server_offers(ways: tuple[str, ...]) -> None:
    async with PostOffice(ways=ways, users=USERS).open() as office:
        await notifier_for(office, **USER).notify(MARA, "Hi", "Hello")
    assert [letter.user for letter in office.letters] == ["inbox"]


async def test_a_server_without_extensions_gets_the_same() -> None:
    async with PostOffice(ways=(), extensions=()).open() as office:
        await notifier_for(office).notify(MARA, "Ünlesbar", TEXT)
    assert message_from_bytes(office.letters[0].content, policy=policy.default)["Subject"] == "Ünlesbar"


@pytest.mark.parametrize("reply", ["500 no", SILENCE, "(hangs up)"])
async def test_what_becomes_of_the_goodbye_is_nobodys_loss(reply: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchbay_email.conversation.GOODBYE_S", 0.05)
    async with PostOffice(replies={"QUIT": reply}).open() as office:
        notifier = notifier_for(office)
        await notifier.notify(MARA, "Hi", "Hello")
        assert len(office.letters) == 1


async def test_no_more_connections_at_once_than_a_server_likes() -> None:
    async with PostOffice(replies={"GREETING": SILENCE}).open() as office:
        notifier = notifier_for(office)
        notices = [asyncio.create_task(notifier.notify(MARA, "Hi", str(number))) for number in range(AT_ONCE + 2)]
        await office.silences(AT_ONCE)
        assert office.connections == AT_ONCE
        notices[0].cancel()
        await office.silences(AT_ONCE + 1)
        for notice in notices:
            notice.cancel()
        await asyncio.wait(notices)
        assert office.connections == AT_ONCE + 1
        office.replies.clear()
        await notifier.notify(MARA, "Hi", "the places are free again")
    assert len(office.letters) == 1


async def test_who_waits_for_others_does_not_wait_for_ever() -> None:
    async with PostOffice(replies={"GREETING": SILENCE}).open() as office:
        settings = settings_for(office, timeout_s=0.2)
        busy = EmailNotifier(settings, clock=FakeClock())
        for _ in range(AT_ONCE):
            await busy._room.acquire()
        with pytest.raises(EmailFailed, match="4 notices before this one still wait"):
            await busy.notify(MARA, "Hi", "Hello")
        assert office.connections == 0


async def test_one_that_is_given_up_leaves_its_place_and_counts_as_failed() -> None:
    async with PostOffice(replies={"GREETING": SILENCE}).open() as office:
        settings = settings_for(office)
        notifier = EmailNotifier(settings, clock=FakeClock())
        for number in range(AT_ONCE + 1):
            notice = asyncio.create_task(notifier.notify(MARA, "Hi", "Hello"))
            await office.silences(number + 1)
            notice.cancel()
            with pytest.raises(asyncio.CancelledError):
                await notice
        assert settings.tries.failure is not None
        assert "given up" in settings.tries.failure


async def test_nothing_that_is_secret_or_written_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with PostOffice(users=USERS).open() as office:
        await notifier_for(office, **USER).notify(MARA, "Hidden subject", "Hidden text")
        with pytest.raises(EmailFailed):
            await notifier_for(office, username="inbox", password="wrong-password").notify(MARA, "Hi", "Hidden text")
    said = caplog.text
    assert not [word for word in ("Hidden", "pässword", "wrong-password", MARA) if word in said]
