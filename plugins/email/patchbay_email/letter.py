"""The message that a notice becomes. No IO.

The standard library decodes encoded words (``=?utf-8?q?=0A...?=``) in a subject that it is given, and some versions
write what was inside, a line break included, into the headers as it is: so neither is let in.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from patchbay_email.addresses import domain_of, is_address
from patchbay_email.errors import EmailFailed, RecipientRefused

LONGEST_SUBJECT = 255  # characters; common mail programs show no more
_POLICY = policy.SMTP.clone(cte_type="7bit", raise_on_defect=True)
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, lone surrogates, separators of lines and paragraphs


@dataclass(frozen=True)
class Letter:
    """The envelope, and the whole message as it is sent: ASCII, lines that end in CR LF and have 998 octets at most."""

    sender: str
    recipient: str
    content: bytes


def letter(sender: str, recipient: str, subject: str, text: str, *, now: datetime, id: str) -> Letter:
    """The message from ``sender`` to one person. Raises ``RecipientRefused``, and ``EmailFailed`` for the subject."""
    check_recipient(recipient)
    check_subject(subject)
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{id}@{domain_of(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence note answers it. Source: RFC 3834, 5
    # Quoted-printable carries lines of any length, and nothing on the way has to rewrite it.
    message.set_content(text.encode("utf-8", "replace").decode(), cte="quoted-printable")
    return Letter(sender, recipient, message.as_bytes())


def check_recipient(recipient: str) -> None:
    """Raises ``RecipientRefused`` for what is not one e-mail address, so that another notifier can be tried."""
    if not is_address(recipient):
        raise RecipientRefused("The recipient is not one plain e-mail address, such as mara@lamps.example.")


def check_subject(subject: str) -> None:
    """Raises ``EmailFailed`` for one that could become more than a subject."""
    if any(unicodedata.category(character) in _BREAKING for character in subject):
        raise EmailFailed("The subject holds a line break or another control character; leave it out.")
    if "=?" in subject:
        raise EmailFailed("The subject holds =? which begins an encoded word; leave it out.")
    if len(subject) > LONGEST_SUBJECT:
        raise EmailFailed(f"The subject has more than {LONGEST_SUBJECT} characters; shorten it.")
