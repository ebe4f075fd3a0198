"""What WhatsApp's error codes mean. No IO.

The same codes come in the answer to a send and later in statuses, messages and values of webhooks. The code decides,
never the title and never the HTTP status: the same throttle comes as 400 and as 429.

Sources: WhatsApp Cloud API, Support, Error codes (May 2026), for the meanings; the changelog and the pages of groups,
calling, flows and business-scoped user ids, for codes that this list lacks; david-lev/pywa, pywa/errors.py (August
2026), for the whole range of codes; nyaruka/courier, handlers/meta/whatsapp/api.go, for which of them are throttles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchbay.errors import MediaRefused, RecipientUnreachable, Rejected, WindowClosed
from patchbay.model.message import Failure
from patchbay_meta.graph import GraphErrors, Rule, broken, fail, retry, throttle
from patchbay_meta.refusals import (
    IdentityChanged,
    MarketingHeld,
    OptedOut,
    TemplateDisabled,
    TemplateMissing,
    TemplateParameters,
    TemplatePaused,
    TemplateRefused,
)

TEMPLATE_HINT = "Send an approved template: it opens the conversation again."
REQUEST_PHONE_HINT = "Ask for the phone number first, with an interactive contact request."
OUR_BUG = "This is a fault of the request, not of the recipient; the details name the parameter."
SYNC_TEMPLATES = "Sync the templates and compare name, language and variables."
ONE_HOUR_S = 3600.0

ACCOUNT_RULES: Mapping[int, Rule] = {
    33: broken("The business phone number was deleted.", "Connect another number."),
    131005: broken("Access was denied.", "Grant the app its permissions again."),
    131031: broken("The account is locked.", "Look into Business Support Home."),
    131037: broken("The number's display name is not approved yet.", "Wait for the approval, or ask for it."),
    131042: broken("There is a problem with the payment method.", "Settle it in the billing settings of the business."),
    131044: broken("There is a problem with the payment method.", "Settle it in the billing settings of the business."),
    131045: broken("The number's registration is broken.", "Register the number again."),
    133005: broken("The two-step PIN does not match.", "Set a new PIN and register the number again."),
    133006: broken("The number has to be verified again.", "Verify it, then register it."),
    133008: broken("The PIN was guessed too often.", "Wait as long as the details say, then register the number."),
    133009: broken("The PIN was entered too fast.", "Wait as long as the details say, then register the number."),
    133010: broken("The number is not registered.", "Register it at the Cloud API."),
    133016: broken(
        "The number was registered or deregistered too often.", "Wait 72 hours before registering it again."
    ),
    134011: broken("The terms of payments were not accepted.", "Accept them in the business settings."),
}
THROTTLES: Mapping[int, Rule] = {
    80007: throttle("parent", "The WhatsApp Business account made too many calls."),
    130429: throttle("account", "The number's throughput was reached."),
    131048: throttle(
        "account",
        "The number sends less for now: too many of its messages were blocked or reported.",
        after_s=ONE_HOUR_S,
        hint="Look at the number's quality before sending more.",
    ),
    131056: throttle("recipient", "Too many messages to this person in a short time.", after_s=6.0),
    131064: throttle(
        "account",
        "The messaging limit was cut because templates were in the wrong category.",
        after_s=ONE_HOUR_S,
        hint="Correct the categories of the templates.",
    ),
    131208: throttle("recipient", "Too many messages to this group in a short time."),
    132069: throttle("account", "The Flow was sent too often: ten an hour are left to it.", after_s=360.0),
}
RETRIES: Mapping[int, Rule] = {
    131000: retry("Something went wrong at WhatsApp.", limit=3),
    131016: retry("WhatsApp is not available just now."),
    131053: retry("WhatsApp could not take the file.", limit=2, settled=MediaRefused),
    131057: retry("The account is in maintenance.", after_s=60.0),
    133000: retry("The number's deregistration did not finish."),
    133004: retry("WhatsApp is not available just now."),
    133015: retry("The number was deleted a moment ago.", after_s=300.0),
    139102: retry("The block list was changed at the same time."),
    139103: retry("WhatsApp could not change the block list."),
    2494100: retry("The number is in maintenance.", after_s=60.0),
}
RECIPIENT_RULES: Mapping[int, Rule] = {
    130497: fail("The business may not message that country.", error=RecipientUnreachable),
    131021: fail("The recipient is the sending number itself.", error=RecipientUnreachable),
    131026: fail(
        "The message cannot be delivered to this person.",
        "They may not use WhatsApp, use an old version, or not have accepted its terms.",
        error=RecipientUnreachable,
    ),
    131030: fail(
        "The recipient is not on the test number's list.", "Add the number to the list.", error=RecipientUnreachable
    ),
    131062: fail(
        "This kind of message needs the person's phone number.", REQUEST_PHONE_HINT, error=RecipientUnreachable
    ),
    131047: fail("More than 24 hours have passed since the person wrote.", TEMPLATE_HINT, error=WindowClosed),
    130472: fail(
        "The person is in an experiment of Meta's: marketing is not sent to them.",
        "Do not send it again; service messages are not affected.",
        error=MarketingHeld,
    ),
    131049: fail(
        "WhatsApp held this marketing message back to keep the person's chats healthy.",
        "Do not send it again within 24 hours.",
        error=MarketingHeld,
    ),
    131050: fail("The person stopped marketing messages.", "Send no marketing to them.", error=OptedOut),
    137000: fail(
        "The person's identity key has changed.", "Verify who they are before sending on.", error=IdentityChanged
    ),
}
MESSAGE_RULES: Mapping[int, Rule] = {
    131008: fail("A parameter of the message is missing.", OUR_BUG),
    131009: fail("A parameter of the message is not valid.", OUR_BUG),
    131014: fail("WhatsApp could not fetch the file from its address.", error=MediaRefused),
    131020: fail("The group has too few members."),
    131041: fail("The group refused the message."),
    131051: fail("WhatsApp does not take this type of message."),
    131052: fail(
        "The file cannot be downloaded from WhatsApp.", "Ask the person to send it again.", error=MediaRefused
    ),
    131059: fail("The list of groups was read with a wrong cursor."),
    131063: fail(
        "Marketing templates are switched off at the Cloud API for this account.",
        "Send them through the Marketing Messages API.",
    ),
    131207: fail("The group is suspended."),
    131215: fail("The number may not use groups."),
    132068: fail("The Flow is blocked.", "Look at the Flow's health in the WhatsApp Manager."),
    135000: fail("WhatsApp refused the message without naming the parameter.", OUR_BUG),
    2593109: fail("The business declined to share the chat history."),
}
TEMPLATE_RULES: Mapping[int, Rule] = {
    132000: fail("The number of variables is not the template's.", SYNC_TEMPLATES, error=TemplateParameters),
    132001: fail("There is no approved template of this name in this language.", SYNC_TEMPLATES, error=TemplateMissing),
    132005: fail("The text is too long once the variables are filled in.", error=TemplateParameters),
    132007: fail("The content of the template breaks a policy of WhatsApp.", error=TemplateRefused),
    132008: fail("A variable has a value that the template does not take.", SYNC_TEMPLATES, error=TemplateParameters),
    132012: fail("A variable has another format than the template's.", SYNC_TEMPLATES, error=TemplateParameters),
    132015: fail("The template is paused for its quality.", "Use another until it is active.", error=TemplatePaused),
    132016: fail("The template was disabled for good.", "Use another template.", error=TemplateDisabled),
}
RANGES: Sequence[tuple[range, Rule]] = (
    (range(131201, 131216), fail("The group refused the message.")),
    (range(138000, 138019), fail("The call was refused.")),
    (range(139000, 139005), fail("The Flow was refused.")),
    (range(139100, 139104), fail("The block list was not changed for everybody.")),
    (range(147001, 147006), fail("The business username was refused.")),
    (range(2388000, 2389000), fail("The template or the number's migration was refused.", error=Rejected)),
)
ERRORS = GraphErrors(
    provider="WhatsApp",
    rules={
        **ACCOUNT_RULES,
        **THROTTLES,
        **RETRIES,
        **RECIPIENT_RULES,
        **MESSAGE_RULES,
        **TEMPLATE_RULES,
    },
    ranges=RANGES,
)


def failure(code: int | None, message: str, details: str | None) -> Failure:
    """What an error in a webhook means. ``message`` is WhatsApp's own title or sentence, kept where we know no better.

    ``code`` of the answer is one of ours: ``window_closed``, ``recipient_unreachable``, ``throttled``,
    ``provider_unavailable``, ``channel_reauth_required``, ``media_refused``, ``opted_out``, ``marketing_held``,
    ``identity_changed``, ``template_refused``, ``template_missing``, ``template_parameters``, ``template_paused``,
    ``template_disabled`` or ``rejected``.
    """
    return ERRORS.failure(code, message, details)
