"""What the error codes of the Send API mean, on Messenger and on Instagram. No IO.

The code and the subcode decide, never the sentence (it is translated) and never the HTTP status. What no table knows is
permanent, unless Meta calls it transient or answers 429 or 5xx.

Sources: Messenger Platform, Error codes (March 2026), Send API, Rate limiting; Graph API, Handling errors (subcodes of
190); nyaruka/courier, handlers/meta, for 36000. Subcodes from 2534000 are Instagram's; those without a page of Meta's
come from several adapters' reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchbay.errors import MediaRefused, OutcomeUnknown, RecipientUnreachable, WindowClosed
from patchbay_meta.graph import COMMON_SUBCODES, NEW_TOKEN, Rule, broken, fail, retry, throttle
from patchbay_meta.refusals import MarketingHeld

# How long a page that may not send for now is left alone: Meta names no time, vendors wait 30 min, doubling to 4 h.
RESTRICTED_S = 1800.0
RESTRICTED_UP_TO_S = 14_400.0
FETCH_TRIES = 3
CLOSED_REASON = "The time in which the person can be answered is over."
UNAVAILABLE_REASON = "The person cannot be reached: they blocked the account, left, or deleted the thread."
NOT_KNOWN_REASON = "Meta knows no such person on this account."
FILE_REASON = "Meta could not take the file."
RESTRICTED_HINT = "See Business Support Home; sending goes on by itself once Meta allows it."
ABUSIVE_HINT = "Stop what is sent automatically and see Business Support Home; the rest goes on once Meta allows it."


def _unreachable(reason: str, hint: str | None = None) -> Rule:
    return fail(reason, hint, error=RecipientUnreachable)


def _file() -> Rule:
    return retry(FILE_REASON, limit=FETCH_TRIES, settled=MediaRefused)


def restricted() -> Rule:
    """The account may not send for some time; its messages wait."""
    return throttle(
        "account",
        "Meta keeps the account from sending for now.",
        after_s=RESTRICTED_S,
        grows_to_s=RESTRICTED_UP_TO_S,
        hint=RESTRICTED_HINT,
    )


RULES: Mapping[int, Rule] = {
    -1: retry("Meta reported an unknown error.", limit=3),
    2: retry("Meta's service is down or overloaded, or the person blocked the account.", limit=5),
    9: fail("The same was done too often.", "Wait before you do it again."),
    32: throttle("account", "The account made too many calls."),
    551: _unreachable(UNAVAILABLE_REASON),
    1200: retry("Meta could not send it just now."),
    2022: fail("Messages about purchases are switched off for this account."),
    10900: fail("The comment was answered in private already.", "A comment takes one private reply."),
    10903: _unreachable("The writer of the comment cannot be answered in private."),
    10904: fail("The account takes no messages.", "Switch messages on in the settings of the page."),
    368: throttle(
        "account",
        "Meta blocked the account's messages as abusive for now.",
        after_s=RESTRICTED_S,
        grows_to_s=RESTRICTED_UP_TO_S,
        hint=ABUSIVE_HINT,
    ),
    36000: fail("The image is too large.", "Make it smaller.", error=MediaRefused),
    80001: throttle("account", "The page made too many calls."),
    80002: throttle("account", "The Instagram account made too many calls."),
    80006: throttle("account", "The page made too many calls for Messenger."),
    1545041: _unreachable(UNAVAILABLE_REASON),
    2018218: fail("The person's profile cannot be read."),
    2018247: fail("The app may not read profiles.", "Ask for the feature in App Review."),
    2300052: fail("The person gets no more marketing for now.", "Do not send it again soon.", error=MarketingHeld),
    9000001: fail("The message was deleted, or is too old to be read."),
}
_TOKEN_SUBCODES: Mapping[int, str] = {
    458: "The person took the app out of their account.",
    459: "The person has to pass a security check at Meta.",
    460: "The person changed their password.",
    463: "The access token has expired.",
    464: "The person's account is not confirmed.",
    467: "The access token is not valid any more.",
    492: "The person has no role on the page any more.",
}
SUBCODES: Mapping[tuple[int | None, int], Rule] = {
    (1, 1357046): Rule(OutcomeUnknown, "Meta lost track of its own answer: the message may have been sent."),
    (2, 2018344): fail("The page has not accepted the terms of labels.", "Accept them in the page's settings."),
    (4, 2018354): fail("The person got a notification of this kind a short while ago.", "Send it later."),
    (10, 2018065): fail(CLOSED_REASON, error=WindowClosed),
    (10, 2018108): _unreachable("The person takes no messages from this account."),
    (10, 2018278): fail(CLOSED_REASON, error=WindowClosed),
    (100, 33): _unreachable(NOT_KNOWN_REASON, "Check that the account's token belongs to this account."),
    (100, 2018007): _file(),
    (100, 2018008): _file(),
    (100, 2018047): _file(),
    (100, 2018294): _file(),
    (100, 2018034): fail("The message is empty or not in a form that Meta reads."),
    (100, 2018074): retry("Meta has lost the file: it is uploaded again.", limit=2, settled=MediaRefused),
    (100, 2018109): fail("The file is too large.", "Make it smaller, or send a link.", error=MediaRefused),
    **{(190, subcode): broken(reason, NEW_TOKEN) for subcode, reason in _TOKEN_SUBCODES.items()},
    (200, 2018028): fail(
        "The app may message people with a role in it only.", "Ask for Advanced Access in App Review."
    ),
    (None, 1545041): _unreachable(UNAVAILABLE_REASON),
    (None, 1545133): retry("Meta's service is not available just now."),
    (None, 1893063): restricted(),
    (None, 2018001): _unreachable(NOT_KNOWN_REASON),
    (None, 2534022): fail(CLOSED_REASON, error=WindowClosed),
}
# A permission that lacks, said with a subcode that no page explains: of one message, for all that is known. The bare
# code is of the account; a subcode that turned out to be of the account belongs into the table above.
SUBCODED: Sequence[tuple[range, Rule]] = tuple(
    (codes, fail("Meta did not allow this message.", "The details say why; the account goes on."))
    for codes in (range(10, 11), range(200, 300))
)
# What a look-up of the account says by 100/33 is about the account, not about a person.
OWN_SUBCODES: Mapping[tuple[int | None, int], Rule] = {**SUBCODES, (100, 33): COMMON_SUBCODES[(100, 33)]}
