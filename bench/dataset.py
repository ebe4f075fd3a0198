"""A store with a history: conversations, the people in them and what was said, made through the store's own API.

Every message, thread, contact, identity and conversation is a document as the server writes it, with the unique keys
that go with it; the log and the journal are as after their retention, empty. Kept in the scratch folder between runs.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.payloads import PHONE_NUMBER_ID, external_id, phone, user_id
from patchbay.collections import CONTACTS, CONVERSATIONS, CORE_COLLECTIONS, IDENTITIES, MESSAGES, THREADS
from patchbay.inbox.landing import CONVERSATION_NUMBER, OPEN_CONVERSATION
from patchbay.inbox.locate import EXTERNAL_REF, ref_value
from patchbay.model.contact import Contact, Identity, IdentityKind, Profile
from patchbay.model.content import Text
from patchbay.model.conversation import Controller, Conversation, LastMessage, Thread, Window
from patchbay.model.ids import account_id, identity_id, message_id, thread_id
from patchbay.model.message import Actor, Delivery, ExternalRef, Message
from patchbay.ports import Batch, Key, Put
from patchbay.storage.sqlite.store import SqliteStore
from patchbay.system import SystemIds

FORMAT = 1  # raise it when what is made changes
BATCH = 50  # conversations per commit
SPAN = timedelta(days=90)
WORDS = (
    "order",
    "jacket",
    "blue",
    "delivery",
    "tomorrow",
    "morning",
    "invoice",
    "refund",
    "size",
    "medium",
    "please",
    "thanks",
    "address",
    "street",
    "parcel",
    "late",
    "track",
    "number",
    "colour",
    "return",
    "exchange",
    "card",
    "payment",
    "failed",
    "again",
    "weekend",
    "neighbour",
    "phone",
    "call",
    "email",
    "answer",
    "question",
    "shop",
    "open",
    "hours",
    "price",
    "discount",
    "code",
    "summer",
    "winter",
    "shoes",
    "red",
    "green",
    "large",
    "small",
    "receipt",
    "warranty",
    "repair",
    "broken",
)


def department_id(number: int) -> str:
    return f"dep_bench{number:03d}"


@dataclass(frozen=True)
class Size:
    """``customers`` people with one conversation each, ``each`` messages in it, spread over ``departments``."""

    customers: int
    each: int = 10
    departments: int = 0

    def department_of(self, customer: int) -> str | None:
        return department_id(customer % self.departments) if self.departments else None

    @property
    def messages(self) -> int:
        return self.customers * self.each


def ready(folder: Path, size: Size, say: Callable[[str], None]) -> Path:
    """The data folder of a store of this size, made when it is not there yet."""
    spread = f"-{size.departments}" if size.departments else ""
    data = folder / f"history-{FORMAT}-{size.customers}-{size.each}{spread}"
    if not (data / "complete").exists():
        shutil.rmtree(data, ignore_errors=True)
        say(f"    making a store of {size.messages:,} messages, once; later runs use it again")
        began = time.monotonic()
        asyncio.run(make(data, size))
        (data / "complete").touch()
        say(f"    made in {time.monotonic() - began:.0f} s")
    return data


@contextmanager
def copied(folder: Path, data: Path, name: str = "copy") -> Iterator[Path]:
    """A copy that a server may write to; it is gone afterwards."""
    to = folder / name
    shutil.rmtree(to, ignore_errors=True)
    try:
        shutil.copytree(data, to, ignore=shutil.ignore_patterns("complete", "*.log"))
        yield to
    finally:
        shutil.rmtree(to, ignore_errors=True)


async def make(data: Path, size: Size) -> None:
    store = SqliteStore(data / "patchbay.db")
    await store.open(CORE_COLLECTIONS)
    try:
        history = History(size)
        for begin in range(0, size.customers, BATCH):
            batch = Batch()
            for customer in range(begin, min(begin + BATCH, size.customers)):
                history.add(batch, customer)
            await store.commit(batch)
        await _indexed(store, size.messages)
    finally:
        await store.close()


async def _indexed(store: SqliteStore, rows: int) -> None:
    """Wait until the text index has caught up, which the store does when it has nothing else to do."""
    import sqlite3

    connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    try:
        while True:
            done = dict(connection.execute("SELECT name, indexed FROM text_progress").fetchall())
            if done[MESSAGES.name] >= rows:
                return
            await asyncio.sleep(0.5)
    finally:
        connection.close()


class History:
    """Documents of one customer after another. The same seed gives the same words and times."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._ids = SystemIds()
        self._random = random.Random(1)
        self._account = account_id("whatsapp", PHONE_NUMBER_ID)
        self._begin = datetime.now(UTC).replace(microsecond=0) - SPAN - timedelta(days=1)

    def add(self, batch: Batch, customer: int) -> None:
        now = self._begin + SPAN * (customer / self._size.customers)
        contact = Contact(id=self._ids.new("ctc"), created_at=now, updated_at=now, display_name=f"Customer {customer}")
        line = identity_id("", "phone", "+" + phone(customer))
        keys: tuple[tuple[IdentityKind, str], ...] = (("phone", "+" + phone(customer)), ("wa_bsuid", user_id(customer)))
        for kind, value in keys:
            batch.puts.append(Put(IDENTITIES, self._identity(contact, line, kind, value), None))
        thread = thread_id(self._account, line)
        conversation_id = self._ids.new("cnv")
        messages = [
            self._message(customer * self._size.each + seq, seq, thread, conversation_id, contact, now)
            for seq in range(1, self._size.each + 1)
        ]
        for message in messages:
            batch.puts.append(Put(MESSAGES, message, None))
            if message.direction == "outbound":
                ref = ref_value(self._account, message.external_refs[0].external_id)
                batch.keys.append(Key(EXTERNAL_REF, ref, message.id))
        conversation = self._conversation(customer, conversation_id, thread, contact, messages)
        batch.puts.append(Put(CONTACTS, contact, None))
        batch.puts.append(Put(CONVERSATIONS, conversation, None))
        batch.puts.append(Put(THREADS, self._thread(thread, line, contact, conversation, messages), None))
        batch.keys.append(Key(CONVERSATION_NUMBER, str(conversation.number), conversation.id))
        if conversation.status != "closed":
            batch.keys.append(Key(OPEN_CONVERSATION, thread, conversation.id))

    def _identity(self, contact: Contact, line: str, kind: IdentityKind, value: str) -> Identity:
        return Identity(
            id=identity_id("", kind, value),
            created_at=contact.created_at,
            updated_at=contact.created_at,
            contact_id=contact.id,
            line_id=line,
            channel="whatsapp",
            kind=kind,
            scope="",
            value=value,
            profile=Profile(name=contact.display_name),
            first_seen_at=contact.created_at,
            last_seen_at=contact.created_at,
        )

    def _message(
        self, number: int, seq: int, thread: str, conversation_id: str, contact: Contact, begin: datetime
    ) -> Message:
        inbound = seq % 2 == 1
        at = begin + timedelta(minutes=7 * seq)
        text = " ".join(self._random.choices(WORDS, k=self._random.randint(5, 40)))
        named = external_id(number)
        return Message(
            id=message_id(self._account, named) if inbound else self._ids.new("msg"),
            created_at=at,
            updated_at=at,
            thread_id=thread,
            conversation_id=conversation_id,
            account_id=self._account,
            seq=seq,
            direction="inbound" if inbound else "outbound",
            origin="contact" if inbound else "agent",
            author=Actor(type="contact", id=contact.id, name=contact.display_name)
            if inbound
            else Actor(type="agent", id="usr_1", name="Agent"),
            content=Text(text=text),
            text=text,
            external_refs=(ExternalRef(external_id=named, state="delivered"),),
            delivery=Delivery(state="delivered", sent_at=at, delivered_at=at),
            occurred_at=at,
            recorded_at=at,
        )

    def _conversation(
        self, customer: int, id: str, thread: str, contact: Contact, messages: list[Message]
    ) -> Conversation:
        last = messages[-1]
        is_open = customer % 4 == 0
        return Conversation(
            id=id,
            created_at=contact.created_at,
            updated_at=last.recorded_at,
            number=customer + 1,
            thread_id=thread,
            contact_id=contact.id,
            account_id=self._account,
            channel="whatsapp",
            department_id=self._size.department_of(customer),
            status="open" if is_open else "closed",
            closed_at=None if is_open else last.recorded_at,
            controller=Controller(token=self._ids.new("ctl")),
            tags=("vip",) if customer % 50 == 0 else (),
            first_response_at=messages[1].recorded_at if len(messages) > 1 else None,
            last_activity_at=last.recorded_at,
            last_message=LastMessage(
                id=last.id, direction=last.direction, preview=last.text[:100], occurred_at=last.occurred_at
            ),
            first_seq=1,
            last_seq=last.seq,
            inbound_count=sum(message.direction == "inbound" for message in messages),
        )

    def _thread(
        self, id: str, line: str, contact: Contact, conversation: Conversation, messages: list[Message]
    ) -> Thread:
        last = messages[-1].recorded_at
        return Thread(
            id=id,
            created_at=contact.created_at,
            updated_at=last,
            account_id=self._account,
            channel="whatsapp",
            identity_id=line,
            contact_id=contact.id,
            last_seq=messages[-1].seq,
            last_inbound_at=last,
            last_outbound_at=last,
            window=Window(kind="service", expires_at=last + timedelta(hours=24)),
            open_conversation_id=conversation.id if conversation.status != "closed" else None,
            last_conversation_id=conversation.id,
        )
