"""What error codes mean on Instagram, over those of the Send API. No IO.

Sources: Instagram Platform, Error codes; for subcodes from 2534000, several adapters' reports, which differ: what they
say is used for the sentence, and all but the waiting is permanent.
"""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.errors import RecipientUnreachable
from patchbay_meta.graph import GraphErrors, Rule, broken, fail, throttle
from patchbay_meta.messaging import errors as shared

NOT_FOUND_HINT = "Check that the person wrote to this very account, and that the token is of the account's login."
ANSWERED = fail("The comment was answered in private already.", "A comment takes one private reply.")
ARCHIVED = fail("The account archived or deleted the thread.", error=RecipientUnreachable)
LATER = throttle("account", "Too many private replies, or too fast.", after_s=600.0)
MALFORMED = fail("The template is not in a form that Instagram takes.")
NOT_FOR_APP = fail("The app may not send this.", "Ask for the feature in App Review.")

RULES: Mapping[int, Rule] = {
    **shared.RULES,
    200: broken("The app may not message this person.", "Ask for Advanced Access in App Review."),
    2534001: ARCHIVED,
    2534013: LATER,
    2534015: MALFORMED,
    2534029: shared.restricted(),
    2534037: NOT_FOR_APP,
    2534122: shared.restricted(),
}
_OWN: Mapping[tuple[int | None, int], Rule] = {
    (613, 2534040): throttle("account", "The account made too many calls."),
    (None, 2534001): ARCHIVED,
    (None, 2534013): LATER,
    (None, 2534014): fail(shared.NOT_KNOWN_REASON, NOT_FOUND_HINT, error=RecipientUnreachable),
    (None, 2534015): MALFORMED,
    (None, 2534025): ANSWERED,
    (None, 2534029): shared.restricted(),
    (None, 2534037): NOT_FOR_APP,
    (None, 2534122): shared.restricted(),
}
SUBCODES: Mapping[tuple[int | None, int], Rule] = {
    **shared.SUBCODES,
    (100, 33): fail("Meta does not know what the request names.", "Check the account's id and its login."),
    **_OWN,
}
ERRORS = GraphErrors("Instagram", rules=RULES, subcodes=SUBCODES, subcoded=shared.SUBCODED, by_status=True)
OWN_ERRORS = GraphErrors("Instagram", rules=RULES, subcodes={**shared.OWN_SUBCODES, **_OWN}, by_status=True)
