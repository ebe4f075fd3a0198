"""The look at an account over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import Finding
from patchbay.model.account import ChannelAccount

GOOD = Finding("account", "ok", "The account is active.")
NEW_TOKEN = "POST /api/v1/channels/{id}/reauthorize with new credentials."


class Looked:
    """What was found, given beforehand."""

    def __init__(self, *found: Finding) -> None:
        self.found = list(found)
        self.asked: list[str] = []

    async def look(self, account: ChannelAccount) -> list[Finding]:
        self.asked.append(account.id)
        return self.found


@pytest.mark.parametrize(
    ("found", "worst"),
    [
        ([GOOD], "ok"),
        ([GOOD, Finding("clock", "unknown", "?")], "unknown"),
        ([Finding("inbound", "warning", "Quiet."), Finding("clock", "unknown", "?")], "warning"),
        ([GOOD, Finding("token", "problem", "Gone.", NEW_TOKEN), Finding("inbound", "warning", "Quiet.")], "problem"),
    ],
)
async def test_findings_are_shown_in_order_with_the_worst_above(
    client: Any, gateway: Any, new_channel: Any, found: list[Finding], worst: str
) -> None:
    gateway.diagnosis = Looked(*found)
    account = await (await client.post("/api/v1/channels", json=new_channel)).json()
    answer = await client.get(f"/api/v1/channels/{account['id']}/diagnose")
    shown = await answer.json()
    assert (answer.status, shown["id"], shown["state"]) == (200, account["id"], worst)
    assert [(each["check"], each["state"], each["told"]) for each in shown["findings"]] == [
        (finding.check, finding.state, finding.told) for finding in found
    ]
    fixes = [each["fix"] for each in shown["findings"] if each["fix"]]
    assert all(account["id"] in fix for fix in fixes)
    assert gateway.diagnosis.asked == [account["id"]]


async def test_an_account_that_is_not_there_is_404(client: Any) -> None:
    assert (await client.get("/api/v1/channels/acc_none/diagnose")).status == 404
