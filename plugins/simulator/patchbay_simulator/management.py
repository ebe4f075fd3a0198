"""The management calls: numbers, profile, templates, subscriptions."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay_simulator.calls import Call, Reply, answer
from patchbay_simulator.errors import GraphError, SimulationError
from patchbay_simulator.payloads import template_status
from patchbay_simulator.platform import Platform
from patchbay_simulator.world import Number, Subscription

APP_ID = "201000000000001"
PAGE = 25
PAGE_LIMIT = 1_000
TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")  # WhatsApp Business Management API, Message templates
CATEGORIES = ("AUTHENTICATION", "MARKETING", "UTILITY")
PROFILE_LIMITS = {"about": 139, "address": 256, "description": 512, "email": 128}


class Management:
    """Answers what is not a message and not a file."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def _number_fields(self, number: Number) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": number.id,
            "verified_name": number.spec.verified_name,
            "display_phone_number": f"+{number.spec.display_phone_number}",
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
            "platform_type": "CLOUD_API",
            "status": "CONNECTED",
            "name_status": "APPROVED",
            "throughput": {"level": "STANDARD"},
            "is_on_biz_app": number.spec.coexistence,
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
        }
        configured: dict[str, Any] = {"application": self._platform.config.callback_url}
        if number.override is not None:
            configured["phone_number"] = number.override[0]
        return {**found, "webhook_configuration": configured}

    def number(self, number: Number, call: Call) -> Reply:
        """A number; without ``fields`` Graph gives only a few."""
        fields = _split(call.query.get("fields")) or ("verified_name", "display_phone_number", "quality_rating")
        known = self._number_fields(number)
        for name in fields:
            if name not in known:
                raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({name})")
        return answer({**{name: known[name] for name in fields}, "id": number.id})

    def numbers(self, waba: str, call: Call) -> Reply:
        found = [self._number_fields(n) for n in self._platform.world.numbers.values() if n.spec.waba_id == waba]
        return answer(self._page(found, call))

    async def configure_number(self, number: Number, call: Call) -> Reply:
        """Set or clear the number's own webhook; a new one is verified first."""
        override = call.need("webhook_configuration")
        if not isinstance(override, Mapping):
            raise GraphError(100, message="(#100) Param webhook_configuration must be a JSON object.")
        url = override.get("override_callback_uri")
        number.override = await self._verified(url, override.get("verify_token")) if url else None
        return answer({"success": True})

    async def subscription(self, waba: str, call: Call) -> Reply:
        subscription = self._platform.world.subscriptions[waba]
        if call.method == "POST":
            url = call.fields.get("override_callback_uri")
            override = await self._verified(url, call.fields.get("verify_token")) if url else None
            self._platform.world.subscriptions[waba] = Subscription(True, override)
            return answer({"success": True})
        if call.method == "DELETE":
            self._platform.world.subscriptions[waba] = Subscription(False)
            return answer({"success": True})
        app: dict[str, Any] = {"whatsapp_business_api_data": {"id": APP_ID, "name": "Patchbay", "link": ""}}
        if subscription.override is not None:
            app["override_callback_uri"] = subscription.override[0]
        return answer({"data": [app] if subscription.subscribed else []})

    async def _verified(self, url: Any, token: Any) -> tuple[str, str]:
        if not isinstance(url, str) or len(url) > 200 or not isinstance(token, str):
            raise GraphError(
                100, message="(#100) override_callback_uri takes a URL of at most 200 characters and a token."
            )
        if not await self._platform.webhooks.handshake(url, token):
            raise GraphError(100, subcode=2200, message="(#2200) Callback verification failed", http_status=400)
        return url, token

    def profile(self, number: Number, call: Call) -> Reply:
        """The business profile: read by ``fields``, changed by POST."""
        if call.method == "GET":
            wanted = _split(call.query.get("fields")) or tuple(number.profile)
            return answer({"data": [{name: number.profile[name] for name in wanted if name in number.profile}]})
        for name, limit in PROFILE_LIMITS.items():
            if len(str(call.fields.get(name, ""))) > limit:
                raise GraphError(100, message=f"(#100) Param {name} must be at most {limit} characters long.")
        if len(call.fields.get("websites", ())) > 2:
            raise GraphError(100, message="(#100) Param websites must have at most 2 elements.")
        number.profile.update(call.fields)
        return answer({"success": True})

    def templates(self, waba: str, call: Call) -> Reply:
        stored = self._platform.world.templates[waba]
        if call.method == "POST":
            return self._create_template(waba, call)
        if call.method == "DELETE":
            name = call.query.get("name") or call.need("name")
            wanted = call.query.get("hsm_id")
            gone = [id_ for id_, t in stored.items() if t["name"] == name and wanted in (None, id_)]
            if not gone:
                raise GraphError(100, message="(#100) Invalid parameter", details=f"There is no template {name}.")
            for id_ in gone:
                event = template_status(stored.pop(id_), "DELETED")
                self._platform.emit_account(waba, "message_template_status_update", event)
            return answer({"success": True})
        found = [
            template
            for template in stored.values()
            if all(call.query.get(key) in (None, template[key]) for key in ("name", "language", "status", "category"))
        ]
        fields = _split(call.query.get("fields"))
        shown = [{k: v for k, v in t.items() if not fields or k in fields or k == "id"} for t in found]
        return answer(self._page(shown, call))

    def _create_template(self, waba: str, call: Call) -> Reply:
        name, language, category = str(call.need("name")), str(call.need("language")), str(call.need("category"))
        components = call.need("components")
        if not TEMPLATE_NAME.fullmatch(str(name)):
            raise GraphError(100, message="(#100) Param name has only lower-case letters, digits and underscores.")
        if category not in CATEGORIES:
            raise GraphError(100, message=f"(#100) Param category must be one of {', '.join(CATEGORIES)}.")
        if not isinstance(components, list) or not any(c.get("type") == "BODY" for c in components):
            raise GraphError(100, message="(#100) Param components must have a BODY.")
        if any(t["name"] == name and t["language"] == language for t in self._platform.world.templates[waba].values()):
            raise GraphError(100, subcode=2388024, message="(#100) Content in this language already exists")
        template = self.add_template(waba, name, language, category, components, status="PENDING")
        review = self._platform.config.template_review
        if review != "hold":
            self._platform.clock.later(
                self._platform.config.delays.template_review_s, self._review, waba, template["id"], review
            )
        return answer({"id": template["id"], "status": "PENDING", "category": category})

    def add_template(
        self,
        waba: str,
        name: str,
        language: str,
        category: str,
        components: Sequence[Mapping[str, Any]],
        *,
        status: str = "APPROVED",
    ) -> dict[str, Any]:
        """Put a template into a business account."""
        template: dict[str, Any] = {
            "id": self._platform.mint.number(16),
            "name": name,
            "language": language,
            "category": category,
            "status": status,
            "components": list(components),
        }
        self._platform.world.templates[waba][template["id"]] = template
        return template

    def set_template_status(self, waba: str, template_id: str, status: str, reason: str = "NONE") -> None:
        """Change a template's status and say so by webhook, as a review does. Raises ``SimulationError``."""
        template = self._platform.world.templates.get(waba, {}).get(template_id)
        if template is None:
            raise SimulationError(f"There is no template {template_id} in {waba}.")
        template["status"] = status
        event = template_status(template, status, reason)
        self._platform.emit_account(waba, "message_template_status_update", event)

    def _review(self, waba: str, template_id: str, verdict: str) -> None:
        if template_id not in self._platform.world.templates[waba]:
            return  # it was deleted meanwhile
        approved = verdict == "approve"
        self.set_template_status(
            waba, template_id, "APPROVED" if approved else "REJECTED", "NONE" if approved else "INVALID_FORMAT"
        )

    def _page(self, items: Sequence[Any], call: Call) -> dict[str, Any]:
        """A page of a list with Graph's cursors, which are opaque and here hold an offset."""
        limit = call.query.get("limit", str(PAGE))
        if not limit.isdigit() or not 0 < int(limit) <= PAGE_LIMIT:
            raise GraphError(100, message="(#100) Param limit must be a number from 1 to 1000.")
        try:
            start = int(base64.b64decode(call.query["after"], validate=True)) if call.query.get("after") else 0
        except ValueError:
            raise GraphError(100, message="(#100) Invalid cursor") from None
        page = list(items[start : start + int(limit)])
        if not page:
            return {"data": []}
        end = start + len(page)
        paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
        if end < len(items):
            paging["next"] = f"{self._platform.base_url}/{call.path}?limit={limit}&after={_cursor(end)}"
        return {"data": page, "paging": paging}


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def _split(fields: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (fields or "").split(",") if name.strip())
