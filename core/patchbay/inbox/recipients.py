"""Who a message is for: from a phone, a contact, an identity or a key to the conversation it belongs in. No IO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from patchbay.channel import CLOSED, Channel, IdentityKey, Person, ScopeKind
from patchbay.collections import ACCOUNTS, CONTACTS, CONVERSATIONS, IDENTITIES
from patchbay.errors import FieldError, Invalid, NotFound
from patchbay.inbox.landing import Arrival, emit_conversation, open_conversation
from patchbay.inbox.people import current_contact, meet, place_of, thread_of
from patchbay.inbox.sending import draft, recipient_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Identity, IdentityKind
from patchbay.model.content import Text
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.ids import identity_id
from patchbay.ports import Query, Where

E164 = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: a plus, at most 15 digits
ACCOUNTS_AT_MOST = 200
EVERYWHERE: tuple[IdentityKind, ...] = ("phone", "email")  # the same person whichever channel names them


@dataclass(frozen=True)
class Target:
    """What a request named: exactly one of ``phone``, ``contact_id``, ``identity_id`` and ``key``."""

    phone: str | None = None
    contact_id: str | None = None
    identity_id: str | None = None
    channel: str | None = None
    kind: IdentityKind | None = None
    value: str | None = None
    account_id: str | None = None


def normal_phone(text: str, pointer: str = "/customer_phone") -> str:
    """E.164 with its plus; spaces, dots, dashes and brackets are taken out. Raises ``Invalid`` naming the field."""
    phone = re.sub(r"[\s().\-\u00a0]", "", text)
    if not E164.fullmatch(phone):
        message = "A phone number is written with a plus, the country code and the number, e.g. +15550001111."
        raise Invalid("The phone number is not valid.", errors=[FieldError(pointer, "phone", message)])
    return phone


def conversation_for(
    uow: UnitOfWork, channels: Mapping[str, Channel], target: Target, *, reopen_after: timedelta = timedelta(0)
) -> tuple[Conversation, bool]:
    """The conversation that is not closed for this target, made where there is none; and whether it was made.

    What is made for somebody who reaches some rows only becomes one of theirs. Raises ``Invalid`` naming the field,
    ``NotFound``, also where others talk to the person.
    """
    account, thread = _thread_for(uow, channels, target)
    arrival = Arrival(account, channels[account.channel], reopen_after=reopen_after)
    _, conversation, told = open_conversation(uow, arrival, thread)
    if not uow.rows.hold(conversation.department_id, conversation.assignee_id):
        conversation = _of_ones_own(uow, conversation, told)
    if told != "conversation.updated":
        emit_conversation(uow, told, conversation)
    return conversation, told == "conversation.created"


def _of_ones_own(uow: UnitOfWork, conversation: Conversation, told: str) -> Conversation:
    """The new conversation, given to whoever began it. Raises ``NotFound`` for one that others have."""
    if told != "conversation.created":
        raise NotFound("There is no conversation with this recipient that you may see, and none can be started now.")
    rows = uow.rows
    department_id = conversation.department_id
    if department_id is None and rows.department_ids:
        department_id = rows.department_ids[0]
    if not rows.hold(department_id, rows.user_id):
        raise NotFound("There is no department that you could start a conversation in.")
    return uow.put(CONVERSATIONS, conversation, department_id=department_id, assignee_id=rows.user_id)


def _thread_for(uow: UnitOfWork, channels: Mapping[str, Channel], target: Target) -> tuple[ChannelAccount, Thread]:
    if target.contact_id is not None:
        contact = current_contact(uow, uow.reach(CONTACTS, target.contact_id).id)
        identities = uow.find(Query(IDENTITIES, (Where("contact_id", "eq", contact.id),), limit=200))
        if not identities:
            raise _invalid("/to/contact_id", "unreachable", "The contact has no identity that a channel could reach.")
        return _best(uow, channels, identities, target, "/to/contact_id")
    if target.identity_id is not None:
        identity = uow.reach(IDENTITIES, target.identity_id)
        return _best(uow, channels, [identity], target, "/to/identity_id")
    kind: IdentityKind = "phone" if target.phone is not None else target.kind or "phone"
    value = target.phone if target.phone is not None else target.value or ""
    pointer = "/customer_phone" if target.phone is not None else "/to/value"
    if kind == "phone":
        value = normal_phone(value, pointer)
        known = uow.get(IDENTITIES, identity_id("", "phone", value))
        if known is not None:
            return _best(uow, channels, [known], target, pointer)
    account = _account(uow, channels, target, kind, pointer)
    scope: ScopeKind = "global" if kind in ("phone", "email") else "portfolio" if kind.startswith("wa_") else "account"
    line = meet(uow, account, Person(keys=(IdentityKey(kind=kind, value=value, scope=scope),)), proof="agent")
    return account, line.thread


def _best(
    uow: UnitOfWork, channels: Mapping[str, Channel], identities: list[Identity], target: Target, pointer: str
) -> tuple[ChannelAccount, Thread]:
    """Where an answer may be sent now, and the person wrote last; else the one account that can reach an identity.
    Accounts that cannot send are taken where there is no other."""
    usable = [identity for identity in identities if identity.status != "superseded"]
    accounts = _accounts(uow, channels, target)
    threads = _threads(uow, accounts, usable)
    if threads:
        return max(threads, key=lambda found: _preference(uow, channels, *found))
    for candidates in ([account for account in accounts if account.works], accounts):
        for identity in usable:
            able = [account for account in candidates if _starts_with(channels, account, identity)]
            if len(able) > 1:
                raise _ambiguous(able)
            if able:
                contact = current_contact(uow, identity.contact_id)
                return able[0], thread_of(uow, able[0], uow.need(IDENTITIES, identity.line_id), contact)
    raise _invalid(pointer, "unreachable", "No connected channel account can reach this recipient.")


def lines_of(uow: UnitOfWork, channels: Mapping[str, Channel], contact_id: str) -> list[tuple[ChannelAccount, Thread]]:
    """The lines that a contact can be written to on, the one first that an answer to the contact would take."""
    contact = current_contact(uow, uow.reach(CONTACTS, contact_id).id)
    identities = uow.find(Query(IDENTITIES, (Where("contact_id", "eq", contact.id),), limit=200))
    usable = [identity for identity in identities if identity.status != "superseded"]
    threads = _threads(uow, _accounts(uow, channels, Target()), usable)
    return sorted(threads, key=lambda found: _preference(uow, channels, *found), reverse=True)


def _threads(
    uow: UnitOfWork, accounts: list[ChannelAccount], identities: list[Identity]
) -> list[tuple[ChannelAccount, Thread]]:
    found: list[tuple[ChannelAccount, Thread]] = []
    for account in accounts:
        for line_id in dict.fromkeys(identity.line_id for identity in identities if knows(account, identity)):
            _, thread = place_of(uow, account.id, line_id)
            if thread is not None:
                found.append((account, thread))
    return found


def knows(account: ChannelAccount, identity: Identity) -> bool:
    """Whether an identity means the same person to this account: a key of another account, another portfolio or another
    channel may be somebody else's there."""
    if identity.kind not in EVERYWHERE and identity.channel != account.channel:
        return False
    return identity.scope in ("", account.id) or identity.scope == account.portfolio_id


