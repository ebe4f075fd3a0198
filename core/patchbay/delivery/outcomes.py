"""What comes of a send, as pure commands: each moves the outbox entry and its message in one commit. No IO."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from patchbay.channel import Channel, SendReceipt
from patchbay.collections import ACCOUNTS, MESSAGES, OUTBOX
from patchbay.delivery.claims import held
from patchbay.delivery.uploads import forget_upload, keep_upload
from patchbay.errors import MediaRefused, SendError, Unavailable
from patchbay.inbox.apply import release_echoes, replay_parked
from patchbay.inbox.landing import Arrival, conversation_of, emit_message
from patchbay.inbox.people import link_keys
from patchbay.inbox.receipts import advance, arrived, bind
from patchbay.inbox.reports import change_status
from patchbay.inbox.resending import take_reaction_back
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.watermarks import catch_up
from patchbay.model.account import ChannelAccount
from patchbay.model.message import Failure, Message
from patchbay.model.outbox import OutboxEntry, OutboxState

HEALTH_EVERY = timedelta(seconds=60)


def failure_of(error: SendError) -> Failure:
    """The error as a message shows it."""
    return Failure(
        code=error.code,
        message=error.reason,
        provider_code=error.provider_code,
        provider_subcode=error.provider_subcode,
        retryable=error.retryable,
        hint=error.hint,
        details=error.details,
    )


def _reported(uow: UnitOfWork, claimed: OutboxEntry, receipt: SendReceipt) -> OutboxEntry | None:
    """The entry, where a report about this very send was quicker than its answer and settled it already."""
    entry = uow.get(OUTBOX, claimed.id)
    if entry is None or entry.kind != "message" or entry.state != "sent":
        return None
    message = uow.need(MESSAGES, entry.message_id)
    return entry if any(ref.external_id == receipt.external_id for ref in message.external_refs) else None


def _still_unknown(uow: UnitOfWork, claimed: OutboxEntry) -> OutboxEntry | None:
    """The entry, where it was given up as unknown and not tried again: the answer that came late settles it."""
    entry = uow.get(OUTBOX, claimed.id)
    same_try = entry is not None and (entry.attempt, entry.began_at) == (claimed.attempt, claimed.began_at)
    return entry if same_try and entry is not None and entry.state == "unknown" else None


def _settled_by_report(uow: UnitOfWork, entry: OutboxEntry, channel: Channel | None) -> bool:
    """Whether a report already proved that this part arrived: then our own request's fate does not matter."""
    message = uow.get(MESSAGES, entry.message_id) if entry.kind == "message" else None
    if message is None or not arrived(message, entry.part):
        return False
    uow.put(OUTBOX, entry, state="sent", lease=None, last_error=None, unknown_since=None)
    account = uow.get(ACCOUNTS, entry.account_id)
    if account is not None and channel is not None:
        release_echoes(uow, Arrival(account, channel), entry.thread_id)
    return True


def accepted(uow: UnitOfWork, claimed: OutboxEntry, channel: Channel, receipt: SendReceipt) -> Message | None:
    """The provider took it: bind its id, apply reports that came first, link keys that the answer gave."""
    entry = _reported(uow, claimed, receipt) or _still_unknown(uow, claimed) or held(uow, claimed)
    response = dict(receipt.response)
    uow.put(OUTBOX, entry, state="sent", lease=None, last_error=None, unknown_since=None, response=response)
    account = uow.need(ACCOUNTS, entry.account_id)
    _note_send_ok(uow, account)
    if entry.kind != "message":
        return None
    message = uow.need(MESSAGES, entry.message_id)
    keep_upload(uow, entry, receipt)
    if all(ref.external_id != receipt.external_id for ref in message.external_refs):
        message = bind(uow, message, receipt.external_id, entry.part, message.attempt)
    message = advance(uow, message)
    link_keys(uow, account, message.thread_id, receipt.recipient_keys)
    arrival = Arrival(account, channel)
    replay_parked(uow, arrival, receipt.external_id)
    catch_up(uow, message.id)
    release_echoes(uow, arrival, entry.thread_id)
    return uow.need(MESSAGES, entry.message_id)


def failed(uow: UnitOfWork, claimed: OutboxEntry, channel: Channel, error: SendError, state: OutboxState) -> None:
    """It will not leave by itself: ``failed`` for good, ``unknown`` where bytes left and no answer came."""
    entry = held(uow, claimed)
    if _settled_by_report(uow, entry, channel):
        return
    failure = failure_of(error)
    unknown = state == "unknown"
    uow.put(OUTBOX, entry, state=state, lease=None, last_error=failure, unknown_since=uow.now if unknown else None)
    show_failed(uow, entry, failure, unknown=unknown)
    if entry.kind == "reaction":
        take_reaction_back(uow, entry.message_id, entry.account_id)
    if isinstance(error, MediaRefused):
        forget_upload(uow, entry)
    account = uow.get(ACCOUNTS, entry.account_id)
    if account is not None and not unknown:
        release_echoes(uow, Arrival(account, channel), entry.thread_id)


