"""Nothing that a notice is given can become more than it is: no second header, recipient or command."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from patchbay_email import EmailFailed, RecipientRefused
from patchbay_email.addresses import is_address
from patchbay_email.letter import LONGEST_SUBJECT, letter
from tests.plugins.email.conftest import notifier_for
from tests.plugins.email.post_office import PostOffice

SENDER, MARA = "inbox@lamps.example", "mara@lamps.example"
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type"]
ALL_HEADERS = [*HEADERS, "Content-Transfer-Encoding", "MIME-Version"]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ATOMS = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20)
LOCALS = st.lists(ATOMS, min_size=1, max_size=3).map(".".join)
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.builds(
    lambda local, labels: f"{local}@{'.'.join(labels)}", LOCALS, st.lists(LABELS, min_size=2, max_size=4)
)
# Texts that are likelier than others to mean something to a mail server, or to whoever writes headers.
TRICKS = st.sampled_from(
    ["\r", "\n", "\r\n", "\r\nBcc: eve@evil.example", "\n ", "\x00", "\x0b", "\x85", "\u2028", "\ud800", "=?utf-8?q?",
     "=?utf-8?q?=0ABcc:_eve@evil.example?=", "?=", ",", ";", "<", ">", '"', "@", " ", "..", "(x)", "é", "."]
)  # fmt: skip
MIXED = st.lists(st.one_of(TRICKS, st.text(max_size=10)), max_size=8).map("".join)


def parsed(recipient: str, subject: str, text: str) -> EmailMessage:
    made = letter(SENDER, recipient, subject, text, now=NOW, id="notice_1")
    assert made.recipient == recipient
    message = message_from_bytes(made.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.keys() == ALL_HEADERS
    assert made.content.isascii()
    assert max(map(len, made.content.split(b"\r\n"))) <= 998
    assert b"\n" not in made.content.replace(b"\r\n", b"")
    assert b"\r" not in made.content.replace(b"\r\n", b"")
    return message


@given(subject=st.one_of(MIXED, st.text(max_size=LONGEST_SUBJECT + 5)))
@example(subject="=?utf-8?q?a=0ABcc:_eve@evil.example?=")
@example(subject="ü" * LONGEST_SUBJECT)
@example(subject="x" * LONGEST_SUBJECT)
@example(subject=" leading and trailing ")
def test_a_subject_is_refused_or_arrives_and_nothing_else_does(subject: str) -> None:
    refused = len(subject) > LONGEST_SUBJECT or "=?" in subject or any(map(is_control, subject))
    if refused:
        with pytest.raises(EmailFailed, match=r"^The subject "):
            letter(SENDER, MARA, subject, "Hello", now=NOW, id="notice_1")
        return
    message = parsed(MARA, subject, "Hello")
    assert str(message["Subject"]).split() == subject.split()
    assert message["To"] == MARA


def is_control(character: str) -> bool:
    """Told by the code points: C0, DEL and C1, the separators of lines and paragraphs, surrogates."""
    point = ord(character)
    return point < 0x20 or 0x7F <= point < 0xA0 or point in (0x2028, 0x2029) or 0xD800 <= point <= 0xDFFF


@given(recipient=st.one_of(MIXED, st.builds("{}{}{}".format, ADDRESSES, MIXED, ADDRESSES)))
def test_a_recipient_that_is_not_one_address_is_refused(recipient: str) -> None:
    assume(not is_address(recipient))
    with pytest.raises(RecipientRefused):
        letter(SENDER, recipient, "Hi", "Hello", now=NOW, id="notice_1")


@given(recipient=ADDRESSES)
def test_a_plain_address_is_taken_and_stays_as_it_is(recipient: str) -> None:
    assume(len(recipient) <= 254 and len(recipient.partition("@")[0]) <= 64)
    addresses = parsed(recipient, "Hi", "Hello")["To"].addresses
    assert [address.addr_spec for address in addresses] == [recipient]


@given(text=st.one_of(MIXED, st.text()))
@example(text=".\r\n.\n..\nQUIT\r\n")
@example(text="x" * 5000)
@example(text="From me\n\n\n")
def test_a_text_arrives_and_becomes_no_header(text: str) -> None:
    content = parsed(MARA, "Hi", text).get_content()
    kept = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert content.replace("\r\n", "\n") == kept + ("" if kept.endswith("\n") else "\n")


@pytest.mark.parametrize(
    "recipient",
    ["mara", "@mara", "mara@", "+4930123456", "@mara:chat.example", "@mara@social.example", "U02ABCDEF", "", " ",
     "mara@lamps", "mara@127.0.0.1", "mara@[127.0.0.1]", "mara@-lamps.example", ".mara@lamps.example",
     "mara..k@lamps.example", '"mara k"@lamps.example', "Mara <mara@lamps.example>", "mara@lamps.example, eve@x.io",
     "mara@lamps.example\n", "mara@lamps.example\r\nRCPT TO:<eve@evil.example>", "mära@lamps.example",
     "mara@läden.example", "mara@lamps.example>", "mara@lamps.example SIZE=1", "m" * 65 + "@lamps.example",
     "mara@" + "a." * 130 + "example"],
)  # fmt: skip
async def test_what_is_not_an_address_never_reaches_the_server(recipient: str) -> None:
    async with PostOffice().open() as office:
        with pytest.raises(RecipientRefused, match="not one plain e-mail address"):
            await notifier_for(office).notify(recipient, "Hi", "Hello")
    assert office.connections == 0


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: eve@evil.example", "Hi\nthere", "Hi\rthere", "=?utf-8?q?=0AX:_y?="])
async def test_what_would_become_a_header_never_reaches_the_server(subject: str) -> None:
    async with PostOffice().open() as office:
        with pytest.raises(EmailFailed, match="The subject holds"):
            await notifier_for(office).notify(MARA, subject, "Hello")
    assert office.connections == 0
