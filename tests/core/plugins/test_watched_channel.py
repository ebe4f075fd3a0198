"""A watch over a channel: the same answers, the same errors, and a record of what no contract foresees."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from patchbay.channel import (
    UNDATED,
    ApiRequest,
    ApiResponse,
    BaseChannel,
    IdentityKey,
    Ignored,
    Malformed,
    Person,
    SendReceipt,
)
from patchbay.channel.contract import Channel
from patchbay.errors import BadPayload, BadSignature, PatchbayError, PluginError, Rejected
from patchbay.metrics import Metrics
from patchbay.model.content import SystemNotice
from patchbay.plugins import PluginReport
from patchbay.plugins.conduct import Conduct, Junk
from patchbay.plugins.contain import Left
from patchbay.plugins.watched_channel import ENDS, LOOKS, watched_channel
from patchbay.testing import FakeClock

REQUEST = ApiRequest("POST", "/letters", effect=True)
ANSWER = ApiResponse(200, {"id": "1"}, {})


def watch(**methods: Callable[..., Any]) -> tuple[Any, Callable[[], list[str]]]:
    """A channel of these methods under a watch, and what its records tell."""
    conduct = Conduct(FakeClock(), Metrics())
    channel: Any = type("Owl", (BaseChannel,), {"name": "owl", "title": "Owl"})()
    for name, method in methods.items():
        setattr(channel, name, method)

    made = watched_channel(channel, lambda what: conduct.record("owl", what))

    def told() -> list[str]:
        (report,) = conduct.judged([PluginReport("owl", "loaded")])
        return [failure.error for failure in report.failures]

    return made, told


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        raise error

    return call


def test_what_is_not_called_is_the_channels_own() -> None:
    channel, told = watch(verify=lambda request, secrets: None)
    assert (channel.name, channel.title, channel.verify(None, ())) == ("owl", "Owl", None)
    assert told() == []


def test_every_method_of_the_contract_has_a_look_at_its_answer_or_needs_none() -> None:
    methods = {name for name, member in vars(Channel).items() if callable(member) and not name.startswith("_")}
    assert set(LOOKS) | set(ENDS) <= methods
    assert methods - set(LOOKS) - set(ENDS) <= {"check"}


@pytest.mark.parametrize("error", [BadSignature(), BadPayload("odd"), Rejected("no")])
def test_what_the_contract_foresees_passes_and_is_not_kept(error: PatchbayError) -> None:
    channel, told = watch(verify=raising(error))
    with pytest.raises(type(error)):
        channel.verify(None, ())
    assert told() == []


@pytest.mark.parametrize("error", [ValueError("odd"), PluginError("odd")])
def test_what_it_does_not_foresee_passes_and_is_kept(error: Exception) -> None:
    channel, told = watch(check=raising(error))
    with pytest.raises(type(error)):
        channel.check(None, None, None, None)
    assert told()[0].startswith(f"check of the channel owl raised {type(error).__name__} at test_watched_channel.py:")


def test_one_that_leaves_ends_no_more_than_the_call() -> None:
    channel, told = watch(parse=raising(SystemExit(1)))
    with pytest.raises(Left):
        channel.parse(b"")
    assert told() == ["parse of the channel owl tried to end the process."]


@pytest.mark.parametrize(
    ("method", "answer", "arguments"),
    [
        ("handshake", "challenge", 1),
        ("verify", True, 2),
        ("parse", {}, 1),
        ("window", None, 3),
        ("closes_at", "tomorrow", 1),
        ("split", (), 1),
        ("split", "text", 1),
        ("base_url", None, 1),
        ("token", 5, 1),
        ("configured_accounts", [None], 0),
        ("gaps", "a gap", 0),
        ("send", None, 2),
        ("diagnose", [], 1),
    ],
)
def test_an_answer_that_is_none_is_an_error_where_it_comes_from(method: str, answer: Any, arguments: int) -> None:
    channel, told = watch(**{method: lambda *given: answer})
    with pytest.raises(Junk):
        getattr(channel, method)(*range(arguments))
    assert told()[0].startswith(f"{method} of the channel owl gave ")


def test_an_item_that_is_none_costs_no_other() -> None:
    good = Malformed(index=0, key="a", error="odd")
    channel, told = watch(parse=lambda body: (good, 5, Malformed(index=2, key=7, error="odd")))  # type: ignore[arg-type]
    first, second, third = channel.parse(b"")
    assert first is good
    assert (second.key, second.error) == ("item:1", "the channel gave an int where an Item or Malformed belongs")
    assert third.error == "the channel gave an item that cannot be kept: Expected `str`, got `int` - at `$.key`"
    assert told() == [f"parse of the channel owl {third.error.removeprefix('the channel ')}."]


def test_a_flow_is_played_as_it_is() -> None:
    def send(account: Any, message: Any) -> Generator[ApiRequest, ApiResponse, SendReceipt]:
        answer = yield REQUEST
        return SendReceipt(external_id=answer.body["id"])

    channel, told = watch(send=send)
    flow = channel.send(None, None)
    assert next(flow) is REQUEST
    with pytest.raises(StopIteration) as ended:
        flow.send(ANSWER)
    assert ended.value.value == SendReceipt(external_id="1")
    assert told() == []


def test_a_flow_that_ends_with_junk_or_asks_for_junk_is_an_error() -> None:
    def odd_end(*given: Any) -> Generator[Any, Any, Any]:
        yield REQUEST
        return "sent"

    def odd_request(*given: Any) -> Generator[Any, Any, Any]:
        yield "POST /letters"

    channel, told = watch(send=odd_end, typing=odd_request)
    flow = channel.send(None, None)
    next(flow)
    with pytest.raises(Junk):
        flow.send(ANSWER)
    with pytest.raises(Junk):
        next(channel.typing(None, None, None))
    assert sorted(told()) == [
        "send of the channel owl gave a str where SendReceipt belongs.",
        "typing of the channel owl gave a str where an ApiRequest belongs.",
    ]


@pytest.mark.parametrize(
    ("method", "result", "arguments"),
    [
        ("send", SendReceipt(external_id=7), 2),  # type: ignore[arg-type]
        ("send", SendReceipt(external_id=""), 2),
        ("send", SendReceipt(external_id="1", recipient_keys=(IdentityKey(kind="phone", value=5),)), 2),  # type: ignore[arg-type]
        ("fetch_profile", Person(keys=(), name=7), 2),  # type: ignore[arg-type]
        ("fetch_message", [SystemNotice(notice="call")], 2),
        ("fetch_message", [Ignored(occurred_at=UNDATED, reason=7)], 2),  # type: ignore[arg-type]
        ("fetch_message", None, 2),
    ],
    ids=range(7),
)
def test_what_could_not_be_read_again_is_no_result(method: str, result: Any, arguments: int) -> None:
    def flow(*given: Any) -> Generator[Any, Any, Any]:
        yield from ()
        return result

    channel, told = watch(**{method: flow})
    with pytest.raises(Junk):
        next(getattr(channel, method)(*range(arguments)))
    assert told()[0].startswith(f"{method} of the channel owl gave ")


def test_a_flow_that_is_given_up_is_closed_and_nobodys_failure() -> None:
    closed: list[bool] = []

    def send(*given: Any) -> Generator[Any, Any, Any]:
        try:
            yield REQUEST
        finally:
            closed.append(True)

    channel, told = watch(send=send)
    flow = channel.send(None, None)
    next(flow)
    flow.close()
    assert (closed, told()) == ([True], [])
