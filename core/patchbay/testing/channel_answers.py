"""Gold, too: what the provider's refusals mean, and answers of every shape."""

from __future__ import annotations

from collections.abc import Iterator

from patchbay.channel import ApiRequest, ApiResponse, SendReceipt
from patchbay.errors import (
    AccountBroken,
    OutcomeUnknown,
    RecipientUnreachable,
    SendError,
    Throttled,
    Unavailable,
    WindowClosed,
)
from patchbay.model.content import Text
from patchbay.model.message import Message
from patchbay.testing.channel_bench import Answering, Bench
from patchbay.testing.channel_checks import CheckFailed, check, expect, fail
from patchbay.testing.channel_damage import ODD, paths, put
from patchbay.testing.channel_inbox import BenchInbox, open_inbox
from patchbay.testing.channel_questions import Question, questions, reactions, well_addressed
from patchbay.testing.channel_samples import ContentSample, Fault

STATUSES = (200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504)
ODD_BODIES: tuple[dict[str, object], ...] = (
    {},
    {"error": None},
    {"error": "no"},
    {"error": {"code": "x", "message": 7}},
    {"error": {"code": 10**30, "error_data": []}},
    {"ok": False, "error_code": None, "description": {}},
    {"messages": [], "result": [], "id": None},
    {"messages": [{}], "result": {"message_id": []}, "message_id": {}, "id": {}},
)


def failing(bench: Bench, fault: Fault) -> Answering:
    """The provider, while something is wrong with it."""
    return lambda request: bench.provider(request, fault)


def refused(inbox: BenchInbox, bench: Bench, fault: Fault) -> tuple[Message, SendError]:
    """A text that the provider answers with a fault, and what the channel makes of that."""
    bench.need(fault)
    message = inbox.write("Three are left.")
    (error,) = inbox.work(failing(bench, fault))
    if error is None:
        fail(f"the answer {fault} was taken for a message that was sent")
    return inbox.fresh(message), error


def _is(error: SendError, type: type[SendError], fault: Fault) -> None:
    expect(isinstance(error, type), f"the answer {fault} raised {error.__class__.__name__}, not {type.__name__}")
    expect(bool(error.reason), f"the answer {fault} raised {error.__class__.__name__} without a reason")


@check("gold")
def an_expired_token_pauses_the_account(bench: Bench) -> None:
    """The answer ``token_expired`` is ``AccountBroken``, in a send and in ``check_account``: the message waits, and the
    account says that it needs a new token."""
    inbox = open_inbox(bench)
    message, error = refused(inbox, bench, "token_expired")
    _is(error, AccountBroken, "token_expired")
    expect(inbox.account.status == "reauth_required", f"the account is {inbox.account.status}")
    expect(message.delivery.state == "queued", f"the message is {message.delivery.state}, not queued")
    try:
        driven = bench.drive(bench.channel.check_account(inbox.account), failing(bench, "token_expired"))
    except AccountBroken:
        return
    except SendError as told:
        fail(f"check_account raised {type(told).__name__} for an expired token")
    fail(f"check_account found nothing wrong with an expired token, in {len(driven.requests)} requests")


@check("gold")
def a_rate_limit_is_waited_for(bench: Bench) -> None:
    """The answer ``rate_limited`` is ``Throttled``, or ``Unavailable`` with a wait, and the wait is the one that the
    provider named: the message goes later."""
    inbox = open_inbox(bench)
    message, error = refused(inbox, bench, "rate_limited")
    waits = isinstance(error, Unavailable) and error.retry_after_s is not None
    _is(error, Unavailable if waits else Throttled, "rate_limited")
    if bench.has("retry_after"):
        told = error.retry_after_s if isinstance(error, Unavailable) else None
        named = bench.samples.retry_after_s
        expect(named is not None and told == named, f"the provider said to wait {named} s, and retry_after_s is {told}")
    _goes_later(inbox, message)


@check("gold")
def a_server_error_is_not_the_end(bench: Bench) -> None:
    """The answer ``server_error`` is ``Unavailable`` and tried again, or ``OutcomeUnknown`` where it may have left."""
    inbox = open_inbox(bench)
    message, error = refused(inbox, bench, "server_error")
    if isinstance(error, OutcomeUnknown):
        expect(message.delivery.state == "unknown", f"the message is {message.delivery.state}, not unknown")
        return
    _is(error, Unavailable, "server_error")
    _goes_later(inbox, message)


