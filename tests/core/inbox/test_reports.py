"""What a provider says of an account, against what is known of it."""

from __future__ import annotations

import pytest

from patchbay.channel import AccountNotice
from patchbay.collections import ACCOUNTS
from patchbay.model.account import AccountStatus
from tests.core.inbox.builders import Inbox, at


@pytest.mark.parametrize(
    ("before", "after"),
    [("degraded", "active"), ("reauth_required", "reauth_required"), ("disabled", "disabled"), ("active", "active")],
)
def test_the_end_of_a_restriction_gives_no_new_token(before: AccountStatus, after: AccountStatus) -> None:
    inbox = Inbox()
    inbox.world.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, inbox.account.id), status=before))
    notice = AccountNotice(occurred_at=at(1), notice="policy", text="unblocked", status="active")
    assert inbox.arrive(notice).outcome == "applied"
    assert inbox.world.get(ACCOUNTS, inbox.account.id).status == after
    assert inbox.world.told()[-1] == "channel.notice"
