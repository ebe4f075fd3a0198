"""``POST /{phone_number_id}/messages``: what is accepted, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchbay_simulator.calls import Reply, answer
from patchbay_simulator.config import CustomerSpec
from patchbay_simulator.errors import GraphError
from patchbay_simulator.faults import Fault
from patchbay_simulator.payloads import shared_phone
from patchbay_simulator.platform import Platform
from patchbay_simulator.sends import MarkRead, Send, read_send
from patchbay_simulator.world import Group, Number, Person, Sent


class Messaging:
    """Accepts sends and receipts."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.read_by_business: set[str] = set()
        self.typing: dict[str, float] = {}

    def post(self, number: Number, body: Mapping[str, Any], fault: Fault | None) -> Reply:
        """Accept a send, or refuse it with ``GraphError``."""
        request = read_send(body)
        if isinstance(request, MarkRead):
            return self._mark_read(request)
        world = self._platform.world
        self._platform.admit({"number": number.id, "pair": f"{number.id}:{request.to}"})
        self._check_media(number, request)
        template = self._template(number, request)
        if request.recipient == "group":
            return self._to_group(number, request, template)
        person = world.reached(request)
        if person is None and self._platform.config.unknown_recipients == "accept" and request.recipient == "phone":
            person = world.add_person(CustomerSpec(phone=request.to, name=f"Customer {request.to[-4:]}"))
        if request.to == number.spec.display_phone_number:
            raise GraphError(131021)
        return self._to_person(number, request, person, template, fault)

    def _to_person(
        self,
        number: Number,
        request: Send,
        person: Person | None,
        template: Mapping[str, Any] | None,
        fault: Fault | None,
    ) -> Reply:
        now = self._platform.clock.now()
        in_window = person is not None and self._platform.world.window_is_open(number, person.id, now)
        config = self._platform.config
        outside = not in_window and template is None and config.window != "off" and person is not None
        if outside and config.window == "sync":
            raise GraphError(131047)
        sent = self._sent(number, request, person.address if person else request.to, now)
        deliveries = self._platform.deliveries
        if fault is not None and fault.kind == "failed_status":
            deliveries.fail(sent, person, fault.code, fault.details)
        elif person is None or not person.spec.installed:
            deliveries.fail(sent, person, 131026)
        elif outside:
            deliveries.fail(sent, person, 131047)
        elif template is not None and template["category"] == "MARKETING" and person.stopped_marketing:
            deliveries.fail(sent, person, 131050)
        else:
            category = str(template["category"]).lower() if template else "service"
            deliveries.follow(sent, person, category=category, in_window=in_window)
        contact = {"input": request.input}
        if request.recipient == "phone":
            contact["wa_id"] = person.phone if person else request.to
        elif person is not None and (phone := shared_phone(person)):
            contact["wa_id"] = phone["phone"]
        if person is not None and person.bsuid:
            contact["user_id"] = person.bsuid
        message = {"id": sent.wamid, **({"message_status": "accepted"} if template is not None else {})}
        return answer({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}, wamid=sent.wamid)

    def _to_group(self, number: Number, request: Send, template: Mapping[str, Any] | None) -> Reply:
        group: Group | None = self._platform.world.groups.get(request.to)
        if group is None or group.number is not number:
            raise GraphError(131041, "There is no such group.", message="(#131041) Group unknown")
        now = self._platform.clock.now()
        sent = self._sent(number, request, number.spec.display_phone_number, now)
        outside = not self._platform.world.window_is_open(number, group.id, now)
        if outside and template is None and self._platform.config.window != "off":
            self._platform.deliveries.fail(sent, None, 131047)
        else:
            category = str(template["category"]).lower() if template else "service"
            self._platform.deliveries.follow_group(sent, group, category=category)
        body = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": request.input}],
            "messages": [{"id": sent.wamid, "group_id": group.id}],
        }
        return answer(body, wamid=sent.wamid)

    def _sent(self, number: Number, request: Send, phone: str, now: float) -> Sent:
        sent = Sent(self._platform.mint.wamid(phone), number, request, now)
        self._platform.world.sent[sent.wamid] = sent
        return sent

    def _mark_read(self, request: MarkRead) -> Reply:
        heard = self._platform.world.heard.get(request.message_id)
        if heard is None:
            raise GraphError(
                100, message="(#100) Invalid parameter", details="There is no such message to mark as read."
            )
        if len(self.read_by_business) >= self._platform.config.remembered_messages:
            self.read_by_business.clear()
        self.read_by_business.add(heard.wamid)
        if request.typing:
            self.typing[heard.person.id] = self._platform.clock.now()
        return answer({"success": True})

    def _check_media(self, number: Number, request: Send) -> None:
        for media_id in request.media_ids:
            stored = self._platform.world.media.get(media_id)
            if stored is None or stored.expires_at <= self._platform.clock.now():
                raise GraphError(
                    100,
                    f"{media_id} is not a media id of this number, or has expired.",
                    message=f"(#100) Param {request.type}['id'] is not a valid media attachment ID",
                )
            if stored.number_id != number.id and not stored.inbound:
                raise GraphError(131053, "A media id is usable only from the number that uploaded it.")

    def _template(self, number: Number, request: Send) -> Mapping[str, Any] | None:
        if request.type != "template":
            return None
        name, language = request.content["name"], request.content["language"]["code"]
        stored = self._platform.world.templates[number.spec.waba_id]
        found = next((t for t in stored.values() if t["name"] == name and t["language"] == language), None)
        if found is None or found["status"] not in ("APPROVED", "PAUSED", "DISABLED"):
            raise GraphError(132001, f"template name ({name}) does not exist in {language}")
        if found["status"] != "APPROVED":
            raise GraphError(132015 if found["status"] == "PAUSED" else 132016)
        given: Mapping[str, Any] = next(
            (c for c in request.content.get("components", []) if str(c.get("type")).lower() == "body"), {}
        )
        expected = body_parameters(found)
        if len(given.get("parameters", [])) != expected:
            raise GraphError(132000, f"body: number of params ({len(given.get('parameters', []))}) is not {expected}")
        return found


def body_parameters(template: Mapping[str, Any]) -> int:
    """How many different ``{{placeholders}}`` the body of a template has."""
    bodies = [str(part.get("text", "")) for part in template["components"] if str(part.get("type")).upper() == "BODY"]
    return len(set(re.findall(r"\{\{\s*(\w+)\s*\}\}", " ".join(bodies))))
