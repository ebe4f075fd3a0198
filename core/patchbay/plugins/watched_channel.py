"""A watch over a channel: its calls are plain functions on the paths of webhooks and messages.

They cannot have a deadline: nothing in one thread can end a function that does not return. What one raises goes on to
who called, as ever, and costs one webhook or one message there; the watch keeps the record, and turns what no contract
allows (a ``split`` that gives None, a ``verify`` that says False) into an error where it comes from. A watched call
costs a closure and a look at the answer, well below a microsecond; ``parse`` one for each item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from msgspec import Struct, ValidationError, msgpack

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    Channel,
    ConfiguredAccount,
    Finding,
    HandshakeAnswer,
    IdentityKey,
    InboundEvent,
    Item,
    Malformed,
    MediaSource,
    Person,
    SendReceipt,
    TokenState,
)
from patchbay.errors import PatchbayError, PluginError
from patchbay.model.conversation import Window
from patchbay.plugins.conduct import Junk, Record, kind
from patchbay.plugins.contain import Left

_packed = msgpack.Encoder().encode
_TYPES = frozenset({Item})
_AS_ITEMS = msgpack.Decoder(list[Item]).decode
_AS_ITEM = msgpack.Decoder(Item).decode
_AS_MALFORMED = msgpack.Decoder(Malformed).decode
PASSED_ON = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
Look = Callable[[Any], None]


def watched_channel(channel: Channel, record: Callable[[str], Record]) -> Channel:
    """The channel with a watch over each of its methods; all else is the channel's own."""
    return cast("Channel", _Watched(channel, record))


class _Watched:
    """Calls are attributes of the object, so that finding one costs what finding any attribute does."""

    def __init__(self, channel: Channel, record: Callable[[str], Record]) -> None:
        self._channel = channel
        for name in vars(Channel):
            call = getattr(channel, name, None)
            if not name.startswith("_") and callable(call) and not isinstance(call, type):
                kept = record(f"{name} of the channel {channel.name}")
                watched = _watched_call(call, name, kept)
                setattr(self, name, _items_of(watched, kept) if name == "parse" else watched)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def _watched_call(call: Callable[..., Any], name: str, record: Record) -> Callable[..., Any]:
    look, flows = LOOKS.get(name), name in ENDS

    def watched(*arguments: Any, **named: Any) -> Any:
        try:
            answer = call(*arguments, **named)
            if look is not None:
                look(answer)
            elif flows and not isinstance(answer, Generator):
                raise Junk(f"gave {kind(answer)} where a flow belongs")
        except BaseException as error:
            _keep(error, record)
            raise
        if look is None and isinstance(answer, Generator):
            return _watched_flow(answer, ENDS.get(name), record)
        if record.in_a_row:
            record.went_well()
        return answer

    return watched


def _items_of(parse: Callable[[bytes], Any], record: Record) -> Callable[[bytes], Sequence[Item | Malformed]]:
    """``parse``, with what is no item, or holds what no item may hold, as ``Malformed`` in its place.

    A number where an id belongs would be stored, and could never be read again: structs check what they are decoded
    from, not what they are made of. Encoding and decoding takes a microsecond for an item.
    """

    def parsed(body: bytes) -> Sequence[Item | Malformed]:
        items: Sequence[Item | Malformed] = parse(body)
        if _are_items(items):
            return items
        flaws = {at: flaw for at, item in enumerate(items) if (flaw := _flaw(item)) is not None}
        if not flaws:
            return items
        for flaw in flaws.values():
            record.failed(Junk(flaw))
        return [
            item if at not in flaws else Malformed(index=at, key=f"item:{at}", error=f"the channel {flaws[at]}")
            for at, item in enumerate(items)
        ]

    return parsed


def _are_items(items: Sequence[Any]) -> bool:
    """Whether nothing is wrong with any, all being an ``Item``: what nearly every webhook gives."""
    if not _TYPES.issuperset(map(type, items)):
        return False
    try:
        _AS_ITEMS(_packed(items))
    except Exception:
        return False
    return True


def _flaw(item: Any) -> str | None:
    """What is wrong with an item that ``parse`` gave, as the end of a sentence."""
    try:
        if isinstance(item, Item):
            _AS_ITEM(_packed(item))
        elif isinstance(item, Malformed):
            _AS_MALFORMED(_packed(item))
        else:
            return f"gave {kind(item)} where an Item or Malformed belongs"
    except ValidationError as error:
        return f"gave an item that cannot be kept: {error}"
    except Exception as error:
        return f"gave an item that cannot be kept: {type(error).__name__}"
    return None


