"""Playing flows with values: a channel's requests are read and answered without a network.

sent = play(channel.send(account, message), answer(messages=[{"id": "wamid.1"}]))
assert sent.requests[0].json == {...}
assert sent.result.external_id == "wamid.1"
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from patchbay.channel import ApiRequest, ApiResponse

T = TypeVar("T")


@dataclass(frozen=True)
class Played(Generic[T]):
    """The requests that a flow made, in order, and what it returned."""

    requests: tuple[ApiRequest, ...]
    result: T

    @property
    def request(self) -> ApiRequest:
        """The only request; an ``AssertionError`` when there were more, or none."""
        if len(self.requests) != 1:
            raise AssertionError(f"the flow made {len(self.requests)} requests, not one")
        return self.requests[0]


def play(flow: Generator[ApiRequest, ApiResponse, T], *responses: ApiResponse) -> Played[T]:
    """Run a flow to its end, giving it these answers in turn.

    Raises what the flow raises, and ``AssertionError`` when it asks more or less often than there are answers.
    """
    requests: list[ApiRequest] = []
    answers = iter(responses)
    try:
        request = next(flow)
        while True:
            requests.append(request)
            response = next(answers, None)
            if response is None:
                raise AssertionError(f"no answer is left for {request.method} {request.path}")
            request = flow.send(response)
    except StopIteration as end:
        left = len(responses) - len(requests)
        if left:
            raise AssertionError(f"{left} of the answers were not asked for") from None
        return Played(tuple(requests), end.value)


def answer(status: int = 200, /, headers: Mapping[str, str] | None = None, **body: Any) -> ApiResponse:
    """An answer with these members in its body."""
    return ApiResponse(status=status, body=body, headers=headers or {})
