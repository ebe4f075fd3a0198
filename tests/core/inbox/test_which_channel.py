"""A contact with several lines: an answer goes where it may be sent now, or where the agent says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from patchbay.channel import Capabilities, Channel, Draft, IdentityKey, Person, Recipient, ScopeKind
from patchbay.collections import ACCOUNTS, CONTACTS
from patchbay.errors import Invalid
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.merging import merge_contacts
from patchbay.inbox.previewing import preview_on_each
from patchbay.inbox.recipients import Target, conversation_for
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.ids import account_id
from patchbay.model.media import Media
from patchbay.testing.world import World
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


TELLS = replace(OTHER, capabilities=Capabilities(frozenset({"text"}), starts_with=frozenset({"external", "phone"})))
BOTH: dict[str, Channel] = {"telegram": TELLS, "pigeon": TELLS}


class Bots:
    """Accounts of two channels that start conversations with ids of their own making."""

    def __init__(self) -> None:
        self.world = World(now=T0)

    def account(self, channel: str, external_id: str, **more: Any) -> ChannelAccount:
        id = account_id(channel, external_id)
        named = {"channel": channel, "name": channel + external_id, "external_id": external_id, **more}
        return self.world.put(ACCOUNTS, ChannelAccount(id=id, created_at=T0, updated_at=T0, **named))

    def becomes(self, account: ChannelAccount, status: Any) -> None:
        self.world.put(ACCOUNTS, changed(self.world.get(ACCOUNTS, account.id), status=status))

    def writes(self, account: ChannelAccount, kind: Any, scope: ScopeKind, when: int = 0) -> None:
        value = "+15550007777" if kind == "phone" else "77"
        person = Person(keys=(IdentityKey(kind=kind, value=value, scope=scope),), name="Tess")
        event = received(id=f"{account.id}.{when}", person=person, when=when)
        self.world.run(lambda uow: apply_event(uow, Arrival(account, TELLS, "1"), event))

    def target(self, **named: Any) -> str:
        """The account that a message to the one contact goes out from, or the code of the refusal."""
        (contact,) = self.world.all(CONTACTS)
        target = Target(contact_id=contact.id, **named)
        try:
            conversation, _ = self.world.run(lambda uow: conversation_for(uow, BOTH, target))
        except Invalid as refused:
            return refused.errors[0].code
        return conversation.account_id


@pytest.mark.parametrize("scope", ["account", "portfolio", "global"])
def test_an_id_of_one_channel_is_offered_to_no_other(scope: ScopeKind) -> None:
    bots = Bots()
    telegram, pigeon = bots.account("telegram", "1"), bots.account("pigeon", "2")
    bots.writes(telegram, "external", scope)
    assert bots.target(account_id=pigeon.id) == "unreachable"
    bots.becomes(telegram, "disabled")
    assert bots.target() == "unreachable"


def test_an_id_that_one_account_gave_is_offered_to_no_other_account() -> None:
    bots = Bots()
    first, second = bots.account("telegram", "1"), bots.account("telegram", "2")
    bots.writes(first, "external", "account")
    assert bots.target(account_id=second.id) == "unreachable"
    assert bots.target() == first.id


def test_an_id_of_a_portfolio_reaches_the_accounts_of_that_portfolio() -> None:
    bots = Bots()
    first, sibling = bots.account("telegram", "1", portfolio_id="p"), bots.account("telegram", "2", portfolio_id="p")
    stranger = bots.account("telegram", "3", portfolio_id="q")
    bots.writes(first, "external", "portfolio")
    assert bots.target(account_id=sibling.id) == sibling.id
    assert bots.target(account_id=stranger.id) == "unreachable"


def test_a_phone_number_is_the_same_person_on_every_channel() -> None:
    bots = Bots()
    telegram, pigeon = bots.account("telegram", "1"), bots.account("pigeon", "2")
    bots.writes(telegram, "phone", "global")
    bots.becomes(telegram, "disabled")
    assert bots.target() == pigeon.id


def test_an_account_that_cannot_send_does_not_win_over_one_that_can() -> None:
    bots = Bots()
    first, second = bots.account("telegram", "1"), bots.account("telegram", "2")
    bots.writes(first, "external", "global", when=5)
    bots.writes(second, "external", "global", when=1)
    assert bots.target() == first.id
    bots.becomes(first, "reauth_required")
    assert bots.target() == second.id
    bots.becomes(second, "reauth_required")
    assert bots.target() == first.id, "where none can, the send says why"


def test_to_begin_with_somebody_the_accounts_that_can_send_are_asked_first() -> None:
    bots = Bots()
    gone, broken, works = (bots.account("telegram", each) for each in "123")
    bots.writes(gone, "phone", "global")
    for account, status in ((gone, "disabled"), (broken, "reauth_required"), (works, "reauth_required")):
        bots.becomes(account, status)
    assert bots.target() == "ambiguous"
    bots.becomes(works, "active")
    assert bots.target() == works.id


class Page(WhatsAppChannel):
    """It takes whatever is sent to whomever it knows."""

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        return None


def previewed(lines: TwoLines, content: AnyContent) -> list[dict[str, Any]]:
    channels = {**CHANNELS, "page": Page(WhatsAppSettings(), capabilities=OTHER.capabilities)}
    return lines.inbox.world.run(lambda uow: preview_on_each(uow, channels, lines.contact.id, content))


def test_a_preview_on_each_channel_begins_with_where_the_send_goes() -> None:
    lines = TwoLines()
    lines.writes_on_whatsapp(1)
    lines.writes_on_page(2)
    long = Text(text="x" * 5000)
    page, whatsapp = previewed(lines, long)
    assert (page["channel"], page["problem"]) == ("page", None)
    assert whatsapp["channel"] == "whatsapp"
    assert whatsapp["problem"]["code"] == "capability_unsupported"
    lines.inbox.world.now = at(25 * 3600 + 1)  # the window of WhatsApp is over, the page's is not
    page, whatsapp = previewed(lines, Text(text="Hi"))
    assert (page["problem"], whatsapp["problem"]["code"]) == (None, "window_closed")
    assert page["parts"] == [{"type": "text", "text": "Hi"}]
    assert page["conversation_id"] != whatsapp["conversation_id"]
    assert lines.channel_at(26) == "page"


class Astray(WhatsAppChannel):
    """It fails whenever it is asked about the window."""

    def closes_at(self, draft: Draft) -> Any:
        raise ZeroDivisionError


def test_a_channel_that_fails_costs_the_others_nothing() -> None:
    lines = TwoLines()
    lines.writes_on_whatsapp(1)
    lines.writes_on_page(2)
    broken = {**CHANNELS, "page": Astray(WhatsAppSettings(), capabilities=OTHER.capabilities)}
    target = Target(contact_id=lines.contact.id)
    conversation, _ = lines.inbox.world.run(lambda uow: conversation_for(uow, broken, target))
    assert conversation.channel == "whatsapp"


class Unable(Page):
    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        raise ZeroDivisionError


def test_a_channel_that_cannot_be_asked_is_a_problem_of_its_line_alone() -> None:
    lines = TwoLines()
    lines.writes_on_whatsapp(1)
    lines.writes_on_page(2)
    broken = {**CHANNELS, "page": Unable(WhatsAppSettings(), capabilities=OTHER.capabilities)}
    page, whatsapp = lines.inbox.world.run(
        lambda uow: preview_on_each(uow, broken, lines.contact.id, Text(text="x" * 5000))
    )
    assert (page["parts"], page["problem"]["code"]) == ([], "channel_failed")
    assert (whatsapp["problem"]["code"], whatsapp["problem"]["pointer"]) == ("capability_unsupported", "/content/text")
