"""The ingest journal: what arrived, what became of it, and applying it again."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields

from patchbay.errors import NotFound
from patchbay.model.raw import ItemOutcome, RawState
from patchbay.ports import RawQuery
from patchbay.views import raw_event_view
from patchbay.web.call import Call
from patchbay.web.lists import items_answer, listing
from patchbay.web.operations import Answer, Listing, Operations
from patchbay.web.schemas.fields import OneOf
from patchbay.web.schemas.ingest import RawEventSchema, ReplaySchema

OPERATIONS = Operations(
    "Ingest",
    {
        "ingest.read": "See received webhooks and what became of them",
        "ingest.replay": "Apply received webhooks again",
    },
)


@OPERATIONS.get(
    "/ingest/events",
    "ingest.read",
    answer=Listing(RawEventSchema),
    query=listing(
        state=OneOf(get_args(RawState)),
        outcome=OneOf(get_args(ItemOutcome), metadata={"description": "Those with an item of this outcome."}),
        channel=fields.String(),
    ),
)
async def list_ingest_events(call: Call) -> Answer:
    """List received webhooks, the newest first."""
    asked = call.query
    page = await call.gateway.store.raws(
        RawQuery(
            state=asked.get("state"),
            outcome=asked.get("outcome"),
            channel=asked.get("channel"),
            limit=asked["limit"],
            cursor=asked["cursor"],
        )
    )
    return items_answer(call, [raw_event_view(raw) for raw in page.items], page.next)


@OPERATIONS.get("/ingest/events/{event_id}", "ingest.read", answer=RawEventSchema)
async def show_ingest_event(call: Call) -> Answer:
    """Show a received webhook."""
    raw = await call.gateway.store.raw(call.path["event_id"])
    if raw is None:
        raise _unknown(call)
    return Answer(raw_event_view(raw))


@OPERATIONS.post("/ingest/events/{event_id}/replay", "ingest.replay", answer=ReplaySchema)
async def replay_ingest_event(call: Call) -> Answer:
    """Apply a received webhook again.

    Items that were applied before change nothing: this is for those that were quarantined or had no account.
    """
    id = call.path["event_id"]
    if await call.gateway.store.raw(id) is None:
        raise _unknown(call)
    return Answer({"replayed": await call.gateway.ingest.replay([id])})


def _unknown(call: Call) -> NotFound:
    return NotFound(f"There is no ingest event {call.path['event_id']!r}.")
