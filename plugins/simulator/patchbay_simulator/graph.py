"""The fake Graph API: which call does what. No IO: ``wire.py`` reads requests and writes replies.

| call | answers |
|---|---|
| `POST /{number}/messages` | a send, a read receipt, a typing indicator |
| `POST /{number}/media`; `GET`, `DELETE /{media}` | upload; look-up with a URL of 5 minutes; removal |
| `GET /{number}`; `POST /{number}` | fields of a number; its own webhook |
| `GET`, `POST /{number}/whatsapp_business_profile` | the profile |
| `GET /{waba}/phone_numbers` | the numbers, in pages |
| `GET`, `POST`, `DELETE /{waba}/message_templates` | the templates, in pages; creation with review |
| `GET`, `POST`, `DELETE /{waba}/subscribed_apps` | the subscription and its override |
| `GET /debug_token`, `/refresh_access_token` | until when a token is good; another 60 days |

What pages and Instagram accounts answer is in ``page_graph.py``.
"""

from __future__ import annotations

from patchbay_simulator import tokens
from patchbay_simulator.calls import Call, Reply
from patchbay_simulator.errors import GraphError, unknown_object
from patchbay_simulator.faults import Fault
from patchbay_simulator.management import Management
from patchbay_simulator.messaging import Messaging
from patchbay_simulator.page_graph import PageGraph
from patchbay_simulator.platform import Platform
from patchbay_simulator.shelf import Shelf


class Graph:
    """Answers calls. Raises ``GraphError`` for what Graph would refuse."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.messaging = Messaging(platform)
        self.shelf = Shelf(platform)
        self.management = Management(platform)
        self.pages = PageGraph(platform, self.shelf, self.management)

    def token_state(self, token: str | None) -> str:
        """``valid``, ``revoked``, ``unknown`` or ``none``."""
        if token is None:
            return "none"
        if token in self._platform.world.revoked:
            return "revoked"
        known = token in self._platform.config.access_tokens or self._platform.pages.owners(token)
        return "valid" if known else "unknown"

    def of_pages(self, call: Call) -> bool:
        """Whether a call is about a page, an Instagram account or what belongs to one."""
        first = call.path.partition("/")[0]
        world = self._platform.world
        return first not in world.numbers and first not in world.subscriptions and self.pages.knows(first)

    def authorise(self, token: str | None) -> None:
        """Raise Graph's 190 unless the token is good."""
        state = self.token_state(token)
        if state == "none":
            raise GraphError(190, message="An access token is required to request this resource.", http_status=401)
        if state == "revoked":
            raise GraphError(190, subcode=460)
        if state == "unknown":
            raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")

    async def answer(self, call: Call, fault: Fault | None = None) -> Reply:
        """Carry a call out; ``fault`` may make an accepted send fail later."""
        self.authorise(call.token)
        first, _, edge = call.path.partition("/")
        number = self._platform.world.numbers.get(first)
        waba = first if first in self._platform.world.subscriptions else None
        if call.unreadable is not None:
            raise GraphError(100, call.unreadable, message="(#100) Invalid JSON in the request body.")
        self._platform.admit({"app": "app", "waba": waba or (number.spec.waba_id if number else "")})
        match (call.method, edge):
            case ("POST", "messages") if number is not None:
                return self.messaging.post(number, call.fields, fault)
            case ("POST", "media") if number is not None:
                return self.shelf.upload(number, call)
            case ("GET" | "POST", "whatsapp_business_profile") if number is not None:
                return self.management.profile(number, call)
            case ("GET", "") if number is not None:
                return self.management.number(number, call)
            case ("POST", "") if number is not None:
                return await self.management.configure_number(number, call)
            case ("GET", "phone_numbers") if waba is not None:
                return self.management.numbers(waba, call)
            case ("GET" | "POST" | "DELETE", "message_templates") if waba is not None:
                return self.management.templates(waba, call)
            case ("GET" | "POST" | "DELETE", "subscribed_apps") if waba is not None:
                return await self.management.subscription(waba, call)
            case ("GET", "") if first in tokens.PATHS:
                return tokens.answer_about(call, self._platform.clock.now(), self.token_state)
            case _ if self.of_pages(call):
                return self.pages.answer(call)
            case ("GET" | "DELETE", "") if first in self._platform.world.media:
                return self.shelf.look_up(first, call) if call.method == "GET" else self.shelf.remove(first)
        raise unknown_object(first, call.method)
