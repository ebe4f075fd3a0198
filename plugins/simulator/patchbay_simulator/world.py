"""What exists: numbers, people, groups, media, templates, tokens, windows and the messages that went by. No IO."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from patchbay_simulator.config import DAY_S, CustomerSpec, NumberSpec, SimulatorConfig
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.mint import bsuid_of
from patchbay_simulator.sends import Send

WINDOW_S = DAY_S  # WhatsApp Cloud API, Send messages, customer service windows
FREE_SERVICE_MESSAGES = 1_000  # per number and month, since 1 October 2026
K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets its oldest entries past ``limit``."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > self.limit:
            self.popitem(last=False)


@dataclass
class Number:
    """A business number. ``override`` is its own callback (URL, verify token)."""

    spec: NumberSpec
    profile: dict[str, Any] = field(default_factory=dict)
    override: tuple[str, str] | None = None
    service_sent: dict[int, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.spec.phone_number_id

    def bill_service(self, now: float) -> bool:
        """Whether this service message costs something: the first 1,000 of a month do not."""
        month = int(now // (30 * DAY_S))
        sent = self.service_sent.get(month, 0) + 1
        self.service_sent = {month: sent}
        return sent > FREE_SERVICE_MESSAGES


@dataclass
class Person:
    """Who a customer is to the platform. ``phone`` and ``bsuid`` change together when the number changes."""

    spec: CustomerSpec
    phone: str
    bsuid: str
    stopped_marketing: bool = False

    @property
    def id(self) -> str:
        return self.spec.id or self.spec.phone

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def address(self) -> str:
        """What message ids wrap: the phone, or digits of the BSUID where the phone is not to be known."""
        return self.phone if self.spec.shares_phone else self.bsuid.rpartition(".")[2]


@dataclass(frozen=True)
class Stored:
    """A file at the platform. ``number_id`` is the number it was uploaded from, or sent to."""

    id: str
    data: bytes
    mime_type: str
    filename: str
    expires_at: float
    number_id: str
    inbound: bool

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()


@dataclass(frozen=True)
class Sent:
    """A message that the business sent and the platform accepted."""

    wamid: str
    number: Number
    send: Send
    at: float


@dataclass(frozen=True)
class Heard:
    """A message that a person sent to the business."""

    wamid: str
    number: Number
    person: Person
    type: str


@dataclass
class Group:
    id: str
    number: Number
    subject: str
    members: list[Person]


@dataclass
class Subscription:
    """A business account's webhooks: whether the app is subscribed, and an override callback (URL, verify token)."""

    subscribed: bool = True
    override: tuple[str, str] | None = None


class World:
    """The state behind the API. Look-ups raise ``SimulationError`` for names that nobody has."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.numbers: dict[str, Number] = {}
        self.people: dict[str, Person] = {}
        self.by_phone: dict[str, Person] = {}
        self.by_bsuid: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.templates: dict[str, dict[str, dict[str, Any]]] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.revoked: set[str] = set()
        self.media: OrderedDict[str, Stored] = OrderedDict()
        self.media_bytes = 0
        self.media_max_bytes = config.media_max_bytes
        self.sent: Bounded[str, Sent] = Bounded(config.remembered_messages)
        self.heard: Bounded[str, Heard] = Bounded(config.remembered_messages)
        self.windows: dict[tuple[str, str], float] = {}

    def add_number(self, spec: NumberSpec) -> Number:
        """A number and its business account; the same id again replaces it."""
        number = Number(spec, profile={"about": "Hello", "messaging_product": "whatsapp", "vertical": "RETAIL"})
        self.numbers[spec.phone_number_id] = number
        self.subscriptions.setdefault(spec.waba_id, Subscription())
        self.templates.setdefault(spec.waba_id, {})
        return number

    def add_person(self, spec: CustomerSpec) -> Person:
        """A person with a phone. Raises ``SimulationError`` when the id, phone or BSUID belongs to another."""
        phone = re.sub(r"\D", "", spec.phone)
        bsuid = bsuid_of(phone) if spec.bsuid is None else spec.bsuid
        if not bsuid and not spec.shares_phone:
            raise SimulationError(f"{spec.id or phone} has neither a phone to share nor a BSUID.")
        person = Person(spec, phone, bsuid)
        taken = {**self.people, **self.by_phone, **self.by_bsuid}
        for key in (person.id, phone, bsuid):
            if key and key in taken:
                raise SimulationError(f"{key} belongs to {taken[key].id} already.")
        self.people[person.id] = person
        self.rekey(person, phone, bsuid)
        return person

    def rekey(self, person: Person, phone: str, bsuid: str) -> None:
        """Give a person another phone and BSUID; the old ones belong to nobody then. Raises ``SimulationError``."""
        for owner in (self.by_phone.get(phone), self.by_bsuid.get(bsuid)):
            if owner not in (None, person):
                raise SimulationError(f"{phone} or {bsuid} belongs to another customer already.")
        self.by_phone.pop(person.phone, None)
        self.by_bsuid.pop(person.bsuid, None)
        person.phone, person.bsuid = phone, bsuid
        self.by_phone[phone] = person
        if bsuid:
            self.by_bsuid[bsuid] = person

    def number(self, phone_number_id: str | None = None) -> Number:
        """The number with this id, or the first one."""
        found = self.numbers.get(phone_number_id) if phone_number_id else next(iter(self.numbers.values()), None)
        if found is None:
            raise SimulationError(f"There is no number {phone_number_id or 'at all: add one first'}.")
        return found

    def person(self, key: str) -> Person:
        """Who has this id, phone or BSUID."""
        found = self.people.get(key) or self.by_phone.get(key) or self.by_bsuid.get(key)
        if found is None:
            raise SimulationError(f"There is no customer {key}.")
        return found

    def reached(self, send: Send) -> Person | None:
        """Who a send is addressed to, None when nobody has that phone or BSUID."""
        return self.by_phone.get(send.to) if send.recipient == "phone" else self.by_bsuid.get(send.to)

    def store_media(self, stored: Stored) -> None:
        """Keep a file; past the limit the oldest files go."""
        self.media[stored.id] = stored
        self.media_bytes += len(stored.data)
        while self.media_bytes > self.media_max_bytes and len(self.media) > 1:
            _, gone = self.media.popitem(last=False)
            self.media_bytes -= len(gone.data)

    def drop_media(self, media_id: str) -> bool:
        gone = self.media.pop(media_id, None)
        if gone is not None:
            self.media_bytes -= len(gone.data)
        return gone is not None

    def open_window(self, number: Number, key: str, now: float) -> None:
        """A person wrote or called; ``key`` is the person's or the group's id."""
        self.windows[number.id, key] = now

    def window_is_open(self, number: Number, key: str, now: float) -> bool:
        """The window is 24 h from the last word, end excluded."""
        opened = self.windows.get((number.id, key))
        return opened is not None and now < opened + WINDOW_S
