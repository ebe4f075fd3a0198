"""What a server's refusal means for whoever set this up: one sentence, naming the setting that is probably wrong.

Of what the server wrote only its codes are told: the rest may quote the message or the credentials. Nor are host and
sender named: ``/health``, which shows these sentences, asks nobody who they are.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from enum import Enum

from aiosmtplib import SMTPException, SMTPResponseException, SMTPServerDisconnected

from patchbay_email.errors import EmailFailed, RecipientRefused
from patchbay_email.settings import PREFIX, SUBMISSIONS, EmailSettings

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)", re.ASCII)  # Source: RFC 3463, 2
SIGN_IN_FIRST = 530  # Source: RFC 4954, 6
_UNTRUSTED = "no authority that is trusted here has signed it; name the file of a private one in SSL_CERT_FILE"
_OTHER_NAME = "it is for another name; use the one that it was made for"
# By OpenSSL's codes. Source: OpenSSL, X509_STORE_CTX_get_error
CERTIFICATE_FAULTS: Mapping[int, str] = {
    9: "it is not valid yet; check this machine's clock",
    10: "it has expired",
    **dict.fromkeys((18, 19, 20, 21), _UNTRUSTED),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}


class Step(Enum):
    """What was being done; the value completes "did not answer ..."."""

    CONNECT = "to the connection"
    HELLO = "to the greeting"
    SECURE = "to STARTTLS"
    SIGN_IN = "to the sign-in"
    SENDER = "to the sender"
    RECIPIENT = "to the recipient"
    DATA = "to the message"


# What is probably wrong where a step is refused for good, and what that means.
REFUSED: Mapping[Step, tuple[tuple[str, ...], str]] = {
    Step.CONNECT: (("HOST",), "us"),
    Step.HELLO: (("HOST",), "our greeting"),
    Step.SECURE: (("SECURITY",), "STARTTLS; tls may be what it wants"),
    Step.SIGN_IN: (("USERNAME", "PASSWORD"), "the sign-in; check both"),
    Step.SENDER: (("SENDER",), "this sender"),
    Step.DATA: (("SENDER",), "the message; often the sender is none that it lets us send for"),
}


def explained(error: SMTPException | OSError, step: Step, settings: EmailSettings) -> EmailFailed:
    """The error of a step as one sentence."""
    cause = _root(error)
    match cause:
        case ssl.SSLCertVerificationError():
            wrong = CERTIFICATE_FAULTS.get(cause.verify_code, f"it does not hold (OpenSSL's code {cause.verify_code})")
            return EmailFailed(f"{PREFIX}HOST: the mail server's certificate is refused: {wrong}.")
        case ssl.SSLError():
            return EmailFailed(_no_tls(settings))
        case socket.gaierror():
            return EmailFailed(f"{PREFIX}HOST: there is no such host to be found; check the name.")
        case SMTPResponseException():
            return _answered(cause, step, settings)
        case SMTPServerDisconnected() | ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return EmailFailed(f"The mail server closed the connection instead of an answer {step.value}.{_hint(step)}")
        case OSError() if step is Step.CONNECT:
            return EmailFailed(
                f"{PREFIX}HOST, {PREFIX}PORT: nothing can be reached there ({type(cause).__name__}); check both, and"
                " whether a firewall is between."
            )
    return _unoffered(step)


def timed_out(step: Step, timeout_s: float) -> EmailFailed:
    """No answer in time; a message that was sent whole may still arrive."""
    late = " The message may arrive all the same." if step is Step.DATA else ""
    return EmailFailed(f"The mail server did not answer {step.value} within {timeout_s:g} s.{_hint(step)}{late}")


def _answered(error: SMTPResponseException, step: Step, settings: EmailSettings) -> EmailFailed:
    said = _codes(error)
    if not 200 <= error.code <= 599:
        return EmailFailed(f"{PREFIX}PORT: what answers there is no mail server; check host and port.")
    if error.code < 400:
        return _unoffered(step)
    if error.code < 500:
        return EmailFailed(f"The mail server takes nothing now: it answered {said} {step.value}. Try again later.")
    if step is not Step.SIGN_IN and _wants_sign_in(error, said, step, settings):
        return EmailFailed(
            f"{PREFIX}USERNAME: the mail server wants a sign-in first (it answered {said} {step.value}); set it and"
            f" {PREFIX}PASSWORD."
        )
    if step is Step.RECIPIENT:
        return RecipientRefused(f"The mail server refused the recipient ({said}).")
    blamed, refused = REFUSED[step]
    named = ", ".join(PREFIX + setting for setting in blamed)
    return EmailFailed(f"{named}: the mail server answered {said}, refusing {refused}.")


def _wants_sign_in(error: SMTPResponseException, said: str, step: Step, settings: EmailSettings) -> bool:
    """Said outright, or by not relaying (5.7.x) for somebody who did not sign in."""
    if settings.username is not None:
        return False
    return error.code == SIGN_IN_FIRST or (step is Step.RECIPIENT and " 5.7." in said)


def _unoffered(step: Step) -> EmailFailed:
    """The library gave up by itself, mostly since the server does not offer what is asked of it."""
    match step:
        case Step.SECURE:
            return EmailFailed(
                f"{PREFIX}SECURITY: the mail server offers no STARTTLS; use tls (mostly at port {SUBMISSIONS}), or"
                " another port."
            )
        case Step.SIGN_IN:
            return EmailFailed(
                f"{PREFIX}USERNAME: the mail server offers no sign-in by name and password; set neither it nor"
                f" {PREFIX}PASSWORD, or use another port."
            )
    return EmailFailed(f"The mail server did not answer {step.value} as mail servers do.")


def _no_tls(settings: EmailSettings) -> str:
    if settings.security == "tls":
        return (
            f"{PREFIX}SECURITY: the mail server does not speak TLS from the first byte on, or none that is safe; use"
            f" starttls, or the port for tls (mostly {SUBMISSIONS})."
        )
    return f"{PREFIX}SECURITY: TLS with the mail server did not come about; its TLS may be too old."


def _hint(step: Step) -> str:
    """A server that waits for TLS says nothing to who waits for its greeting."""
    if step is not Step.CONNECT:
        return ""
    return f" Check {PREFIX}HOST and {PREFIX}PORT, and {PREFIX}SECURITY: port {SUBMISSIONS} is mostly for tls."


def _codes(error: SMTPResponseException) -> str:
    """``550 5.1.1``: digits alone."""
    found = _ENHANCED.match(error.message)
    return f"{error.code} {found[0]}" if found else str(error.code)


def _root(error: BaseException) -> BaseException:
    """The library wraps what the system said about a connection; the innermost of them tells most."""
    while isinstance(error.__cause__, OSError) and not isinstance(error, SMTPResponseException):
        error = error.__cause__
    return error