def _watched_flow(
    flow: Generator[ApiRequest, ApiResponse, Any], look: Look | None, record: Record
) -> Generator[ApiRequest, ApiResponse, Any]:
    """The flow, request by request."""
    try:
        result = yield from _requests(flow)
        if look is not None:
            look(result)
    except BaseException as error:
        _keep(error, record)
        raise
    finally:
        flow.close()
    if record.in_a_row:
        record.went_well()
    return result


def _requests(flow: Generator[ApiRequest, ApiResponse, Any]) -> Generator[ApiRequest, ApiResponse, Any]:
    """What the flow yields, each looked at; its result."""
    try:
        request = next(flow)
        while True:
            if not isinstance(request, ApiRequest):
                raise Junk(f"gave {kind(request)} where an ApiRequest belongs")
            request = flow.send((yield request))
    except StopIteration as done:
        return done.value


def _keep(error: BaseException, record: Record) -> None:
    """Keep an error in the record, unless the contract foresees it. Raises ``Left`` for one that would end more than
    the call."""
    if isinstance(error, PASSED_ON) or (isinstance(error, PatchbayError) and not isinstance(error, PluginError)):
        return
    if isinstance(error, Exception):
        record.failed(error)
        return
    left = Left(type(error).__name__)
    record.failed(left)
    raise left from error


# what the answers must be


def _nothing(answer: Any) -> None:
    if answer is not None:
        raise Junk(f"gave {kind(answer)} where None belongs")


def _parts(answer: Any) -> None:
    _listed(Struct)(answer)
    if not answer:
        raise Junk("gave no part at all")


def _moment(answer: Any) -> None:
    if answer is not None and not (isinstance(answer, datetime) and answer.tzinfo is not None):
        raise Junk(f"gave {kind(answer)} where an aware datetime or None belongs")


def _one(*types: type) -> Look:
    names = " or ".join("None" if each is type(None) else each.__name__ for each in types)

    def look(answer: Any) -> None:
        if not isinstance(answer, types):
            raise Junk(f"gave {kind(answer)} where {names} belongs")

    return look


def _listed(of: type) -> Look:
    def look(answer: Any) -> None:
        if not isinstance(answer, list | tuple):
            raise Junk(f"gave {kind(answer)} where a list or tuple belongs")
        for each in answer:
            if not isinstance(each, of):
                raise Junk(f"gave {kind(each)} where each must be of {of.__name__}")

    return look


def _receipt(answer: Any) -> None:
    if not isinstance(answer, SendReceipt):
        raise Junk(f"gave {kind(answer)} where SendReceipt belongs")
    id: Any = answer.external_id
    if not isinstance(id, str) or not id:
        raise Junk(f"gave a receipt whose external_id is {kind(id)}")
    _RECIPIENT_KEYS(answer.recipient_keys)


def _kept(form: Any) -> Look:
    """Of what is stored: it is as it says only when it can be read again, for structs check what they are decoded from,
    not what they are made of."""
    decode = msgpack.Decoder(form).decode

    def look(answer: Any) -> None:
        try:
            decode(_packed(answer))
        except Exception as error:
            reason = str(error) if isinstance(error, ValidationError) else type(error).__name__
            raise Junk(f"gave something that cannot be kept: {reason}") from error

    return look


_RECIPIENT_KEYS = _kept(tuple[IdentityKey, ...])
LOOKS: Mapping[str, Look] = {  # at what is answered at once
    "parse": _listed(object),  # each of them is looked at by ``_flaw``
    "handshake": _one(HandshakeAnswer),
    "verify": _nothing,  # nobody shall think that False refuses
    "window": _one(Window),
    "closes_at": _moment,
    "split": _parts,
    "base_url": _one(str),
    "token": _one(str, type(None)),
    "configured_accounts": _listed(ConfiguredAccount),
    "gaps": _listed(str),
}
ENDS: Mapping[str, Look | None] = {  # at what flows return
    "send": _receipt,
    "react": _receipt,
    "mark_read": None,
    "typing": None,
    "acknowledge": None,
    "fetch_media": _one(MediaSource),
    "list_templates": _listed(Mapping),
    "fetch_profile": _kept(Person | None),
    "fetch_message": _kept(list[InboundEvent]),
    "check_account": _one(Mapping),
    "look_after_token": _one(TokenState, type(None)),
    "diagnose": _listed(Finding),
}
