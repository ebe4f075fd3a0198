"""The envelope of Messenger's and Instagram's webhooks: entries to events, each event to items. No IO.

A channel says what it is and how it reads each kind of event, and gets its ``parse``::

    PLATFORM = Platform(
        object="page",
        person="psid",
        kinds={"message": messages, "read": single(read)},  # by the key that stands beside sender and recipient
        fields={"feed": feed},  # by the field of a change
    )

    def messages(event: Event, raw: dict[str, Any]) -> Iterator[Update]:  # raw is what stands under "message"
        mid = text(raw, "mid")
        yield Update(event.key("message", mid), lambda: MessageReceived(occurred_at=event.moment(), ...))

    def read(event: Event, raw: dict[str, Any], key: str) -> InboundEvent: ...  # single: one update, keyed by content

    def parse(body: bytes) -> tuple[Item | Malformed, ...]:
        return read_webhook(body, PLATFORM)

Every update is read by itself: one that cannot be read becomes ``Malformed`` and its neighbours go on. ``Update.read``
raises ``Odd`` for what it cannot read. Keys are made before reading, from the ids that Meta gives or else from the
event's content, never from the entry's, so they are the same at every delivery and for a duplicate in one body.
Source: Messenger Platform, Webhooks, "Event notifications".
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from patchbay.channel.inbound import UNDATED, AccountRef, Ignored, InboundEvent, Item, Malformed, Unrecognised
from patchbay.errors import BadPayload
from patchbay_meta.messaging.event import Event, Platform, Read, Update, Updates, single
from patchbay_meta.messaging.people import person_of
from patchbay_meta.reading import Odd, digest, each, moment_of, part, text

__all__ = ["Event", "Platform", "Read", "Update", "Updates", "read_webhook", "single"]

# What the app dashboard's Test button sends: of an entry without an account, or between two that are nobody, from the
# first to the second. Source: Instagram Platform, Webhooks, sample payloads.
TEST_ENTRY = "0"
TEST_SIDES = ("12334", "23245")
# What stands beside an event's kinds and is none itself.
COMPANIONS = frozenset({"sender", "recipient", "timestamp", "prior_message", "hop_context"})

_decode = msgspec.json.Decoder().decode
_ENTRY = frozenset({"id", "time", "messaging", "standby", "changes"})


def read_webhook(body: bytes, platform: Platform) -> tuple[Item | Malformed, ...]:
    """All items of a webhook, in order. Raises ``BadPayload`` when it is none of this platform, and nothing else."""
    items: list[Item | Malformed] = []
    try:
        for entry in _entries(body, platform.object):
            if isinstance(entry, dict):
                _read_entry(platform, entry, items)
            else:
                _malformed(items, digest("entry", entry), "the entry is not an object")
    except RecursionError as error:
        raise BadPayload("the body is nested too deeply") from error
    return tuple(items)


def _entries(body: bytes, object: str) -> list[Any]:
    try:
        payload = _decode(body)
    except ValueError as error:  # msgspec's errors, and those of text that is not UTF-8
        raise BadPayload("the body is not JSON") from error
    if not isinstance(payload, dict) or payload.get("object") != object:
        raise BadPayload(f'the body is not an object of "object": "{object}"')
    entries = payload.get("entry")
    if not isinstance(entries, list):
        raise BadPayload("entry is not a list")
    return entries


def _read_entry(platform: Platform, entry: dict[str, Any], items: list[Item | Malformed]) -> None:
    before = len(items)
    for name in ("messaging", "standby"):
        for raw in each(entry, name):
            if isinstance(raw, dict):
                _read_event(platform, _event(platform, entry, raw, standby=name == "standby"), items)
            else:
                _malformed(items, digest(name, raw), "the event is not an object")
    for change in each(entry, "changes"):
        _read_change(platform, entry, change, items)
    if "field" in entry:  # as some pages of Instagram's documentation print a change: without the list
        _read_change(platform, entry, entry, items)
    if len(items) == before:
        _read_rest(platform, entry, items)


def _read_rest(platform: Platform, entry: dict[str, Any], items: list[Item | Malformed]) -> None:
    """An entry without events: kept by name where it holds something else."""
    event = Event(
        entry_id=text(entry, "id"),
        account=_account(platform, entry),
        raw=entry,
        occurred_at=moment_of(entry.get("time")),
    )
    names = ", ".join(name for name in entry if name not in _ENTRY)
    if names:
        _put(items, event, digest("entry", entry), _unrecognised(event, names, "Entries with this are not known here."))
    else:
        _put(items, event, digest("entry", entry), _ignored(event, "the entry holds no events"))


def _read_change(platform: Platform, entry: dict[str, Any], change: Any, items: list[Item | Malformed]) -> None:
    field, value = (text(change, "field"), change.get("value")) if isinstance(change, dict) else (None, None)
    if field is None:
        _malformed(items, digest("change", text(entry, "id"), change), "the change has no field")
        return
    if isinstance(value, dict) and _is_event(platform, value):
        _read_event(platform, _event(platform, entry, value), items)
        return
    event = Event(
        entry_id=text(entry, "id"),
        account=_account(platform, entry),
        raw=value if isinstance(value, dict) else {"value": value},
        occurred_at=moment_of(entry.get("time")),
        kind=field,
        field=field,
    )
    updates = platform.fields.get(field)
    if event.entry_id == TEST_ENTRY:
        _put(items, event, event.key(field), _ignored(event, f"a test of the field {field} by the app's dashboard"))
    elif updates is None:
        said = _unrecognised(event, field, "Changes of this field are not known here.")
        _put(items, event, event.key(field), said)
    else:
        _read_updates(event, updates, value, items)


def _is_event(platform: Platform, value: dict[str, Any]) -> bool:
    """Whether a change's value is a messaging event, as the dashboard's tests are; some come without both sides."""
    return bool(part(value, "sender") or part(value, "recipient")) or any(part(value, kind) for kind in platform.kinds)


def _read_event(platform: Platform, event: Event, items: list[Item | Malformed]) -> None:
    if event.entry_id == TEST_ENTRY or _sides(event.raw) == TEST_SIDES:
        _put(items, event, event.key("event"), _ignored(event, "a test event of the app's dashboard"))
        return
    if event.misrouted and not platform.or_parent:
        _put(items, event, event.key("event"), _ignored(event, "it names neither side as the account of its entry"))
        return
    known = [kind for kind in event.kinds if kind in platform.kinds]
    if not known:
        what = ", ".join(event.kinds) or "event"
        said = _unrecognised(event, what, "Events of this kind are not known here.")
        _put(items, event, event.key("event"), said)
    for kind in known:
        _read_updates(replace(event, kind=kind), platform.kinds[kind], event.raw[kind], items)


def _read_updates(event: Event, updates: Updates, raw: Any, items: list[Item | Malformed]) -> None:
    before = len(items)
    if not isinstance(raw, dict):
        _malformed(items, event.key(event.kind), f"{event.kind} is not an object")
        return
    try:
        for update in updates(event, raw):
            _read(event, update, items)
    except RecursionError:
        raise
    except Odd as error:
        _malformed(items, event.key(event.kind), str(error))
    except Exception as error:  # a fault of ours: what was read stays, and a replay after the repair reads the rest
        _malformed(items, event.key(event.kind), f"unexpected {type(error).__name__}")
    if len(items) == before:
        _put(items, event, event.key(event.kind), _unrecognised(event, event.kind, "Nothing that is known is in it."))


def _read(event: Event, update: Update, items: list[Item | Malformed]) -> None:
    try:
        _put(items, event, update.key, update.read())
    except RecursionError:
        raise
    except Odd as error:
        _malformed(items, update.key, str(error))
    except Exception as error:  # as above; its neighbours go on
        _malformed(items, update.key, f"unexpected {type(error).__name__}")


def _event(platform: Platform, entry: dict[str, Any], raw: dict[str, Any], *, standby: bool = False) -> Event:
    """An event with its two sides told apart: by the entry's id, and by the echo's mark where no id is the entry's."""
    entry_id = text(entry, "id")
    sender, recipient = part(raw, "sender"), part(raw, "recipient")
    sender_id, recipient_id = _sides(raw)
    ours = [id is not None and id == entry_id for id in (sender_id, recipient_id)]
    echo = part(raw, "message").get("is_echo") is True
    from_business = ours[0] or (echo and not ours[1])
    to_itself = sender_id is not None and sender_id == recipient_id and (ours[0] or echo)
    business_id = sender_id if from_business else recipient_id
    misrouted = entry_id is not None and business_id is not None and not any(ours)
    elsewhere = misrouted and platform.or_parent and (sender_id, recipient_id) != TEST_SIDES
    return Event(
        entry_id=entry_id,
        account=_account(platform, entry, business_id, elsewhere=elsewhere),
        raw=raw,
        occurred_at=moment_of(raw.get("timestamp")) or moment_of(entry.get("time")),
        kinds=tuple(name for name, value in raw.items() if name not in COMPANIONS and value is not None),
        standby=standby,
        person=None if to_itself else person_of(platform.person, recipient if from_business else sender),
        from_business=from_business,
        to_itself=to_itself,
        misrouted=misrouted,
    )


