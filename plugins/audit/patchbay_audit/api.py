"""The trail over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web
from marshmallow import Schema, fields

from patchbay.errors import NotFound
from patchbay.hookspecs import Permission
from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay.ports import Query, Where
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import Answer, Listing, Operations
from patchbay_audit.entry import AUDIT_ENTRIES, AuditEntry, entry_id
from patchbay_audit.export import CONTENT_TYPES, send
from patchbay_audit.recorder import read_tip
from patchbay_audit.schemas import (
    EXPORT_FORMAT,
    AuditEntrySchema,
    AuditVerdictSchema,
    RetentionBody,
    RetentionSchema,
    filters,
)
from patchbay_audit.trail import Trail, about_cut
from patchbay_audit.verify import verdict_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork
    from patchbay_audit.retention import Plan

PERMISSIONS: Final = {
    "audit.read": "See the audit trail",
    "audit.export": "Save the audit trail as a file",
    "audit.verify": "Check that the audit trail is as it was written",
    "audit.manage": "Remove what is older than the audit trail's retention",
}
WHOLE_TRAIL_S: Final = 600.0  # what goes through all of it, the longest that a route may take
EXPORT_PAGE: Final = 500
_INDEXED: Final = ("actor", "action", "address")  # with the number behind it: such lists are read in its order
_EQUAL: Final = {
    "actor": "actor_id",
    "action": "action",
    "outcome": "outcome",
    "address": "address",
    "request_id": "request_id",
}
_decode = msgspec.json.Decoder().decode


def permissions() -> list[Permission]:
    return [Permission(name, sentence) for name, sentence in PERMISSIONS.items()]


def operations(trail: Trail) -> Operations:
    """The operations on this trail."""
    api = AuditApi(trail)
    declared = Operations("Audit", PERMISSIONS)
    asked: dict[str, fields.Field[Any]] = {**filters(), "format": EXPORT_FORMAT}
    exported = Schema.from_dict(asked, name="AuditExportQuery")
    narrowing: dict[str, Any] = filters()
    declared.get(
        "/audit", "audit.read", answer=Listing(AuditEntrySchema), query=listing(text=True, **narrowing), deadline_s=30.0
    )(api.list_audit_entries)
    declared.get(
        "/audit/export",
        "audit.export",
        query=exported,
        produces=tuple(CONTENT_TYPES.values()),
        deadline_s=30.0,
    )(api.export_audit_entries)
    declared.post("/audit/verify", "audit.verify", answer=AuditVerdictSchema, deadline_s=WHOLE_TRAIL_S)(
        api.verify_audit_trail
    )
    declared.post(
        "/audit/retention", "audit.manage", body=RetentionBody, answer=RetentionSchema, deadline_s=WHOLE_TRAIL_S
    )(api.apply_audit_retention)
    declared.get("/audit/{entry_id}", "audit.read", answer=AuditEntrySchema)(api.show_audit_entry)
    return declared


class AuditApi:
    """The handlers; their names are what the trail itself calls them."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    async def list_audit_entries(self, call: Call) -> Answer:
        """List what was done and refused, the newest first.

        `q` finds words of what was changed, of the action, of the actor's name and of what is known beside.
        """
        sort = "-seq" if any(name in call.query for name in _INDEXED) else "-id"
        query = narrowed(query_of(call, AUDIT_ENTRIES, sort=sort), call.query)
        return page_answer(call, await self._trail.store.find(query), entry_view)

    async def show_audit_entry(self, call: Call) -> Answer:
        """Show an entry of the trail."""
        entry = await self._trail.store.get(AUDIT_ENTRIES, call.path["entry_id"])
        if entry is None:
            raise NotFound(f"There is no audit entry {call.path['entry_id']!r}.")
        return Answer(entry_view(entry))

    async def export_audit_entries(self, call: Call) -> web.StreamResponse:
        """Save the trail as a file, the oldest entry first.

        NDJSON is what the stand-alone verifier reads. In CSV, a cell that a spreadsheet would take for a formula begins
        with an apostrophe. The export is an entry itself, which the file does not hold.
        """
        form = call.query["format"]
        tip = await read_tip(self._trail.store)
        upto = Where("id", "lte", entry_id(tip.seq))
        call.about.update(
            {
                "format": form,
                "to_seq": tip.seq,
                "filters": sorted(f"{name}={_said(value)}" for name, value in call.query.items() if name != "format"),
            }
        )
        await call.run(_nothing)
        query = narrowed(Query(AUDIT_ENTRIES, where=(upto,), limit=EXPORT_PAGE), call.query)
        day = f"{self._trail.host.clock.now():%Y-%m-%d}"
        return await send(call.request, self._trail.store, query, form, f"audit-{day}")

    async def verify_audit_trail(self, call: Call) -> Answer:
        """Check the whole trail: every entry, the chain, the head and the anchors.

        It takes about 20 seconds for a million entries. What was found stands in the trail.
        """
        verdict = await self._trail.verify()
        call.about.update({"valid": verdict.valid, "entries": verdict.entries, "problems": verdict.problem_count})
        await call.run(_nothing)
        return Answer(verdict_view(verdict))

    async def apply_audit_retention(self, call: Call) -> Answer:
        """Remove what is older than `retention_days`, or only tell what would be.

        An anchor says where the trail begins from then on, so that what remains is still proved.
        """
        planned = await self._trail.plan()
        dry_run: bool = call.body["dry_run"]
        call.about.update({"dry_run": dry_run, **about_cut(planned)})
        if dry_run or planned.last is None:
            await call.run(_nothing)
        if not dry_run:
            await self._trail.keep(planned, call.run)
        return Answer(_plan_view(planned, self._trail.settings.retention_days, dry_run=dry_run))


def narrowed(query: Query[AuditEntry], asked: Mapping[str, Any]) -> Query[AuditEntry]:
    """The query with the filters of a call."""
    where = [Where(field, "eq", asked[name]) for name, field in _EQUAL.items() if name in asked]
    if "after" in asked:
        where.append(Where("created_at", "gte", asked["after"]))
    if "before" in asked:
        where.append(Where("created_at", "lt", asked["before"]))
    text = query.text
    if "subject" in asked:
        where.append(Where("subject_ids", "has", asked["subject"]))
        text = f"{asked['subject']} {text or ''}"  # the text index finds the few, the condition decides
    return replace(query, where=(*query.where, *where), text=text)


def entry_view(entry: AuditEntry) -> dict[str, Any]:
    """An entry as the API shows it: what its text says, with its id and hash."""
    return {"id": entry.id, **_decode(entry.entry), "hash": entry.hash}


def _plan_view(planned: Plan, days: float, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "retention_days": days,
        "before": rfc3339_or_none(planned.before),
        **about_cut(planned),
    }


def _said(value: Any) -> str:
    return value if isinstance(value, str) else rfc3339(value)


def _nothing(uow: UnitOfWork) -> None:
    """Change nothing: that it was asked is what is recorded."""
