"""Simulated people: they write, tap, react, change their number, and get what the business sends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay_simulator.errors import SimulationError, message_error
from patchbay_simulator.files import File
from patchbay_simulator.inbox import Received
from patchbay_simulator.mint import bsuid_of
from patchbay_simulator.payloads import contact, media_object, message, shared_phone
from patchbay_simulator.phone import Phone

_INBOUND_TYPE = {"photo": "image", "voice": "audio"}


class Customer(Phone):
    """One person. Every action emits its webhook at once and returns the id of the message, "" where it has none.

    ``number`` names the business number that is written to, the first one by default; ``group`` writes into a group.
    ``of`` and ``to`` name a message by its wamid; by default the last one that fits.
    """

    actions = (
        "attach",
        "call",
        "change_number",
        "come_online",
        "echo",
        "edit",
        "go_offline",
        "history",
        "prefer",
        "react",
        "reply",
        "revoke",
        "say",
        "send_unsupported",
        "share_contact",
        "share_location",
        "tap",
        "unreact",
    )

    def say(
        self,
        text: str,
        *,
        number: str | None = None,
        to: str | None = None,
        group: str | None = None,
        forwarded: int = 0,
        referral: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a text. ``to`` makes it a reply; ``forwarded`` counts hops; ``referral`` is an advertisement's."""
        context: dict[str, Any] = self._quote(to) if to else {}
        if forwarded:
            context["frequently_forwarded" if forwarded > 5 else "forwarded"] = True
        more = {"referral": dict(referral)} if referral else None
        return self._write("text", {"body": text}, number=number, context=context, group=group, more=more)

    def reply(self, text: str, *, to: str | None = None) -> str:
        """Answer a message of the business, the last one by default."""
        return self.say(text, to=to or self._last().wamid, number=self._last().number_id if to is None else None)

    def attach(
        self,
        kind: str = "image",
        *,
        caption: str | None = None,
        file: File | None = None,
        number: str | None = None,
        to: str | None = None,
        group: str | None = None,
    ) -> str:
        """Send a file: image, photo (PNG), audio, voice, video, document or sticker, made in code unless given."""
        file = file or self._file(kind)
        where = self._platform.world.number(number)
        stored = self._shelf.keep(where.id, file, inbound=True)
        content = media_object(stored, self._shelf.url(stored), caption)
        if kind == "document":
            content["filename"] = file.filename
        elif kind == "sticker":
            content["animated"] = False
        elif kind in ("audio", "voice"):
            content["voice"] = kind == "voice"
        context = self._quote(to) if to else None
        return self._write(_INBOUND_TYPE.get(kind, kind), content, number=number, context=context, group=group)

    def share_location(
        self,
        latitude: float = 38.7071,
        longitude: float = -9.1355,
        *,
        name: str | None = None,
        address: str | None = None,
        number: str | None = None,
    ) -> str:
        place = {"latitude": latitude, "longitude": longitude, "name": name, "address": address}
        return self._write("location", {key: value for key, value in place.items() if value is not None}, number=number)

    def share_contact(self, name: str = "Ines Prado", phone: str = "+15550002222", *, number: str | None = None) -> str:
        first, _, last = name.partition(" ")
        card = {
            "name": {"formatted_name": name, "first_name": first, **({"last_name": last} if last else {})},
            "phones": [{"phone": phone, "wa_id": re.sub(r"\D", "", phone), "type": "CELL"}],
        }
        return self._write("contacts", [card], number=number)

    def tap(self, choice: str = "", *, of: str | None = None) -> str:
        """Tap a button or a row, by id or title, the first one by default, of the last message that has any."""
        offered, found = self._offered(choice, of)
        if found.kind == "button":
            kind, content = "button", {"payload": found.id, "text": found.title}
        else:
            inner = {"id": found.id, "title": found.title}
            if found.description:
                inner["description"] = found.description
            kind, content = "interactive", {"type": found.kind, found.kind: inner}  # type: ignore[dict-item]
        return self._write(kind, content, number=offered.number_id, context=self._quote(offered.wamid))

    def react(self, emoji: str = "👍", *, to: str | None = None) -> str:
        """React to a message of the business; an empty emoji takes the reaction back."""
        target = to or self._last().wamid
        content = {"message_id": target, **({"emoji": emoji} if emoji else {})}
        return self._write("reaction", content, number=self._number_of(target))

    def unreact(self, *, to: str | None = None) -> str:
        return self.react("", to=to)

    def edit(self, text: str, *, of: str | None = None) -> str:
        """Change a message. Only coexistence numbers are told what it says now; others get ``unsupported``."""
        heard = self._heard(of)
        if not heard.number.spec.coexistence:
            return self.send_unsupported("edit", number=heard.number.id)
        inner = {"context": {"id": "M0"}, "type": "text", "text": {"body": text}}
        content = {"original_message_id": heard.wamid, "message": inner}
        return self._write("edit", content, number=heard.number.id)

    def revoke(self, *, of: str | None = None) -> str:
        """Take a message back. Raises ``SimulationError`` unless the number is a coexistence one: no other is told."""
        heard = self._heard(of)
        if not heard.number.spec.coexistence:
            raise SimulationError("Only coexistence numbers are told of revoked messages.")
        return self._write("revoke", {"original_message_id": heard.wamid}, number=heard.number.id)

    def send_unsupported(self, kind: str = "poll_creation", *, number: str | None = None) -> str:
        """Send what the API does not carry: a poll, a live location, a view-once photo."""
        errors = {"errors": [message_error(131051)]}
        return self._write("unsupported", {"type": kind}, number=number, more=errors)

    def change_number(self, phone: str, *, bsuid: str | None = None, number: str | None = None) -> str:
        """Move to another phone number; the BSUID changes with it, and the business is told by a system message."""
        where = self._platform.world.number(number)
        old_phone, old_bsuid = self.person.phone, self.person.bsuid
        wamid = self._platform.mint.wamid(self.person.address)
        new_phone = re.sub(r"\D", "", phone)
        new_bsuid = bsuid if bsuid is not None else (bsuid_of(new_phone) if old_bsuid else "")
        self._platform.world.rekey(self.person, new_phone, new_bsuid)
        shares = self.person.spec.shares_phone
        before, after = (old_phone, new_phone) if shares else (old_bsuid, new_bsuid)
        system: dict[str, Any] = {"body": f"User {self.person.name} changed from {before} to {after}"}
        system["type"] = "user_changed_number" if shares else "user_changed_user_id"
        if shares:
            system["wa_id"] = new_phone
        if new_bsuid:
            system |= {"user_id": new_bsuid, "previous_user_id": old_bsuid}
        body: dict[str, Any] = {"from": old_phone, "from_user_id": old_bsuid} if shares and old_bsuid else {}
        if shares:
            body["from"] = old_phone
        body |= {"id": wamid, "timestamp": str(int(self._platform.clock.now())), "type": "system", "system": system}
        self._platform.emit(where, "messages", {"messages": [body]}, self.person)
        return wamid

    def echo(self, text: str, *, number: str | None = None) -> str:
        """The business writes to this person from its phone app. Raises ``SimulationError`` without coexistence."""
        where = self._coexisting(number)
        wamid = self._platform.mint.wamid(self.person.address)
        to = {"to": phone["phone"]} if (phone := shared_phone(self.person)) else {}
        if self.person.bsuid:
            to["to_user_id"] = self.person.bsuid
        body = {
            "from": where.spec.display_phone_number,
            **to,
            "id": wamid,
            "timestamp": str(int(self._platform.clock.now())),
            "type": "text",
            "text": {"body": text},
        }
        value = {"contacts": [contact(self.person)], "message_echoes": [body]}
        self._platform.emit(where, "smb_message_echoes", value, self.person)
        self._hear(
            Received(wamid=wamid, number_id=where.id, type="text", text=text, content={"body": text}, at=self._now())
        )
        return wamid

    def history(
        self,
        lines: Sequence[str],
        *,
        number: str | None = None,
        phase: int = 0,
        chunk: int = 1,
        progress: int = 100,
        began_s: float = 3600.0,
    ) -> str:
        """Hand over an old chat. Lines that start with "> " are the business's; one minute lies between two lines."""
        where = self._coexisting(number)
        began = self._now() - began_s
        messages: list[dict[str, Any]] = []
        for index, line in enumerate(lines):
            ours = line.startswith("> ")
            who = (
                {
                    "from": where.spec.display_phone_number,
                    **({"to": p["phone"]} if (p := shared_phone(self.person)) else {}),
                }
                if ours
                else {
                    **({"from": p["phone"]} if (p := shared_phone(self.person)) else {}),
                    "from_user_id": self.person.bsuid,
                }
            )
            messages.append(
                {
                    **who,
                    "id": self._platform.mint.wamid(self.person.address),
                    "timestamp": str(int(began + 60 * index)),
                    "type": "text",
                    "text": {"body": line.removeprefix("> ")},
                    "history_context": {"status": "READ"},
                }
            )
        known = contact(self.person)
        context: dict[str, Any] = {key: known[key] for key in ("wa_id", "user_id") if key in known}
        if self.person.spec.username:
            context["username"] = known["profile"]["username"]
        thread = {**({"id": p["phone"]} if (p := shared_phone(self.person)) else {}), "context": context}
        part = {
            "metadata": {"phase": phase, "chunk_order": chunk, "progress": progress},
            "threads": [{**thread, "messages": messages}],
        }
        self._platform.emit(where, "history", {"history": [part]}, self.person)
        return ""

    def call(self, *, duration_s: int = 30, number: str | None = None) -> str:
        """Call the business; it rings and ends, and opens the window. Returns the call's id."""
        where = self._platform.world.number(number)
        now = self._now()
        self._platform.world.open_window(where, self.id, now)
        call_id = self._platform.mint.wacid()
        base = {
            "id": call_id,
            **message(self.person, call_id, now, "call", None)["messages"][0],
            "to": where.spec.display_phone_number,
            "direction": "USER_INITIATED",
        }
        base.pop("type")
        offer = {"sdp_type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"}
        ended = {
            "event": "terminate",
            "timestamp": str(int(now) + duration_s),
            "status": "COMPLETED",
            "start_time": str(int(now)),
            "end_time": str(int(now) + duration_s),
            "duration": duration_s,
        }
        steps: list[dict[str, Any]] = [{"event": "connect", "session": offer}, ended]
        for step in steps:
            value = {"contacts": [contact(self.person)], "calls": [{**base, **step}]}
            self._platform.emit(where, "calls", value, self.person)
        return call_id

    def prefer(self, value: str = "stop", *, number: str | None = None) -> str:
        """Stop or resume marketing messages; while stopped, marketing templates fail with 131050."""
        if value not in ("stop", "resume"):
            raise SimulationError("A preference is stop or resume.")
        self.person.stopped_marketing = value == "stop"
        where = self._platform.world.number(number)
        known = contact(self.person)
        preference: dict[str, Any] = {
            **{key: known[key] for key in ("wa_id", "user_id") if key in known},
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(self._now()),
        }
        payload = {"contacts": [known], "user_preferences": [preference]}
        self._platform.emit(where, "user_preferences", payload, self.person)
        return ""

    def go_offline(self) -> str:
        """Be out of reach: what is sent waits."""
        self._platform.deliveries.offline.add(self.id)
        return ""

    def come_online(self) -> str:
        """Get what waited."""
        self._platform.deliveries.come_online(self.person)
        return ""