def show_failed(uow: UnitOfWork, entry: OutboxEntry, failure: Failure, *, unknown: bool) -> None:
    """The message as people see it after its send ended badly."""
    if entry.kind != "message":
        return
    message = uow.get(MESSAGES, entry.message_id)
    if message is None or message.delivery.state not in ("queued", "sending", "unknown"):
        return
    delivery = replace(
        message.delivery,
        state="unknown" if unknown else "failed",
        failed_at=None if unknown else uow.now,
        error=failure,
    )
    message = uow.put(MESSAGES, message, delivery=delivery)
    told = "message.unknown" if unknown else "message.failed"
    emit_message(uow, told, message, conversation_of(uow, message))


def put_off(uow: UnitOfWork, claimed: OutboxEntry, channel: Channel, error: Unavailable, until: datetime) -> None:
    """It may be tried again at ``until``; past its last day it fails."""
    entry = held(uow, claimed)
    if until >= entry.expires_at:
        failed(uow, claimed, channel, error, "failed")
        return
    if _settled_by_report(uow, entry, channel):
        return
    failure = failure_of(error)
    if error.limit is not None:  # it will not do so often: what we uploaded may be what is wrong
        forget_upload(uow, entry)
    uow.put(OUTBOX, entry, state="retry", lease=None, not_before=until, last_error=failure)
    _show_waiting(uow, entry, failure)


def pause(uow: UnitOfWork, claimed: OutboxEntry, channel: Channel, error: SendError, used: ChannelAccount) -> None:
    """The account does not work: the entry waits for a new token, and the account says so (R24).

    ``used`` is the account as the send knew it: where it was reauthorised meanwhile, the entry goes again at once and
    the new token is not blamed for the old one.
    """
    entry = held(uow, claimed)
    if _settled_by_report(uow, entry, channel):
        return
    failure = failure_of(error)
    account = uow.need(ACCOUNTS, entry.account_id)
    renewed = account.works and (account.credentials != used.credentials or not used.works)
    uow.put(
        OUTBOX,
        entry,
        state="retry" if renewed else "paused",
        lease=None,
        attempt=max(0, entry.attempt - 1),
        last_error=failure,
    )
    _show_waiting(uow, entry, failure)
    if not renewed and account.works:
        health = replace(account.health, last_error=failure.message, last_error_at=uow.now)
        change_status(uow, account, "reauth_required", health=health)


def _show_waiting(uow: UnitOfWork, entry: OutboxEntry, failure: Failure) -> None:
    message = uow.get(MESSAGES, entry.message_id) if entry.kind == "message" else None
    if message is not None and message.delivery.state == "sending":
        uow.put(MESSAGES, message, delivery=replace(message.delivery, state="queued", error=failure))


def resume(uow: UnitOfWork, entry_id: str) -> None:
    """Let a paused entry go on, now that its account works."""
    entry = uow.get(OUTBOX, entry_id)
    if entry is not None and entry.state == "paused":
        uow.put(OUTBOX, entry, state="queued", not_before=uow.now)


def recover(uow: UnitOfWork, entry_id: str) -> None:
    """Settle an entry whose worker is gone: claimed goes back, sending has an unknown outcome."""
    entry = uow.get(OUTBOX, entry_id)
    if entry is None or entry.lease is None:
        return
    if entry.state == "claimed":
        uow.put(OUTBOX, entry, state="retry", lease=None, not_before=uow.now)
    elif entry.state == "sending":
        if _settled_by_report(uow, entry, None):
            return
        failure = Failure(
            code="outcome_unknown",
            message="Patchbay stopped while this was leaving: it may have arrived.",
            hint="It is settled by the next report of the provider; else look at the phone before you send it again.",
        )
        if entry.kind != "message":  # nobody is hurt by a reaction or a read mark that is made twice
            uow.put(OUTBOX, entry, state="retry", lease=None, not_before=uow.now)
            return
        uow.put(OUTBOX, entry, state="unknown", lease=None, last_error=failure, unknown_since=uow.now)
        show_failed(uow, entry, failure, unknown=True)


def _note_send_ok(uow: UnitOfWork, account: ChannelAccount) -> None:
    last = account.health.last_send_ok_at
    if last is None or uow.now - last >= HEALTH_EVERY:
        uow.put(ACCOUNTS, account, health=replace(account.health, last_send_ok_at=uow.now))
