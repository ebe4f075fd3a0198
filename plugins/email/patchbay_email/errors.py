"""Why a notice did not leave by e-mail. The sentences hold no secret, no recipient and nothing that was written."""

from __future__ import annotations

from patchbay.errors import PatchbayError


class EmailFailed(PatchbayError):
    """The notice was not handed over. The sentence names the setting that is probably wrong, if one is."""

    code = "email_failed"


class RecipientRefused(EmailFailed):
    """It is about this one recipient: no e-mail address, or not one that the server takes. E-mail as such works."""

    code = "email_recipient_refused"
