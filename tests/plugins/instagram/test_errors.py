"""The rows of the error table that are Instagram's; what it shares with Messenger is tested there."""

from __future__ import annotations

import pytest

from patchbay.errors import (
    AccountBroken,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
    WindowClosed,
)
from patchbay.testing.outbound import account, identity, recipient
from patchbay.testing.play import answer
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.errors import ERRORS
from patchbay_instagram.settings import InstagramSettings
from patchbay_meta.messaging import errors as shared
from tests.plugins.refusals import raised_by, said

CHANNEL = InstagramChannel(InstagramSettings())
LOGIN = account("instagram", "1784", login="instagram")
TO = recipient(identity("igsid", "9001", channel="instagram"))
sent_with = raised_by(CHANNEL, LOGIN, TO)

# The provider's table and field reports, written down apart from the code: (code, subcode or None).
TABLE: dict[type[SendError], list[tuple[int, int | None]]] = {
    WindowClosed: [(10, 2534022), (100, 2534022)],
    RecipientUnreachable: [
        *((100, 2534014), (10, 2534014), (200, 2534014), (10, 2018001), (100, 2534001), (2534001, None)),
        *((551, None), (1545041, None), (551, 1545041)),
    ],
    AccountBroken: [
        (10, None),
        (3, None),
        (190, None),
        (190, 460),
        (190, 463),
        (190, 2534014),
        (200, None),
        (230, None),
    ],
    Throttled: [
        *((4, None), (17, None), (32, None), (80002, None), (613, None), (613, 2534040)),
        *((2534013, None), (100, 2534013), (2534029, None), (10, 2534029), (2534122, None), (10, 2534122)),
        *((10, 1893063), (368, None)),
    ],
    Unavailable: [(2, None), (2, 1545133), (1, None)],
    Rejected: [
        *((10, 2534025), (100, 2534025), (100, 33), (100, None), (9000001, None)),
        *((2534015, None), (100, 2534015), (2534037, None), (100, 2534037), (100, 2534999)),
        *((10, 2534099), (200, 2534099), (230, 2534099)),
    ],
}
ROWS = [(code, subcode, kind) for kind, rows in TABLE.items() for code, subcode in rows]


@pytest.mark.parametrize(("code", "subcode", "kind"), ROWS)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_a_send_raises_what_the_table_says(code: int, subcode: int | None, kind: type[SendError], status: int) -> None:
    error = sent_with(answer(status, error=said(code, subcode)))
    assert type(error) is kind
    assert (error.provider_code, error.provider_subcode) == (str(code), None if subcode is None else str(subcode))
    assert error.reason
    assert error.details == "Said."


def test_every_rule_of_its_own_is_in_the_table_of_this_test() -> None:
    codes, subcodes = {code for code, _, _ in ROWS}, {subcode for _, subcode, _ in ROWS}
    assert {code for code, rule in ERRORS.rules.items() if shared.RULES.get(code) != rule} <= codes
    assert {sub for (_, sub), rule in ERRORS.subcodes.items() if rule not in shared.SUBCODES.values()} <= subcodes


@pytest.mark.parametrize("subcode", [1893063, 2534029, 2534122])
def test_an_account_that_is_restricted_waits_half_an_hour(subcode: int) -> None:
    error = sent_with(answer(400, error=said(10, subcode)))
    assert isinstance(error, Throttled)
    assert (error.scope, error.retry_after_s) == ("account", 1800.0)


def test_the_usage_header_says_how_long_a_throttle_lasts() -> None:
    header = '{"17841400000000001": [{"type": "instagram", "estimated_time_to_regain_access": 7}]}'
    error = sent_with(answer(400, {"x-business-use-case-usage": header}, error=said(80002)))
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 420.0


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (500, Unavailable), (429, Throttled)])
def test_an_unknown_subcode_is_permanent_unless_the_status_says_otherwise(status: int, kind: type[SendError]) -> None:
    assert type(sent_with(answer(status, error=said(999_999, 2534998)))) is kind
