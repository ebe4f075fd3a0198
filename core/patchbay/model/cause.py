"""On whose behalf something is done: what a trail wants to know of a change beside the change itself. No IO."""

from __future__ import annotations

from patchbay.model.document import Value


class Cause(Value, frozen=True, kw_only=True):
    """What asked for a change.

    ``operation`` is the operation's name (``close_conversation``), ``socket.read`` for a frame, ``settings`` for what
    the configuration made. ``address`` is the client's, as far as proxies are trusted. ``session_id`` names the
    sign-in or the API key that was used.
    """

    operation: str
    permission: str | None = None
    request_id: str | None = None
    address: str | None = None
    session_id: str | None = None
    user_agent: str | None = None
