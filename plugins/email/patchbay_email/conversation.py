"""One conversation with the mail server, step by step, in a time that is bounded as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPNotSupported

from patchbay_email.addresses import domain_of
from patchbay_email.letter import Letter
from patchbay_email.refusals import Step, explained, timed_out
from patchbay_email.settings import EmailSettings

SIGN_INS = ("plain", "login", "cram-md5")  # TLS hides the first two, or the loopback does
WRONG_CREDENTIALS = 535  # Source: RFC 4954, 6
GOODBYE_S = 1.0  # seconds for the answer to QUIT, once it no longer matters
Act = Callable[[], Awaitable[object]]


async def converse(settings: EmailSettings, letter: Letter | None, timeout_s: float) -> None:
    """Hand the letter over; None to find out whether it could be, up to the sign-in.

    Raises ``EmailFailed``. Returned means that the server answers for the letter.
    """
    client = SMTP(
        hostname=settings.host,
        port=settings.server_port,
        local_hostname=domain_of(settings.sender or ""),  # the machine's own name is nobody's business
        timeout=None,
        use_tls=settings.security == "tls",
        start_tls=False,  # a step of its own
    )
    step = Step.CONNECT
    try:
        async with asyncio.timeout(timeout_s):
            for step, act in _steps(client, settings, letter):  # noqa: B007 - read where it fails
                await act()
        await _goodbye(client)
    except (SMTPException, OSError) as error:
        if isinstance(error, TimeoutError) and not isinstance(error, SMTPException):
            raise timed_out(step, timeout_s) from None
        raise explained(error, step, settings) from None  # what the server wrote may quote anything
    finally:
        client.close()


def _steps(client: SMTP, settings: EmailSettings, letter: Letter | None) -> Iterator[tuple[Step, Act]]:
    yield Step.CONNECT, client.connect
    yield Step.HELLO, client.ehlo
    if settings.security == "starttls":
        yield Step.SECURE, client.starttls
        yield Step.HELLO, client.ehlo  # what was offered in the clear counts for nothing
    if settings.username is not None and settings.password is not None:
        yield Step.SIGN_IN, partial(_sign_in, client, settings.username, settings.password.get_secret_value())
    if letter is not None:
        yield Step.SENDER, partial(client.mail, letter.sender)
        yield Step.RECIPIENT, partial(client.rcpt, letter.recipient)
        yield Step.DATA, partial(client.data, letter.content)


async def _sign_in(client: SMTP, username: str, password: str) -> None:
    """By the first way that works; wrong credentials are said once, for servers lock out who says them often."""
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    refused: SMTPAuthenticationError | None = None
    for way in SIGN_INS:
        if way not in client.server_auth_methods:
            continue
        try:
            await ways[way](username, password)
        except SMTPAuthenticationError as error:
            refused = error
            if error.code == WRONG_CREDENTIALS or error.code < 500:
                break
        else:
            return
    raise refused or SMTPNotSupported("no way to sign in")


async def _goodbye(client: SMTP) -> None:
    """Whatever becomes of it, the letter is theirs."""
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(GOODBYE_S):
            await client.quit()
