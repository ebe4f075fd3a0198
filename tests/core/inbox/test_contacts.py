"""Contacts: made, changed, blocked, deleted, merged, and taken apart again."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import IdentityKey, Person
from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MERGES, NOTES, THREADS
from patchbay.errors import Invalid, NotFound, StateConflict, VersionConflict
from patchbay.inbox.consent import set_blocked
from patchbay.inbox.contacts import (
    change_contact,
    create_contact,
    delete_contact,
    link_identity,
)
from patchbay.inbox.gone import refuse_blocked
from patchbay.inbox.lifecycle import close
from patchbay.inbox.merging import merge_contacts, unmerge_contact
from patchbay.inbox.notes import add_contact_note
from patchbay.inbox.tags import create_tag
from patchbay.model.contact import Contact
from tests.core.inbox.builders import AGENT, BSUID, CHANNELS, MARA, Inbox

BEN = Person(keys=(IdentityKey(kind="phone", value="+15550002222"),), name="Ben Ott")


def named(inbox: Inbox, name: str) -> Contact:
    return next(contact for contact in inbox.world.all(CONTACTS) if contact.display_name == name)


def two_people() -> tuple[Inbox, Contact, Contact]:
    """Mara, who has a closed and an open conversation, and Ben with one."""
    inbox = Inbox()
    inbox.say(id="wamid.1", person=MARA)
    inbox.world.run(lambda uow: close(uow, inbox.conversation.id))
    inbox.say(id="wamid.2", person=MARA, at=10)
    inbox.say(id="wamid.3", person=BEN, at=20)
    mara = named(inbox, "Mara Voss")
    inbox.world.run(lambda uow: add_contact_note(uow, mara.id, "Prefers mornings"), actor=AGENT)
    return inbox, mara, named(inbox, "Ben Ott")


def merge(inbox: Inbox, source: Contact, target: Contact, **more: Any) -> Contact:
    return inbox.world.run(lambda uow: merge_contacts(uow, source.id, target.id, **more), actor=AGENT)


def unmerge(inbox: Inbox, source: Contact, **more: Any) -> Contact:
    return inbox.world.run(lambda uow: unmerge_contact(uow, source.id, **more), actor=AGENT)


def whose(inbox: Inbox) -> dict[str, str]:
    """Everything that belongs to a contact, by id."""
    world = inbox.world
    items: list[Any] = [*world.all(IDENTITIES), *world.all(THREADS), *world.all(CONVERSATIONS), *world.all(NOTES)]
    return {item.id: item.contact_id for item in items}


def test_a_merge_moves_everything_of_the_source_in_one_commit() -> None:
    inbox, mara, ben = two_people()
    events = len(inbox.world.events)
    merged = merge(inbox, mara, ben)
    assert (merged.status, merged.merged_into_id) == ("merged", ben.id)
    assert set(whose(inbox).values()) == {ben.id}
    assert inbox.world.told(events) == ["contact.merged", "conversation.updated"]
    assert inbox.world.data(events)["target"]["id"] == ben.id
    open_ones = [each for each in inbox.world.all(CONVERSATIONS) if each.status != "closed"]
    assert len(open_ones) == 2, "each thread keeps its own"
    (record,) = inbox.world.all(MERGES)
    assert (len(record.identity_ids), len(record.thread_ids), len(record.conversation_ids)) == (1, 1, 2)


def test_what_the_person_writes_after_a_merge_is_the_targets() -> None:
    inbox, mara, ben = two_people()
    merge(inbox, mara, ben)
    message = inbox.say("Me again", id="wamid.4", person=MARA, at=30)
    conversation = inbox.world.get(CONVERSATIONS, message.conversation_id or "")
    assert (conversation.contact_id, message.author.id) == (ben.id, ben.id)


def test_unmerging_gives_back_exactly_what_was_moved_and_what_came_on_its_lines_since() -> None:
    inbox, mara, ben = two_people()
    before = whose(inbox)
    merge(inbox, mara, ben)
    inbox.say("Here too", id="wamid.4", person=Person(keys=(*MARA.keys, BSUID)), at=30)
    ours = next(each for each in inbox.world.all(CONVERSATIONS) if each.id not in before or before[each.id] == mara.id)
    inbox.world.run(lambda uow: close(uow, ours.id))
    again = unmerge(inbox, mara)
    assert (again.status, again.merged_into_id) == ("active", None)
    after = whose(inbox)
    assert {id: after[id] for id in before} == before
    linked = next(identity for identity in inbox.world.all(IDENTITIES) if identity.kind == "wa_bsuid")
    assert linked.contact_id == mara.id
    assert inbox.world.data()["id"] in {mara.id, *(each.id for each in inbox.world.all(CONVERSATIONS))}
    assert inbox.world.all(MERGES)[0].undone_at is not None
    with pytest.raises(StateConflict):
        unmerge(inbox, mara)


def test_merging_again_after_undoing_can_be_undone_again() -> None:
    inbox, mara, ben = two_people()
    before = whose(inbox)
    for _ in range(3):
        merge(inbox, mara, ben)
        unmerge(inbox, mara)
    assert whose(inbox) == before


def test_rings_and_merges_with_oneself_are_refused() -> None:
    inbox, mara, ben = two_people()
    with pytest.raises(Invalid) as refused:
        merge(inbox, mara, mara)
    assert refused.value.errors[0].pointer == "/target_contact_id"
    merge(inbox, mara, ben)
    with pytest.raises(StateConflict) as ring:
        merge(inbox, ben, mara)
    assert ring.value.extra == {"merged_into_id": ben.id}
    with pytest.raises(NotFound):
        inbox.world.run(lambda uow: merge_contacts(uow, ben.id, "ctc_none"))


def test_chains_of_merges_are_undone_in_reverse_order() -> None:
    inbox, mara, ben = two_people()
    cleo = inbox.world.run(lambda uow: create_contact(uow, display_name="Cleo"))
    before = whose(inbox)
    merge(inbox, mara, ben)
    merge(inbox, ben, cleo)
    assert set(whose(inbox).values()) == {cleo.id}
    with pytest.raises(StateConflict) as refused:
        unmerge(inbox, mara)
    assert refused.value.extra == {"merged_into_id": cleo.id}
    unmerge(inbox, ben)
    unmerge(inbox, mara)
    assert whose(inbox) == before


def test_a_blocked_contact_is_blocked_again_after_unmerging() -> None:
    inbox, mara, ben = two_people()
    inbox.world.run(lambda uow: set_blocked(uow, mara.id, True))
    merge(inbox, inbox.world.get(CONTACTS, mara.id), ben)
    assert unmerge(inbox, mara).status == "blocked"


def test_a_version_that_was_not_seen_is_refused() -> None:
    inbox, mara, ben = two_people()
    with pytest.raises(VersionConflict):
        merge(inbox, mara, ben, expected=mara.version + 1)
    merge(inbox, mara, ben, expected=mara.version)
    with pytest.raises(VersionConflict):
        unmerge(inbox, mara, expected=mara.version)


def test_nothing_is_sent_to_who_is_blocked_even_through_a_merge() -> None:
    inbox, mara, ben = two_people()
    inbox.world.run(lambda uow: set_blocked(uow, ben.id, True))
    assert inbox.world.told()[-1] == "contact.blocked"
    merge(inbox, mara, inbox.world.get(CONTACTS, ben.id))
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: refuse_blocked(uow, mara.id))
    assert refused.value.problem_code == "contact_blocked"
    inbox.world.run(lambda uow: set_blocked(uow, ben.id, False))
    inbox.world.run(lambda uow: refuse_blocked(uow, mara.id))


def test_a_merged_contact_cannot_be_changed() -> None:
    inbox, mara, ben = two_people()
    merge(inbox, mara, ben)
    for change in (
        lambda uow: change_contact(uow, mara.id, {"display_name": "M"}),
        lambda uow: set_blocked(uow, mara.id, True),
        lambda uow: delete_contact(uow, mara.id),
    ):
        with pytest.raises(StateConflict) as refused:
            inbox.world.run(change)
        assert refused.value.extra == {"merged_into_id": ben.id}


def test_only_who_never_spoke_can_be_deleted() -> None:
    inbox, mara, _ = two_people()
    with pytest.raises(StateConflict):
        inbox.world.run(lambda uow: delete_contact(uow, mara.id))
    cleo = inbox.world.run(lambda uow: create_contact(uow, display_name="Cleo"))
    link(inbox, cleo, kind="email", value="Cleo@Example.com")
    inbox.world.run(lambda uow: add_contact_note(uow, cleo.id, "x"))
    inbox.world.run(lambda uow: delete_contact(uow, cleo.id))
    assert cleo.id not in {*whose(inbox).values(), *(contact.id for contact in inbox.world.all(CONTACTS))}
    assert inbox.world.told()[-1] == "contact.deleted"
    assert len(inbox.world.all(CONTACTS)) == 2


def link(inbox: Inbox, contact: Contact, **identity: Any) -> Any:
    identity.setdefault("channel", "whatsapp")
    return inbox.world.run(lambda uow: link_identity(uow, CHANNELS, contact.id, **identity))


def test_an_identity_by_hand_is_normalised_and_owns_a_line_of_its_own() -> None:
    inbox, mara, _ = two_people()
    identity = link(inbox, mara, kind="phone", value="+1 (555) 000-3333")
    assert (identity.value, identity.line_id, identity.proof) == ("+15550003333", identity.id, "agent")
    assert link(inbox, mara, kind="email", value=" Mara@Example.COM ").value == "mara@example.com"


@pytest.mark.parametrize(
    ("identity", "pointer"),
    [
        ({"kind": "phone", "value": "0555"}, "/value"),
        ({"kind": "email", "value": "mara"}, "/value"),
        ({"kind": "external", "value": "x"}, "/account_id"),
        ({"kind": "external", "value": "x", "account_id": "acc_none"}, "/account_id"),
        ({"kind": "phone", "value": "+15550003333", "channel": "smoke"}, "/channel"),
        ({"kind": "phone", "value": "+15550003333", "channel": None}, "/channel"),
    ],
)
def test_what_is_wrong_with_an_identity_is_named(identity: dict[str, Any], pointer: str) -> None:
    inbox, mara, _ = two_people()
    with pytest.raises(Invalid) as refused:
        link(inbox, mara, **identity)
    assert refused.value.errors[0].pointer == pointer


def test_an_identity_of_another_contact_is_refused_with_whose_it_is() -> None:
    inbox, mara, ben = two_people()
    with pytest.raises(StateConflict) as refused:
        link(inbox, mara, kind="phone", value="+15550002222")
    assert (refused.value.problem_code, refused.value.extra["contact_id"]) == ("already_exists", ben.id)
    assert refused.value.hint


def test_kinds_of_one_account_are_scoped_to_it() -> None:
    inbox, mara, _ = two_people()
    identity = link(inbox, mara, kind="external", value="x-1", account_id=inbox.account.id, channel=None)
    assert (identity.scope, identity.channel) == (inbox.account.id, "whatsapp")


def test_attributes_and_consent_are_merged_and_tags_replaced() -> None:
    inbox, mara, _ = two_people()
    inbox.world.run(lambda uow: create_tag(uow, "Großkunde"))
    first = {"attributes": {"a": 1, "b": 2}, "consent": {"marketing": "granted"}, "tags": ["grosskunde"]}
    inbox.world.run(lambda uow: change_contact(uow, mara.id, first))
    second = {"attributes": {"a": None}, "consent": {"marketing": "stop"}, "locale": "pt"}
    changed = inbox.world.run(lambda uow: change_contact(uow, mara.id, second))
    assert (changed.attributes, changed.consent, changed.tags) == ({"b": 2}, {"marketing": "stop"}, ("grosskunde",))
    assert inbox.world.data()["changed"] == ["attributes", "consent", "locale"]
    events = len(inbox.world.events)
    assert inbox.world.run(lambda uow: change_contact(uow, mara.id, {"locale": "pt"})) == changed
    assert len(inbox.world.events) == events