def _starts_with(channels: Mapping[str, Channel], account: ChannelAccount, identity: Identity) -> bool:
    return knows(account, identity) and identity.kind in channels[account.channel].capabilities.starts_with


def _preference(
    uow: UnitOfWork, channels: Mapping[str, Channel], account: ChannelAccount, thread: Thread
) -> tuple[bool, bool, datetime, str]:
    """What speaks for a thread: its account can send, plain text may be sent on it now, how lately the person wrote."""
    said = draft(Text(text=""), recipient_of(uow, thread), None)
    try:
        closes = channels[account.channel].closes_at(said)
    except Exception:  # one channel's fault, which its record names, costs the others nothing
        closes = CLOSED
    is_open = closes is None or uow.now < closes
    return account.works, is_open, thread.last_inbound_at or thread.created_at, thread.id


def _account(
    uow: UnitOfWork, channels: Mapping[str, Channel], target: Target, kind: IdentityKind, pointer: str
) -> ChannelAccount:
    candidates = [
        account
        for account in _accounts(uow, channels, target)
        if kind in channels[account.channel].capabilities.starts_with
    ]
    if not candidates:
        raise _invalid(pointer, "unreachable", f"No connected channel account can start a conversation with a {kind}.")
    if len(candidates) > 1:
        raise _ambiguous(candidates)
    return candidates[0]


def _accounts(uow: UnitOfWork, channels: Mapping[str, Channel], target: Target) -> list[ChannelAccount]:
    if target.account_id is not None:
        account = uow.get(ACCOUNTS, target.account_id)
        if account is None or account.channel not in channels:
            raise _invalid("/account_id", "not_found", f"There is no usable channel account {target.account_id!r}.")
        return [account]
    every = uow.find(Query(ACCOUNTS, sort="id", limit=ACCOUNTS_AT_MOST))
    return [
        account
        for account in every
        if account.channel in channels
        and account.status != "disabled"
        and (target.channel is None or account.channel == target.channel)
    ]


def _ambiguous(candidates: list[ChannelAccount]) -> Invalid:
    names = ", ".join(f"{account.id} ({account.name})" for account in candidates[:10])
    return _invalid("/account_id", "ambiguous", f"Several channel accounts could serve; name one of: {names}.")


def _invalid(pointer: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(pointer, code, message)])
