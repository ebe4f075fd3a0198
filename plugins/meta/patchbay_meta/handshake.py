"""The verification of a callback URL: ``hub.mode``, ``hub.verify_token``, ``hub.challenge``. No IO.

Source: Graph API, Webhooks, Verification requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hmac import compare_digest

from patchbay.channel import HandshakeAnswer

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)  # all that is echoed: nothing a browser would run
_REFUSED = HandshakeAnswer(text=None)


def answer(query: Mapping[str, str], verify_token: str | None) -> HandshakeAnswer:
    """The challenge when the token is ours, else a refusal; never raises. Without a token of ours all are refused."""
    given, challenge = query.get("hub.verify_token"), query.get("hub.challenge")
    if not verify_token or not given or not challenge or query.get("hub.mode") != "subscribe":
        return _REFUSED
    if not compare_digest(given.encode("utf-8", "surrogatepass"), verify_token.encode("utf-8", "surrogatepass")):
        return _REFUSED
    return HandshakeAnswer(text=challenge) if _CHALLENGE.fullmatch(challenge) else _REFUSED
