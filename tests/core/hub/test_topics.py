"""Topics."""

from __future__ import annotations

import pytest

from patchbay.errors import Invalid
from patchbay.hub.topics import INBOX, MAX_TOPICS, NOTHING, joined, parse_topics, without
from patchbay.model.event import Audience
from patchbay.model.principal import Principal

MARA = Principal(type="user", id="usr_mara")
HERE = Audience(conversation_id="cnv_1", department_id="dep_1", assignee_id="usr_ilse")


def test_the_inbox_is_everything() -> None:
    assert parse_topics(["inbox"]).matches(MARA, Audience())


@pytest.mark.parametrize(
    ("topic", "matches"),
    [
        ("conversation:cnv_1", True),
        ("conversation:cnv_2", False),
        ("department:dep_1", True),
        ("department:cnv_1", False),
        ("me", False),
    ],
)
def test_a_topic_is_about_its_rows_only(topic: str, matches: bool) -> None:
    assert parse_topics([topic]).matches(MARA, HERE) is matches


@pytest.mark.parametrize("audience", [Audience(assignee_id="usr_mara"), Audience(user_id="usr_mara")])
def test_me_is_what_is_assigned_or_addressed_to_me(audience: Audience) -> None:
    assert parse_topics(["me"]).matches(MARA, audience)


def test_nothing_matches_no_topic_even_where_rows_are_unset() -> None:
    assert not NOTHING.matches(MARA, Audience())
    assert not parse_topics(["conversation:x", "department:x", "me"]).matches(MARA, Audience())


@pytest.mark.parametrize("name", ["", "Inbox", "conversation:", "department:", "conversation", "team:1", "inbox "])
def test_an_unknown_topic_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_topics(["inbox", name])
    assert refused.value.problem_code == "unknown_topic"
    assert repr(name) in refused.value.detail


def test_subscribing_adds_and_unsubscribing_takes_away() -> None:
    both = joined(parse_topics(["me"]), parse_topics(["conversation:a", "conversation:b"]))
    assert both == parse_topics(["me", "conversation:a", "conversation:b"])
    assert without(both, parse_topics(["me", "conversation:a", "inbox"])) == parse_topics(["conversation:b"])
    assert without(INBOX, INBOX) == NOTHING


def test_the_topics_of_a_connection_are_bounded() -> None:
    many = parse_topics([f"conversation:{n}" for n in range(MAX_TOPICS)])
    assert joined(many, many) == many
    with pytest.raises(Invalid) as refused:
        joined(many, parse_topics(["me"]))
    assert refused.value.problem_code == "too_many_topics"


def test_connections_that_watch_the_inbox_share_one_object() -> None:
    assert parse_topics(["inbox"]) is INBOX
    assert joined(NOTHING, parse_topics(["inbox"])) is INBOX
