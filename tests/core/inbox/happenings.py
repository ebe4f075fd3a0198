"""What may happen to the people of a random day, each thing with an id of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from patchbay.channel import (
    HistoryMessage,
    IdentityKey,
    InboundEvent,
    MessageEchoed,
    MessageEdited,
    Person,
    ReactionChanged,
    WatermarkReceived,
)
from patchbay.model.content import Text
from patchbay.model.message import DeliveryState
from tests.core.inbox.builders import at, received

PEOPLE = 3
INBOUND = [f"wamid.in.{person}.{number}" for person in range(PEOPLE) for number in range(2)]
ECHOES = [f"wamid.echo.{person}.{number}" for person in range(PEOPLE) for number in range(2)]
HISTORY = [f"wamid.old.{person}.{number}" for person in range(PEOPLE) for number in range(2)]
# What the second message of a person quotes: any of these may come first, and the first of ours may never leave.
QUOTED = {
    f"wamid.{kind}.{person}.1": "wamid.out.0" if person == 0 and kind == "in" else f"wamid.{other}.{person}.0"
    for kind, other in (("in", "echo"), ("echo", "in"), ("old", "old"))
    for person in range(PEOPLE)
}


def phone(person: int, generation: int) -> IdentityKey:
    return IdentityKey(kind="phone", value=f"+1555{generation:03d}{person:04d}")


def bsuid(person: int, generation: int) -> IdentityKey:
    return IdentityKey(kind="wa_bsuid", value=f"US.{person}{generation:03d}", scope="portfolio")


def history_of(id: str, person: Person, outbound: bool) -> HistoryMessage:
    return HistoryMessage(
        occurred_at=at(-1000),
        external_id=id,
        person=person,
        outbound=outbound,
        content=Text(text=f"old {id}"),
        reply_to=QUOTED.get(id),
    )


def watermark(person: Person, state: DeliveryState, up_to: datetime, later_s: int) -> WatermarkReceived:
    return WatermarkReceived(occurred_at=up_to + timedelta(seconds=later_s), person=person, state=state, up_to=up_to)


def received_as(id: str, person: Person) -> InboundEvent:
    return replace(received(f"text {id}", id, person, 1), reply_to=QUOTED.get(id))


def echo_of(id: str, person: Person, reference: str | None = None) -> MessageEchoed:
    return MessageEchoed(
        occurred_at=at(2),
        external_id=id,
        recipient=person,
        content=Text(text=f"echo {id}"),
        reply_to=QUOTED.get(id),
        reference=reference,
    )


def edit_of(target: str, number: int) -> MessageEdited:
    return MessageEdited(
        occurred_at=at(10 + number),
        external_id=f"{target}.edit.{number}",
        target=target,
        content=Text(text=f"{target} edited {number}"),
    )


def reaction_to(target: str, person: Person, number: int, emoji: str | None) -> ReactionChanged:
    return ReactionChanged(
        occurred_at=at(20 + number),
        external_id=f"{target}.reaction.{person.keys[0].value}.{number}",
        target=target,
        person=person,
        emoji=emoji,
    )