def _sides(raw: dict[str, Any]) -> tuple[str | None, str | None]:
    """The ids of sender and recipient."""
    return text(part(raw, "sender"), "id"), text(part(raw, "recipient"), "id")


def _account(
    platform: Platform, entry: dict[str, Any], business_id: str | None = None, *, elsewhere: bool = False
) -> AccountRef:
    """The account of an entry; of a test, the one that the webhook's path named. An event of ``elsewhere`` is for the
    account that it names itself: the entry's, by its other id, or one that is not here."""
    id = text(entry, "id") or business_id
    if id is None or id == TEST_ENTRY:
        return AccountRef()
    return AccountRef(external_id=business_id if elsewhere else id, or_parent=platform.or_parent)


def _put(items: list[Item | Malformed], event: Event, key: str, said: InboundEvent) -> None:
    items.append(Item(index=len(items), key=key, account=event.account, event=said))


def _malformed(items: list[Item | Malformed], key: str, error: str) -> None:
    items.append(Malformed(index=len(items), key=key, error=error))


def _ignored(event: Event, reason: str) -> InboundEvent:
    return Ignored(occurred_at=event.occurred_at or UNDATED, reason=reason)


def _unrecognised(event: Event, what: str, reason: str) -> InboundEvent:
    return Unrecognised(occurred_at=event.occurred_at or UNDATED, what=what, reason=reason)
