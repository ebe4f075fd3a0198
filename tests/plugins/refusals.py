"""What a channel refuses: before anything is sent, and what it makes of an error that its provider answers with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from patchbay.channel import ApiResponse, Channel, Recipient
from patchbay.errors import SendError, Unsupported
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.media import Media
from patchbay.testing.outbound import outgoing
from patchbay.testing.play import play


class Refused(Protocol):
    def __call__(self, content: AnyContent, media: Media | None = None, to: Recipient | None = None) -> Unsupported: ...


def refused_by(check: Callable[[AnyContent, Recipient, Media | None], None], usual: Recipient) -> Refused:
    """A function that gives the refusal of a content, which says why and what to do; to ``usual`` unless told."""

    def refused(content: AnyContent, media: Media | None = None, to: Recipient | None = None) -> Unsupported:
        with pytest.raises(Unsupported) as caught:
            check(content, usual if to is None else to, media)
        assert caught.value.reason
        assert caught.value.hint
        return caught.value

    return refused


def raised_by(channel: Channel, account: ChannelAccount, to: Recipient) -> Callable[[ApiResponse], SendError]:
    """A function that gives the error that a send ends with when it is answered so."""

    def sent_with(response: ApiResponse) -> SendError:
        with pytest.raises(SendError) as caught:
            play(channel.send(account, outgoing(Text(text="x"), to)), response)
        return caught.value

    return sent_with


def said(code: int, subcode: int | None = None, **more: Any) -> dict[str, Any]:
    """An error as Graph words it."""
    return {"message": "Said.", "code": code, **({} if subcode is None else {"error_subcode": subcode}), **more}
