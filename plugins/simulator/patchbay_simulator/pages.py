"""What exists on Messenger and Instagram: accounts, people, threads, messages, comments, uploads. No IO."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from patchbay_simulator.config import (
    DAY_S,
    AccountSpec,
    Channel,
    InstagramSpec,
    InstagramVisitorSpec,
    MessengerVisitorSpec,
    SimulatorConfig,
    VisitorSpec,
)
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.mint import scoped_id_of
from patchbay_simulator.world import Bounded

# Messenger Platform, Policy (standard window, an ad's first message, Human Agent); Instagram Messaging, the same
WINDOW_S = DAY_S
AD_WINDOW_S = 7 * DAY_S
HUMAN_AGENT_S = 7 * DAY_S
PRIVATE_REPLY_S = 7 * DAY_S
ATTACHMENT_LIFE_S = 90 * DAY_S  # Messenger Platform, Saving assets


@dataclass
class Account:
    """A page or an Instagram account. ``fields`` are those it is subscribed to, None is all that the app asks for."""

    spec: AccountSpec
    subscribed: bool = True
    fields: frozenset[str] | None = None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def channel(self) -> Channel:
        return "instagram" if isinstance(self.spec, InstagramSpec) else "messenger"

    @property
    def on_instagram(self) -> bool:
        return self.channel == "instagram"

    @property
    def page_id(self) -> str:
        """The page itself, or the one that an Instagram account is linked to, "" without one."""
        return self.spec.page_id if isinstance(self.spec, InstagramSpec) else self.spec.id

    def hears(self, field: str) -> bool:
        """Whether webhooks of a field are sent. On Instagram any subscribed field gives all of them."""
        return self.subscribed and (self.fields is None or self.on_instagram or field in self.fields)

    @property
    def entry_id(self) -> str:
        """What webhooks name."""
        by_page = isinstance(self.spec, InstagramSpec) and self.spec.entries_by == "page" and self.spec.page_id
        return by_page or self.spec.id


@dataclass
class Profile:
    """A person on Messenger or Instagram."""

    spec: VisitorSpec
    blocking: bool = False
    picture: str | None = None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def channel(self) -> Channel:
        return "instagram" if isinstance(self.spec, InstagramVisitorSpec) else "messenger"

    @property
    def username(self) -> str:
        given = self.spec.username if isinstance(self.spec, InstagramVisitorSpec) else ""
        return given or self.spec.id


@dataclass
class Thread:
    """What went on between an account and a person. Times are Unix seconds; ``window_ends`` is the first closed one.

    ``consented``: the person wrote or tapped, so their profile may be read. ``owner`` is the app that answers, None is
    this one; while it is another, this one gets copies only.
    """

    account: Account
    profile: Profile
    scoped_id: str
    last_word: float | None = None
    window_ends: float = 0.0
    consented: bool = False
    owner: int | None = None

    @property
    def lane(self) -> str:
        return f"{self.account.id}:{self.scoped_id}"


@dataclass
class PageMessage:
    """One message of a thread, of either side. ``shape`` is what stands in its webhook beside the mid."""

    mid: str
    thread: Thread
    by_business: bool
    at: float
    shape: dict[str, Any]
    edits: int = 0
    reaction: str | None = None


@dataclass
class Comment:
    """A comment, or a visitor's post: what one private reply may answer."""

    id: str
    kind: Literal["comment", "post"]
    thread: Thread
    post_id: str
    parent_id: str | None
    text: str
    at: float
    answered: bool = False


@dataclass(frozen=True)
class Attachment:
    """What ``attachment_id`` stands for."""

    account_id: str
    type: str
    url: str | None
    ends_at: float


@dataclass
class PageWorld:
    """The state behind the page platforms; threads are by the id that the account knows the person by.

    Look-ups raise ``SimulationError`` for names that nobody has.
    """

    config: SimulatorConfig
    accounts: dict[str, Account] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)
    typing: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.messages: Bounded[str, PageMessage] = Bounded(self.config.remembered_messages)
        self.comments: Bounded[str, Comment] = Bounded(self.config.remembered_messages)
        self.attachments: Bounded[str, Attachment] = Bounded(self.config.remembered_messages)
        self.user_refs: dict[str, Thread] = {}

    def add_account(self, spec: AccountSpec) -> Account:
        """An account; the same id again changes it."""
        account = self.accounts.setdefault(spec.id, Account(spec))
        account.spec = spec
        return account

    def add_profile(self, spec: VisitorSpec) -> Profile:
        """A person. Raises ``SimulationError`` when the id belongs to another."""
        if not spec.id or spec.id in self.profiles:
            raise SimulationError(f"{spec.id or 'A visitor without id'} exists already.")
        self.profiles[spec.id] = Profile(spec)
        for account in self.accounts.values():
            if account.channel == self.profiles[spec.id].channel:
                self.thread(account, self.profiles[spec.id])
        return self.profiles[spec.id]

    def account(self, channel: Channel, account_id: str | None = None) -> Account:
        """The account of a channel with this id, or the channel's first one."""
        of_channel = [account for account in self.accounts.values() if account.channel == channel]
        found = next((account for account in of_channel if account_id in (None, account.id)), None)
        if found is None:
            raise SimulationError(f"There is no {channel} account {account_id or 'at all: add one first'}.")
        return found

    def thread(self, account: Account, profile: Profile) -> Thread:
        """The thread of the two, begun silently where there is none."""
        scoped_id = scoped_id_of(account.id, profile.id)
        known = self.threads.get(scoped_id)
        if known is None:
            known = self.threads[scoped_id] = Thread(account, profile, scoped_id)
        return known

    def adopt(self, account: Account, scoped_id: str) -> Thread:
        """A stranger who has this id: somebody from before the start, who may be written to and never writes."""
        name = f"Visitor {scoped_id[-4:]}"
        spec: VisitorSpec = (
            InstagramVisitorSpec(id=scoped_id, name=name, username=f"visitor.{scoped_id[-4:]}")
            if account.on_instagram
            else MessengerVisitorSpec(id=scoped_id, name=name)
        )
        thread = self.threads[scoped_id] = Thread(account, Profile(spec), scoped_id, consented=True)
        return thread

    def at(self, path_id: str) -> list[Account]:
        """The accounts that an id in a path may mean: the one itself, or those of the page."""
        return [account for account in self.accounts.values() if path_id in (account.id, account.page_id)]

    def owners(self, token: str | None) -> list[Account]:
        """The accounts that a token of their own belongs to; empty for a token that is good for all."""
        return [account for account in self.accounts.values() if token and account.spec.access_token == token]

    def keep_attachment(self, account: Account, kind: str, url: str | None, now: float, id_: str) -> str:
        """Keep an attachment for 90 days under this id, and return it."""
        self.attachments[id_] = Attachment(account.id, kind, url, now + ATTACHMENT_LIFE_S)
        return id_

    def heard(self, thread: Thread, now: float, *, from_ad: bool = False) -> None:
        """The person wrote or tapped: the window opens, or stays open for longer, and the profile may be read."""
        opened_for = AD_WINDOW_S if from_ad and thread.last_word is None else WINDOW_S
        thread.last_word, thread.consented = now, True
        thread.window_ends = max(thread.window_ends, now + opened_for)
