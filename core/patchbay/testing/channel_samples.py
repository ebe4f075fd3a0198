"""What the author of a channel supplies to have it certified: webhooks, contents, and the provider as a function.

Everything is a value: no network, no clock. A method that is not overridden is a sample that is missing, and blocks
the level that needs it; what the provider itself has none of stands in ``lacks``, with a reason that the report shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, get_args

from patchbay.channel import ApiRequest, ApiResponse, Channel
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.media import Media
from patchbay.model.message import DeliveryState

Fault = Literal["rate_limited", "token_expired", "server_error", "window_closed", "unreachable", "file_gone"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
# What a provider may have none of. All else is needed of every channel.
MAY_LACK = frozenset(
    {
        "batch",
        "signed_body",
        "receipt",
        "failure",
        "receipt_reference",
        "echo_reference",
        "watermark",
        "echo",
        "edit",
        "delete",
        "reaction",
        "retry_after",
        "window_closed",
        "unreachable",
        "file_gone",
        "nameless",
    }
)


class SampleMissing(Exception):
    """The check needs a sample that was not supplied; the text names it."""


@dataclass(frozen=True)
class ContentSample:
    """A content to send, and the stored file that it refers to."""

    content: AnyContent
    media: Media | None = None


class ChannelSamples:
    """Subclass it, set ``channel`` and ``account``, and override what the provider has.

    ``lacks`` says, with the reason, what the provider has none of (``MAY_LACK``), and which of the declared contents
    the sample account cannot carry ("interactive product", "sticker"), where that depends on the account.

    ``channel`` is a channel of the plugin, with settings of the samples' own: no secret of an installation is needed.
    ``secrets`` are the app secrets of accounts that ``verify`` is given. ``states`` are the reports about a delivered
    message that the provider makes, in order. ``retry_after_s`` is what its answer ``rate_limited`` says.

    All webhooks are from and to one person, and are for ``account``. Ids are the provider's: the suite makes new ones
    with ``id``. Times have whole seconds.
    """

    channel: Channel
    account: ChannelAccount
    secrets: ClassVar[Sequence[str]] = ()
    lacks: ClassVar[Mapping[str, str]] = {}
    states: ClassVar[tuple[DeliveryState, ...]] = ("sent", "delivered", "read")
    retry_after_s: ClassVar[float | None] = None

    def id(self, number: int) -> str:
        """What the provider might call a message: another for each number, as ``parse`` gives it in ``external_id``."""
        return f"id-{number}"

    # webhooks: each is one body with one update

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that the provider proves this body with, and no others; their names in lower case."""
        raise SampleMissing("sign")

    def message(self, id: str, text: str, at: datetime) -> bytes:
        """The person wrote a text."""
        raise SampleMissing("message")

    def unknown(self) -> bytes:
        """An update of a kind that the channel does not know: the provider adds one next year."""
        raise SampleMissing("unknown")

    def broken(self) -> bytes:
        """An update that cannot be read, such as a message without its id."""
        raise SampleMissing("broken")

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        """One body with the updates of all of these, in order. ``lacks["batch"]`` where a webhook has one update."""
        raise SampleMissing("batch")

    def receipt(self, id: str, state: DeliveryState, at: datetime, reference: str | None) -> bytes:
        """A report about our message ``id``, with our reference where one is given and the provider returns it.

        ``state`` is one of ``states``, or ``failed`` unless the provider ``lacks`` "failure".
        """
        raise SampleMissing("receipt")

    def watermark(self, state: DeliveryState, up_to: datetime) -> bytes:
        """A report about every message to the person up to a moment."""
        raise SampleMissing("watermark")

    def echo(self, id: str, text: str, at: datetime, reference: str | None) -> bytes:
        """The business wrote to the person, here (with our reference, where the provider returns it) or elsewhere."""
        raise SampleMissing("echo")

    def edit(self, id: str, target: str, text: str, at: datetime) -> bytes:
        """The person changed their message ``target``. ``id`` is the edit's own, where it has one."""
        raise SampleMissing("edit")

    def delete(self, id: str, target: str, at: datetime) -> bytes:
        """The person took their message ``target`` back."""
        raise SampleMissing("delete")

    def reaction(self, id: str, target: str, emoji: str | None, at: datetime) -> bytes:
        """The person reacted to ``target``, or took the reaction back."""
        raise SampleMissing("reaction")

    def others(self) -> Mapping[str, bytes]:
        """More bodies by name, of other kinds: files, places, notices. They are damaged, repeated and reordered too;
        files in them are looked for at ``provider``."""
        return {}

    # sending

    def contents(self) -> Sequence[ContentSample]:
        """One or more for each content type and each interactive kind that ``capabilities`` declares, within limits."""
        raise SampleMissing("contents")

    def refused(self) -> Sequence[ContentSample]:
        """Contents just over a limit of the provider."""
        return ()

    def provider(self, request: ApiRequest, fault: Fault | None) -> ApiResponse:
        """The provider's answer: good where it would take the request, else an error as the provider gives it.

        A pure function: the id in the answer to a send derives from the request. With a ``fault``, what it answers to
        any request then. Raises ``SampleMissing`` for a fault that it has no answer for yet.
        """
        raise SampleMissing("provider")

    def shows(self, request: ApiRequest) -> bool:
        """Whether the person sees something by this request: a message, a reaction. Not typing, read marks, uploads."""
        raise SampleMissing("shows")
