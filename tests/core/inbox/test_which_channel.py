"""A contact with several lines: an answer goes where it may be sent now, or where the agent says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from patchbay.channel import Capabilities, IdentityKey, Person
from patchbay.collections import ACCOUNTS, CONTACTS
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.merging import merge_contacts
from patchbay.inbox.recipients import Target, conversation_for
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import account_id
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import CHANNEL, T0, Inbox, at, received

PAGE = Person(keys=(IdentityKey(kind="psid", value="7001", scope="account"),), name="M. Voss")
OTHER = WhatsAppChannel(WhatsAppSettings(), capabilities=replace(Capabilities(frozenset({"text"}))))
CHANNELS = {"whatsapp": CHANNEL, "page": OTHER}


class TwoLines:
    """One contact who is known on WhatsApp and on a page, by an agent's merge."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        id = account_id("page", "9")
        self.page = self.inbox.world.put(
            ACCOUNTS,
            ChannelAccount(id=id, created_at=T0, updated_at=T0, channel="page", name="Page", external_id="9"),
        )
        self.writes_on_whatsapp(0)
        self.writes_on_page(0)
        world = self.inbox.world
        source = next(each for each in world.all(CONTACTS) if each.display_name == "M. Voss")
        self.contact = next(each for each in world.all(CONTACTS) if each.id != source.id)
        world.run(lambda uow: merge_contacts(uow, source.id, self.contact.id))

    def writes_on_whatsapp(self, hour: int) -> None:
        self.inbox.world.now = at(hour * 3600)
        self.inbox.arrive(received(id=f"w{hour}", when=hour * 3600))

    def writes_on_page(self, hour: int, *, opens_window: bool = True) -> None:
        self.inbox.world.now = at(hour * 3600)
        event = changed(received(id=f"p{hour}", person=PAGE, when=hour * 3600), opens_window=opens_window)
        self.inbox.world.run(lambda uow: apply_event(uow, Arrival(self.page, OTHER, "2"), event))

    def channel_at(self, hour: int, account_id: str | None = None) -> str:
        """Where an answer to the contact goes at that hour."""
        self.inbox.world.now = at(hour * 3600)
        target = Target(contact_id=self.contact.id, account_id=account_id)
        conversation, _ = self.inbox.world.run(
            lambda uow: conversation_for(uow, CHANNELS, target, reopen_after=timedelta(0))
        )
        return conversation.channel


@pytest.mark.parametrize(("whatsapp", "page", "now", "goes"), [(1, 2, 3, "page"), (2, 1, 3, "whatsapp")])
def test_of_two_open_lines_the_one_that_was_used_last(whatsapp: int, page: int, now: int, goes: str) -> None:
    lines = TwoLines()
    for hour in sorted((whatsapp, page)):
        lines.writes_on_whatsapp(hour) if hour == whatsapp else lines.writes_on_page(hour)
    assert lines.channel_at(now) == goes


def test_a_line_that_is_open_goes_before_one_that_was_used_later() -> None:
    lines = TwoLines()
    lines.writes_on_whatsapp(20)
    lines.writes_on_page(30, opens_window=False)  # a comment
    assert lines.channel_at(40) == "whatsapp"


def test_when_all_are_closed_the_one_that_was_used_last() -> None:
    lines = TwoLines()
    lines.writes_on_page(5)
    assert lines.channel_at(200) == "page"


def test_the_agent_may_say_which_whatever_is_open() -> None:
    lines = TwoLines()
    lines.writes_on_page(30)
    assert lines.channel_at(31, lines.inbox.account.id) == "whatsapp"
    assert lines.channel_at(31, lines.page.id) == "page"
