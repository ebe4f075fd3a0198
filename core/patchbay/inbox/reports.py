"""What a provider reports about people, accounts and templates, outside any message. No IO."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from patchbay.channel import (
    AccountNotice,
    IdentityKey,
    IdentityRekeyed,
    Person,
    PersonChanged,
    PreferenceChanged,
    TemplateChanged,
    ThreadNotice,
)
from patchbay.collections import ACCOUNTS, CONTACTS, IDENTITIES, MESSAGES, TEMPLATES
from patchbay.inbox.health import degraded, recovered
from patchbay.inbox.landing import Arrival
from patchbay.inbox.people import key_id, meet, resolved_scope
from patchbay.inbox.receive import Applied
from patchbay.inbox.timeline import receive_notice
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import AccountStatus, ChannelAccount
from patchbay.model.contact import Identity
from patchbay.model.event import Audience
from patchbay.model.ids import derived_id, message_id
from patchbay.model.template import TemplateRecord
from patchbay.views import account_view, contact_view, identity_view, template_view

APPLIED_ITEM = "applied_item"  # the scope of the unique keys of items that leave no document of their own
STATUS_EVENTS: dict[AccountStatus, str] = {
    "active": "channel.recovered",
    "degraded": "channel.degraded",
    "reauth_required": "channel.reauth_required",
    "disabled": "channel.disabled",
}


def change_person(uow: UnitOfWork, arrival: Arrival, event: PersonChanged) -> Applied:
    """An address book entry or a profile changed. A removal there removes nothing here."""
    if event.removed:
        return Applied(outcome="ignored", reason="removed from the business app's address book")
    if not event.person.keys:
        return Applied(outcome="ignored", reason="it names nobody")
    line = meet(uow, arrival.account, event.person)
    return Applied(ref=line.contact.id)


def change_preference(uow: UnitOfWork, arrival: Arrival, event: PreferenceChanged) -> Applied:
    """A person allowed or stopped a purpose."""
    if not event.person.keys:
        return Applied(outcome="ignored", reason="it names nobody")
    contact = meet(uow, arrival.account, event.person).contact
    choice = "granted" if event.granted else "stop"
    if contact.consent.get(event.purpose) == choice:
        return Applied(outcome="duplicate", ref=contact.id)
    contact = uow.put(CONTACTS, contact, consent={**contact.consent, event.purpose: choice})
    uow.emit("contact.updated", "contact", contact.id, {**contact_view(contact), "changed": ["consent"]})
    return Applied(ref=contact.id)


def rekey(uow: UnitOfWork, arrival: Arrival, event: IdentityRekeyed) -> Applied:
    """The platform gave a person new keys: old identities are superseded on the same line, never duplicated.

    A new key that is another contact's already is a conflict: recorded, and the old identity stays as it was.
    """
    account = arrival.account
    noticed = message_id(account.id, event.external_id)
    if uow.get(MESSAGES, noticed) is not None:  # a later change of the same keys may have followed it
        return Applied(outcome="duplicate", ref=noticed)
    before = [uow.get(IDENTITIES, key_id(account, key)) for key in event.previous]
    known = [identity for identity in before if identity is not None]
    if not known:
        if not event.current:
            return Applied(outcome="ignored", reason="it names nobody")
        line = meet(uow, account, Person(keys=event.current))
        return Applied(ref=line.contact.id)
    for key in event.current:
        id = key_id(account, key)
        if any(identity.id == id for identity in known):
            continue
        same_kind = [identity for identity in known if identity.kind == key.kind]
        owner = (same_kind or known)[0]  # the keys may be on two lines, where nothing proved them one person before
        taken = uow.get(IDENTITIES, id)
        if taken is not None and taken.contact_id != owner.contact_id:
            _conflict(uow, taken, owner)
            continue
        following = _successor(uow, arrival, key, owner) if taken is None else _active(uow, taken)
        for old in same_kind:
            fresh = uow.get(IDENTITIES, old.id)
            if fresh is not None and fresh.status != "superseded":
                fresh = uow.put(IDENTITIES, fresh, status="superseded", superseded_by=following.id)
                uow.emit("contact.identity_superseded", "contact", fresh.contact_id, identity_view(fresh))
    notice = ThreadNotice(
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        notice="identity_changed",
        person=Person(keys=event.current or event.previous),
        text=event.text,
    )
    noted = receive_notice(uow, arrival, notice)
    return Applied(outcome=noted.outcome, ref=known[0].contact_id)


def _successor(uow: UnitOfWork, arrival: Arrival, key: IdentityKey, owner: Identity) -> Identity:
    identity = replace(
        owner,
        id=key_id(arrival.account, key),
        version=1,
        created_at=uow.now,
        updated_at=uow.now,
        kind=key.kind,
        scope=owner.scope if key.kind == owner.kind else resolved_scope(arrival.account, key),
        value=key.value,
        status="active",
        superseded_by=None,
        conflicts=(),
        first_seen_at=uow.now,
        last_seen_at=uow.now,
    )
    uow.add(IDENTITIES, identity)
    uow.emit("contact.identity_linked", "contact", identity.contact_id, identity_view(identity))
    return identity


def _active(uow: UnitOfWork, identity: Identity) -> Identity:
    """A key that somebody gave up and has again."""
    if identity.status != "superseded":
        return identity
    return uow.put(IDENTITIES, identity, status="active", superseded_by=None)


def _conflict(uow: UnitOfWork, taken: Identity, owner: Identity) -> None:
    if owner.contact_id in taken.conflicts:
        return
    taken = uow.put(IDENTITIES, taken, conflicts=(*taken.conflicts, owner.contact_id))
    conflict = {"identity": identity_view(taken), "contact_ids": [taken.contact_id, owner.contact_id]}
    uow.emit("contact.identity_conflict", "contact", taken.contact_id, conflict)


def account_notice(uow: UnitOfWork, arrival: Arrival, event: AccountNotice) -> Applied:
    """The provider said something about the account: its health follows, and the log tells."""
    account = uow.need(ACCOUNTS, arrival.account.id)
    if arrival.key:  # nothing else of a notice is unique, so its key is
        value = f"{account.id}:{arrival.key}"
        if uow.ref(APPLIED_ITEM, value) is not None:
            return Applied(outcome="duplicate", ref=account.id)
        uow.claim(APPLIED_ITEM, value, account.id)
    health = account.health
    if event.quality is not None:
        health = replace(health, quality=event.quality)
    following, told = replace(account, health=health), event.text or event.notice
    match event.status:
        case "degraded":
            following = degraded(following, "provider", told, event.occurred_at)
        case "active":  # that a restriction ended gives no new token
            following = recovered(following, "provider")
        case "reauth_required" | "disabled":
            health = replace(health, last_error=told, last_error_at=event.occurred_at)
            following = replace(following, status=event.status, health=health)
        case _:
            pass
    change_status(uow, account, following.status, health=following.health)
    uow.emit(
        "channel.notice",
        "channel",
        account.id,
        {"account_id": account.id, "notice": event.notice, "text": event.text, "data": event.data},
        audience=Audience(account_id=account.id),
        occurred_at=event.occurred_at,
    )
    return Applied(ref=account.id)


def change_status(
    uow: UnitOfWork, account: ChannelAccount, status: AccountStatus | None, **fields: Any
) -> ChannelAccount:
    """The account with another status and health; the log tells of a changed status."""
    before = account.status
    if status is not None and before == "disabled" and status != "disabled":
        status = None  # what an administrator switched off stays off
    same_token = fields.get("credentials", account.credentials) == account.credentials
    if status == "degraded" and before == "reauth_required" and same_token:
        status = None  # a degraded account sends, and this one cannot
    if status in (None, before) and all(getattr(account, name) == value for name, value in fields.items()):
        return account
    account = uow.put(ACCOUNTS, account, status=status or before, **fields)
    if account.status != before:
        told = STATUS_EVENTS.get(account.status, "channel.updated")
        uow.emit(told, "channel", account.id, account_view(account), audience=Audience(account_id=account.id))
    return account


def template_id(account: ChannelAccount, name: str, language: str) -> str:
    """Templates belong to what owns the account, so two numbers of one owner share them."""
    return derived_id("tpl", account.channel, account.parent_external_id or account.id, name, language)


def change_template(uow: UnitOfWork, arrival: Arrival, event: TemplateChanged) -> Applied:
    """What the provider says of a template; made where it is the first we hear."""
    account = arrival.account
    id = template_id(account, event.name, event.language)
    told = {
        name: value
        for name, value in {
            "status": event.status,
            "category": event.category,
            "quality": event.quality,
            "reason": event.reason,
        }.items()
        if value is not None
    }
    known = uow.get(TEMPLATES, id)
    if known is None:
        record = uow.add(
            TEMPLATES,
            TemplateRecord(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                account_id=account.id,
                channel=account.channel,
                external_id=event.external_id or None,
                name=event.name,
                language=event.language,
                status=event.status or "unknown",
                category=event.category,
                quality=event.quality,
                reason=event.reason,
            ),
        )
    elif all(getattr(known, name) == value for name, value in told.items()):
        return Applied(outcome="duplicate", ref=id)
    else:
        record = uow.put(TEMPLATES, known, **told)
    uow.emit(
        "template.updated",
        "template",
        id,
        {**template_view(record), "changed": sorted(told), "provider": event.data},
        audience=Audience(account_id=account.id),
    )
    return Applied(ref=id)
