"""Reading the templates that a provider has approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from patchbay.collections import ACCOUNTS, TEMPLATES
from patchbay.delivery.providers import Providers
from patchbay.errors import NotFound, StateConflict
from patchbay.inbox.reports import template_id
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.event import Audience
from patchbay.model.template import TemplateRecord
from patchbay.ports import Query, Where
from patchbay.service import Inbox
from patchbay.views import template_view


class Templates:
    """Keeps what the provider lists; one that it lists no more is marked as deleted."""

    def __init__(self, inbox: Inbox, providers: Providers) -> None:
        self._inbox = inbox
        self._providers = providers

    async def sync(self, account_id: str) -> dict[str, int]:
        """Counts of templates ``listed, created, updated, deleted``.

        Raises ``NotFound``, ``StateConflict``, ``SendError``.
        """
        account = await self._inbox.get(ACCOUNTS, account_id)
        if account is None:
            raise NotFound(f"There is no channel {account_id!r}.")
        channel = self._providers.channel(account)
        if channel is None or not channel.capabilities.templates:
            raise StateConflict(f"The channel {account.channel!r} has no templates.", code="capability_unsupported")
        listed = await self._providers.play(channel, account, channel.list_templates(account))
        known = await self._inbox.find_all(
            Query(TEMPLATES, (Where("account_id", "eq", account.id),), sort="name", limit=200)
        )
        return await self._inbox.run(
            partial(keep, account=account, listed=listed, known_ids=[each.id for each in known])
        )


def keep(
    uow: UnitOfWork, *, account: ChannelAccount, listed: Sequence[Mapping[str, Any]], known_ids: Sequence[str]
) -> dict[str, int]:
    """Fold a whole list in."""
    counts = {"listed": len(listed), "created": 0, "updated": 0, "deleted": 0}
    named = [template_id(account, str(entry.get("name", "")), str(entry.get("language", ""))) for entry in listed]
    uow.get_all(TEMPLATES, [*named, *known_ids])  # in one go: there may be thousands
    seen: set[str] = set()
    for entry in listed:
        name, language = str(entry.get("name", "")), str(entry.get("language", ""))
        id = template_id(account, name, language)
        if not name or not language or id in seen:
            continue
        seen.add(id)
        known = uow.get(TEMPLATES, id)
        record = _record(uow, id, account, entry)
        if known is None:
            uow.add(TEMPLATES, record)
            counts["created"] += 1
            _tell(uow, record, "template.created")
        elif _differs(known, record):
            record = uow.put(TEMPLATES, replace(record, version=known.version, created_at=known.created_at))
            counts["updated"] += 1
            _tell(uow, record, "template.updated")
    for id in known_ids:
        known = uow.get(TEMPLATES, id)
        if known is not None and id not in seen and known.status != "deleted":
            counts["deleted"] += 1
            _tell(uow, uow.put(TEMPLATES, known, status="deleted", synced_at=uow.now), "template.deleted")
    return counts


def _record(uow: UnitOfWork, id: str, account: ChannelAccount, entry: Mapping[str, Any]) -> TemplateRecord:
    components = entry.get("components")
    quality = entry.get("quality_score")
    return TemplateRecord(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        account_id=account.id,
        channel=account.channel,
        external_id=_text(entry.get("id")),
        name=str(entry["name"]),
        language=str(entry["language"]),
        category=_text(entry.get("category")),
        status=str(entry.get("status", "unknown")).lower(),
        quality=_text(quality.get("score") if isinstance(quality, Mapping) else quality),
        reason=_text(entry.get("rejected_reason")),
        components=tuple(part for part in components if isinstance(part, dict)) if isinstance(components, list) else (),
        synced_at=uow.now,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _differs(known: TemplateRecord, fresh: TemplateRecord) -> bool:
    names = ("external_id", "category", "status", "quality", "reason", "components")
    return any(getattr(known, name) != getattr(fresh, name) for name in names)


def _tell(uow: UnitOfWork, record: TemplateRecord, type: str) -> None:
    audience = Audience(account_id=record.account_id)
    uow.emit(type, "template", record.id, template_view(record), audience=audience)
