"""Whom a send names, and which of our ids Meta knows a message by."""

from __future__ import annotations

import pytest

from patchbay.testing.outbound import identity, recipient
from patchbay_meta.messaging import COMMENT, POST, USER_REF
from patchbay_meta.messaging.people import user_ref_key
from patchbay_meta.messaging.recipients import has_mid, person_in, private_reply_to
from patchbay_meta.reading import digest


@pytest.mark.parametrize(
    "mid",
    [
        "m_Qf9998earlierInbound-xYz",
        "mid.$cAAJdkrCd2ORnva8",
        "mid.1457764197618:41d102a3e1ae206a38",
        "mid.1457764197618:41d102a3e1ae206a3841d102a3e1ae20",
        "aWdfZAG1fZARLIERINBOUND0001ZD",
        "m_Qf#2",
    ],
)
def test_an_id_of_metas_is_known_there(mid: str) -> None:
    assert has_mid(mid)


@pytest.mark.parametrize("kind", ["postback", "order", "referral", "optin", "account_linking", "policy-enforcement"])
def test_a_key_of_ours_is_not(kind: str) -> None:
    assert not has_mid(digest(kind, {"a": 1}))


@pytest.mark.parametrize("id", [COMMENT + "11_22", POST + "11_33"])
def test_a_comment_or_a_post_is_no_message(id: str) -> None:
    assert not has_mid(id)
    assert private_reply_to(id) is not None


def test_a_reference_is_no_id_where_people_are_known_by_a_kind_without_a_name() -> None:
    key = user_ref_key("abc")
    assert key.value == USER_REF + "abc"
    by_ref = identity("external", key.value, channel="threads")
    assert person_in(recipient(by_ref), "external") == {"user_ref": "abc"}
    assert person_in(recipient(by_ref, identity("external", "9", channel="threads")), "external") == {"id": "9"}
    assert person_in(recipient(identity("external", USER_REF, channel="threads")), "external") is None
