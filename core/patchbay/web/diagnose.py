"""A look at one channel account: findings, each with one thing to do about it."""

from __future__ import annotations

from patchbay.channel import Finding
from patchbay.web.call import Call
from patchbay.web.channels import the_account
from patchbay.web.operations import Answer, Operations
from patchbay.web.schemas.channels import DiagnosisSchema

OPERATIONS = Operations("Channels")
WORST_FIRST = ("problem", "warning", "unknown", "ok")


@OPERATIONS.get("/channels/{account_id}/diagnose", "channels.read", answer=DiagnosisSchema)
async def diagnose_channel(call: Call) -> Answer:
    """Look for what keeps an account from working.

    Asks the provider and changes nothing: the token and what it may do, its end, the subscription, the secrets, the
    callback, the clock, and what came in last.
    """
    account = await the_account(call)
    findings = await call.gateway.diagnosis.look(account)
    worst = next(state for state in WORST_FIRST if any(finding.state == state for finding in findings))
    return Answer({"id": account.id, "state": worst, "findings": [_view(finding, account.id) for finding in findings]})


def _view(finding: Finding, account_id: str) -> dict[str, str | None]:
    fix = finding.fix.replace("{id}", account_id) if finding.fix else None
    return {"check": finding.check, "state": finding.state, "told": finding.told, "fix": fix}