def _goes_later(inbox: BenchInbox, message: Message) -> None:
    expect(message.delivery.state == "queued", f"the message is {message.delivery.state}, not queued")
    inbox.world.pass_time(hours=1)
    inbox.work()
    state = inbox.fresh(message).delivery.state
    expect(state == "accepted", f"an hour later the message is {state}, not accepted")


@check("gold")
def an_unreachable_person_is_told_of(bench: Bench) -> None:
    """The answer ``unreachable`` is ``RecipientUnreachable``: the message fails and is not tried again."""
    message, error = refused(open_inbox(bench), bench, "unreachable")
    _is(error, RecipientUnreachable, "unreachable")
    expect(message.delivery.state == "failed", f"the message is {message.delivery.state}, not failed")


@check("gold")
def a_window_that_the_provider_closed_is_told_of(bench: Bench) -> None:
    """The answer ``window_closed`` is ``WindowClosed``: the message fails and is not tried again."""
    message, error = refused(open_inbox(bench), bench, "window_closed")
    _is(error, WindowClosed, "window_closed")
    expect(message.delivery.state == "failed", f"the message is {message.delivery.state}, not failed")


@check("gold")
def any_answer_is_a_receipt_or_a_send_error(bench: Bench) -> None:
    """Whatever status and body the provider answers with, ``send`` returns a receipt that names the message or raises a
    ``SendError``; an error status is never a receipt."""
    to = open_inbox(bench).recipient
    message = bench.outgoing(bench.parts(ContentSample(Text(text="Three are left.")))[0], to)
    for status in STATUSES:
        for body in ODD_BODIES:
            answer = ApiResponse(status, body)
            told = f"the answer {status} {body}"
            try:
                driven = bench.drive(bench.channel.send(bench.samples.account, message), _always(answer))
            except SendError:
                continue
            except Exception as error:
                fail(f"{told} raised {type(error).__name__}: {error}")
            receipt = driven.result
            expect(status < 300, f"{told} was taken for a message that was sent")
            named = receipt.external_id if isinstance(receipt, SendReceipt) else None
            expect(bool(named) and isinstance(named, str), f"{told} gave the receipt {receipt!r}")


def _always(answer: ApiResponse) -> Answering:
    def answering(request: ApiRequest) -> ApiResponse:
        return answer

    return answering


@check("gold")
def any_answer_to_a_question_is_read_or_a_send_error(bench: Bench) -> None:
    """So it is with reactions and all else that a channel asks: of the account, its token and templates, of people, of
    files. It returns what the contract says or raises a ``SendError``, and makes no request that may not leave."""
    to = open_inbox(bench).recipient
    for question in (*questions(bench, to), *reactions(bench, to)):
        good = question.asked(bench)
        for number, answer in enumerate(good.answers):
            for odd in (*_odd_answers(), *_damaged(answer)):
                _read(bench, question, number, odd)


def _odd_answers() -> Iterator[ApiResponse]:
    yield from (ApiResponse(status, body) for status in STATUSES for body in ODD_BODIES)


def _damaged(answer: ApiResponse) -> Iterator[ApiResponse]:
    """A good answer with each of its values in turn of another type."""
    body = dict(answer.body)
    yield from (
        ApiResponse(answer.status, put(body, path, junk), answer.headers) for path in paths(body) for junk in ODD
    )


def _read(bench: Bench, question: Question, number: int, odd: ApiResponse) -> None:
    """Ask, where one of the answers is odd."""
    told = f", where answer {number} is {odd.status} {odd.body},"
    asked: list[ApiRequest] = []

    def answering(request: ApiRequest) -> ApiResponse:
        well_addressed(bench, request)
        asked.append(request)
        return odd if len(asked) == number + 1 else bench.provider(request)

    try:
        result = bench.drive(question.start(), answering).result
    except SendError as error:
        expect(bool(error.reason), f"{question.name}{told} raised {type(error).__name__} without a reason")
        return
    except CheckFailed:
        raise
    except Exception as error:
        fail(f"{question.name}{told} raised {type(error).__name__}: {error}")
    refused = question.refusable and odd.status >= 400 and number + 1 == len(asked)
    expect(not refused, f"{question.name}{told} took that for an answer: {result!r}")
    question.judge(result, told)
