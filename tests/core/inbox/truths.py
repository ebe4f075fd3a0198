"""What is true of an inbox whatever happened to it: the invariants of the model, checked over all its documents."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from msgspec.json import decode, encode

from patchbay.collections import (
    ACTIVITIES,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    MESSAGES,
    NOTES,
    OUTBOX,
    PARKED,
    THREADS,
)
from patchbay.inbox.landing import OPEN_CONVERSATION
from patchbay.inbox.locate import EXTERNAL_REF, ref_value
from patchbay.inbox.receipts import FINAL, RANK
from patchbay.model.message import Activity, DeliveryState, Message, Note
from patchbay.model.outbox import LIVE_STATES
from patchbay.testing.world import World
from patchbay.views import conversation_view, message_view

NOT_BEGUN = ("queued", "sending", "unknown", "failed", "cancelled")


class Truths:
    """Remembers what must not change: places in the order, and how far each attempt came."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[str, tuple[str, int]] = {}
        self.reached: dict[tuple[str, int], DeliveryState] = {}

    def hold(self) -> None:
        self.the_order_is_dense_and_never_changes()
        self.at_most_one_conversation_per_thread_is_open()
        self.delivery_only_moves_up()
        self.what_watermarks_cover_came_so_far()
        self.one_contact_per_line()
        self.an_external_id_is_one_message()
        self.what_is_parked_waits_for_what_is_unknown()
        self.a_reply_names_what_it_quotes()
        self.nothing_on_its_way_out_is_forgotten()
        self.history_makes_no_work()
        self.one_reaction_per_actor()
        self.the_events_tell_what_the_documents_show()

    def the_order_is_dense_and_never_changes(self) -> None:
        items: dict[str, list[int]] = defaultdict(list)
        lines: list[Message | Note | Activity] = [*self.world.all(MESSAGES), *self.world.all(NOTES)]
        for item in (*lines, *self.world.all(ACTIVITIES)):
            if item.thread_id is not None:
                place = (item.thread_id, item.seq)
                assert self.places.setdefault(item.id, place) == place
                items[item.thread_id].append(item.seq)
        for thread in self.world.all(THREADS):
            assert sorted(items[thread.id]) == list(range(1, thread.last_seq + 1))

    def at_most_one_conversation_per_thread_is_open(self) -> None:
        open_ones = {each.thread_id: each.id for each in self.world.all(CONVERSATIONS) if each.status != "closed"}
        assert len(open_ones) == sum(each.status != "closed" for each in self.world.all(CONVERSATIONS))
        for thread in self.world.all(THREADS):
            assert thread.open_conversation_id == open_ones.get(thread.id)
            assert self.world.keys.get((OPEN_CONVERSATION, thread.id)) == open_ones.get(thread.id)
        numbers = [each.number for each in self.world.all(CONVERSATIONS)]
        assert len(numbers) == len(set(numbers))

    def delivery_only_moves_up(self) -> None:
        for message in self.world.all(MESSAGES):
            state = message.delivery.state
            before = self.reached.get((message.id, message.attempt))
            if before is not None and before not in NOT_BEGUN:
                assert RANK[state] >= RANK[before], f"from {before} to {state}"
            self.reached[message.id, message.attempt] = state
            times = message.delivery
            assert times.read_at is None or times.delivered_at is not None
            assert (state == "failed") <= (times.error is not None), "it failed and nobody says why"

    def what_watermarks_cover_came_so_far(self) -> None:
        threads = {thread.id: thread for thread in self.world.all(THREADS)}
        for message in self.world.all(MESSAGES):
            if message.direction == "inbound":
                continue
            for state, marks in threads[message.thread_id].watermarks.items():
                assert list(marks) == sorted(marks, key=lambda mark: (mark.up_to, mark.at))
                for ref in message.external_refs:
                    if ref.attempt < message.attempt or ref.state in FINAL:
                        continue
                    had_at = ref.sent_at or ref.bound_at or message.occurred_at
                    covering = [mark for mark in marks if mark.up_to >= had_at]
                    assert not covering or RANK[ref.state] >= RANK[state], f"{ref} is not {state}"

    def one_contact_per_line(self) -> None:
        contacts: dict[str, set[str]] = defaultdict(set)
        identities = self.world.all(IDENTITIES)
        for identity in identities:
            contacts[identity.line_id].add(identity.contact_id)
            assert (identity.status == "superseded") == (identity.superseded_by is not None)
        for thread in self.world.all(THREADS):
            assert contacts[thread.identity_id] == {thread.contact_id}
            line = [identity for identity in identities if identity.line_id == thread.identity_id]
            assert any(identity.status == "active" for identity in line), "nobody can be reached on this line"

    def an_external_id_is_one_message(self) -> None:
        holders = Counter(
            (message.account_id, ref.external_id)
            for message in self.world.all(MESSAGES)
            for ref in message.external_refs
        )
        assert all(count == 1 for count in holders.values()), holders.most_common(1)

    def what_is_parked_waits_for_what_is_unknown(self) -> None:
        known = {ref.external_id for message in self.world.all(MESSAGES) for ref in message.external_refs}
        for parked in self.world.all(PARKED):
            assert parked.external_id not in known, f"{parked.items} missed its message"
            place = (EXTERNAL_REF, ref_value(parked.account_id, parked.external_id))
            assert self.world.keys[place] == parked.id

    def a_reply_names_what_it_quotes(self) -> None:
        ids = {ref.external_id: message.id for message in self.world.all(MESSAGES) for ref in message.external_refs}
        for message in self.world.all(MESSAGES):
            if message.reply_to is not None:
                assert message.reply_to.message_id == ids.get(message.reply_to.external_id or "")

    def nothing_on_its_way_out_is_forgotten(self) -> None:
        """A message that is shown as on its way has an entry that will bring it further, or tell of it."""
        entries = {entry.message_id: entry for entry in self.world.all(OUTBOX) if entry.kind == "message"}
        for message in self.world.all(MESSAGES):
            entry = entries.get(message.id)
            if message.origin != "agent" or entry is None:
                continue
            live = entry.state in LIVE_STATES
            match message.delivery.state:
                case "queued" | "sending":
                    assert live, entry.state
                    assert entry.state != "unknown"
                case "unknown":
                    assert entry.state == "unknown"
                case "accepted" | "sent" | "delivered" | "read":
                    assert entry.state in ("sent", "sending"), f"{entry.state}: it would be sent twice"
                case "cancelled":
                    assert entry.state == "cancelled"
            if entry.state == "sent":
                assert any(ref.attempt == message.attempt for ref in message.external_refs)

    def history_makes_no_work(self) -> None:
        for message in self.world.all(MESSAGES):
            if message.origin == "history_sync":
                assert message.conversation_id is None

    def one_reaction_per_actor(self) -> None:
        for message in self.world.all(MESSAGES):
            actors = [reaction.actor.id for reaction in message.reactions]
            assert len(actors) == len(set(actors))

    def the_events_tell_what_the_documents_show(self) -> None:
        """Whoever only reads the log sees the same inbox."""
        told: Counter[tuple[str, str]] = Counter((event.type, event.subject_id) for event in self.world.events)
        last: dict[tuple[str, str], dict[str, Any]] = {}
        for event in self.world.events:
            last[event.subject_type, event.subject_id] = decode(event.data)
        for message in self.world.all(MESSAGES):
            first = {"contact": "received", "system": "received", "agent": "queued", "native_app": "sent"}.get(
                message.origin, "history_synced"
            )
            times = told[f"message.{first}", message.id]
            assert times >= 1 if first in ("sent", "history_synced") else times == message.attempt, (first, times)
            assert _shown(last["message", message.id]) == _shown(_as_json(message))
        for conversation in self.world.all(CONVERSATIONS):
            assert told["conversation.created", conversation.id] == 1
            view = conversation_view(conversation, None, self.world.get(THREADS, conversation.thread_id))
            seen = last["conversation", conversation.id]
            for name in ("status", "assignee_id", "unread_count", "waiting_since", "last_message"):
                assert seen[name] == _round(view[name]), name
        for contact in self.world.all(CONTACTS):
            assert told["contact.created", contact.id] == 1
            assert last["contact", contact.id] is not None


def _as_json(message: Message) -> dict[str, Any]:
    return dict(_round(message_view(message)))


def _round(value: Any) -> Any:
    return decode(encode(value))


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    """What must agree; that it is being sent, or waits to be again, is not told by an event of its own."""
    state = view["delivery"]["state"]
    return {
        "state": "queued" if state == "sending" else state,
        "text": view["text_content"],
        "deleted": view["deleted"],
        "edited": view["edited"],
        "reactions": view["reactions"],
    }
