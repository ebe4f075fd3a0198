"""A day at a gateway on which every kind of feature is used, rightly and wrongly, with canaries in all places."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import aiohttp
import pyotp
from yarl import URL

from tests.faults.process import PHONE_NUMBER_ID, envelope
from tests.security.canary_house import CanaryHouse

HOSTILE = ("\r\n2026-11-22T09:33:00.120Z error    forged", "\x1b[2K\x1b]0;x\x07", "\u2028forged\u2029", "\x85", "\x00")
PAGE = {"messenger": ("page", "2010000000001"), "instagram": ("instagram", "3010000000001")}


async def whole_day(house: CanaryHouse) -> None:
    await first_person(house)
    await second_factor(house)
    await letters(house)
    await programs(house)
    await sockets(house)
    await accounts(house)
    await customers(house)
    await conversations(house)
    await media(house)
    await forgeries(house)
    await everything_read(house)


async def first_person(house: CanaryHouse) -> None:
    """Somebody is made and signs in, and others try to."""
    secret, name = house.canaries.secret, house.canaries.text("person name")
    password, admin = secret("password"), {"email": "mara@example.org", "name": name, "role_ids": ["super_admin"]}
    await house.ask("POST", "/users", {**admin, "password": "password" + secret("weak password")[:3]})
    await house.ask("POST", "/users", {**admin, "password": password, "pasword": secret("misspelled password")})
    await house.done("POST", "/users", {**admin, "password": password})
    await house.ask("GET", "/users")
    for body in (
        {"email": "mara@example.org", "password": secret("wrong password")},
        {"email": "mara@example.org", "password": {"in": secret("nested password")}},
        {"email": "mara@example.org", "passwort": secret("unknown field password")},
        {"email": secret("password as a name"), "password": secret("wrong password")},
        *({"email": f"x{each}@example.org", "password": secret("wrong password")} for each in HOSTILE),
    ):
        assert (await house.ask("POST", "/auth/login", body, token=None)).status in (401, 422), body
    await house.ask("POST", "/auth/login", b'{"password": "' + secret("broken JSON password").encode(), token=None)
    await sign_in(house, password)
    changed = {"current_password": secret("wrong password"), "password": secret("changed password")}
    assert (await house.ask("POST", "/auth/password/change", changed)).status == 401
    await house.done("POST", "/auth/password/change", {**changed, "current_password": password})


async def sign_in(house: CanaryHouse, password: str, **more: str) -> None:
    given = ("access token", "refresh token", "cookie")
    names = tuple(f"{name} {len(house.said)}" for name in given)
    body = {"email": "mara@example.org", "password": password, **more}
    said = await house.ask("POST", "/auth/login", body, token=None, gives=names)
    assert said.status == 200, said.body
    found = said.json()
    cookie = said.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    for name, value in zip(names, (found["access_token"].split(".")[2], found["refresh_token"], cookie), strict=True):
        house.canaries.learn(name, value)
    house.token = found["access_token"]
    names = (f"renewed {names[0]}", f"renewed {names[1]}")
    renewed = await house.done(
        "POST", "/auth/refresh", {"refresh_token": found["refresh_token"]}, token=None, gives=names
    )
    house.canaries.learn(names[0], renewed["access_token"].split(".")[2])
    house.canaries.learn(names[1], renewed["refresh_token"])
    await house.ask("GET", "/auth/me", token=None, headers={"Cookie": f"__Host-patchbay={cookie}"})
    await house.ask("POST", "/tags", {"name": "x"}, token=None, headers={"Cookie": f"__Host-patchbay={cookie}"})
    await house.ask("GET", "/auth/me", token=None, headers={"Cookie": f"__Host-patchbay={cookie}x"})
    for bearer in (found["access_token"] + "x", found["refresh_token"], house.canaries.secret("unknown token")):
        assert (await house.ask("GET", "/auth/me", token=bearer)).status == 401
    assert (
        await house.ask("POST", "/auth/refresh", {"refresh_token": found["refresh_token"] + "x"}, token=None)
    ).status in (401, 422)
    for name in ("access_token", "token", "api_key", "key"):
        await house.ask("GET", f"/auth/me?{name}={found['access_token']}", token=None)
        await house.ask("GET", f"/conversations?{name}={house.canaries.secret('token in a URL')}")


async def second_factor(house: CanaryHouse) -> None:
    password = house.canaries.secrets["changed password"]
    set_up = await house.done("POST", "/auth/2fa/setup", {"password": password}, gives=("seed",))
    seed = house.canaries.learn("seed", set_up["secret"])
    at = int(time.time())
    code = house.canaries.learn("first code", pyotp.TOTP(seed).at(at))
    assert (await house.ask("POST", "/auth/2fa/verify", {"code": f"{(int(code) + 1) % 10**6:06}"})).status == 401
    names = tuple(f"recovery code {number}" for number in range(10))
    codes = await house.done("POST", "/auth/2fa/verify", {"code": code}, gives=names)
    for name, each in zip(names, codes["recovery_codes"], strict=True):
        house.canaries.learn(name, each)
    for more in ({}, {"code": code}, {"code": "000000"}, {"recovery_code": house.canaries.secret("wrong recovery")}):
        body = {"email": "mara@example.org", "password": password, **more}
        assert (await house.ask("POST", "/auth/login", body, token=None)).status == 401
    await sign_in(house, password, recovery_code=codes["recovery_codes"][0])
    used = {"email": "mara@example.org", "password": password, "recovery_code": codes["recovery_codes"][0]}
    assert (await house.ask("POST", "/auth/login", used, token=None)).status == 401


async def letters(house: CanaryHouse) -> None:
    """Invitations and resets: by e-mail, by hand where the mail server refuses, and used twice."""
    learn, secret = house.canaries.learn, house.canaries.secret
    ben = {"email": "ben@example.org", "name": "Ben", "role_ids": ["agent"]}
    await house.done("POST", "/users", ben)
    token = learn("invitation", await house.letter(1))
    taken = {"token": token, "name": "Ben", "password": secret("invited password")}
    assert (await house.ask("POST", "/auth/register", {**taken, "password": "short"}, token=None)).status == 422
    await house.done("POST", "/auth/register", taken, token=None)
    assert (await house.ask("POST", "/auth/register", taken, token=None)).status in (401, 409, 422)
    await house.done("POST", "/auth/password/forgot", {"email": "ben@example.org"}, token=None)
    reset = {"token": learn("reset", await house.letter(2)), "password": secret("reset password")}
    await house.done("POST", "/auth/password/reset", reset, token=None)
    assert (await house.ask("POST", "/auth/password/reset", reset, token=None)).status == 401
    house.office.replies["RCPT"] = f"550 no {house.canaries.secrets['smtp password']} today"
    eve = await house.done("POST", "/users", {**ben, "email": "eve@example.org", "invite": False})
    invited = await house.done("POST", f"/users/{eve['id']}/invite", gives=("invitation by hand",))
    learn("invitation by hand", invited["token"])
    house.office.replies.clear()


async def programs(house: CanaryHouse) -> None:
    body = {"name": house.canaries.text("key name"), "permissions": ["conversations.read"]}
    made = await house.done("POST", "/api-keys", body, gives=("api key",))
    house.canaries.learn("api key", made["key"].removeprefix(made["prefix"]))
    for headers in ({"X-API-Key": made["key"]}, {"Authorization": f"Bearer {made['key']}"}):
        assert (await house.ask("GET", "/conversations", token=None, headers=headers)).status == 200
        await house.ask("GET", "/users", token=None, headers=headers)
    await house.ask("GET", f"/conversations?api_key={made['key']}", token=None)
    await house.done("DELETE", f"/api-keys/{made['id']}")
    assert (await house.ask("GET", "/conversations", token=None, headers={"X-API-Key": made["key"]})).status == 401


async def sockets(house: CanaryHouse) -> None:
    ticket = (await house.done("POST", "/auth/ws-ticket", gives=("ticket",)))["ticket"]
    house.canaries.learn("ticket", ticket)
    text, unknown = house.canaries.text("socket text"), house.canaries.secret("unknown ticket")
    url = f"{house.gateway.url}/api/v1/ws"
    for token in (ticket, ticket, unknown):
        async with house.session.ws_connect(url) as socket:
            await socket.send_json({"op": "hello", "token": token})
            told = await socket.receive()
            if told.type is aiohttp.WSMsgType.TEXT and "error" not in str(told.data)[:40]:
                for frame in ({"op": text}, {"op": "typing", "text": text}, {"op": "read", "body": text}):
                    await socket.send_json(frame)
                await socket.send_str('{"op": "ping", "token": "' + unknown)
                await socket.receive()
    async with house.session.ws_connect(url) as socket:
        await socket.send_json({"op": "hello", "token": [unknown], "text": text})
        await socket.receive()
    for name in ("token", "ticket"):
        await house.ask("GET", f"/ws?{name}={unknown}", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        await house.ask("GET", f"/events/stream?{name}={unknown}", token=None)


async def accounts(house: CanaryHouse) -> None:
    """Credentials that come over the API: good, refused, changed, and read back."""
    secret = house.canaries.secret
    for channel, (_, page) in {"whatsapp": ("", "777000000001"), **PAGE}.items():
        credentials = {"access_token": secret(f"{channel} account token")}
        new = {"channel": channel, "name": f"Line {channel}", "external_id": page, "credentials": credentials}
        house.graph.tokens.add(credentials["access_token"])
        for wrong in (
            {**new, "credentials": {"acces_token": credentials["access_token"]}},
            {**new, "credentials": {"access_token": [credentials["access_token"]]}},
            {**new, "settings": {"app_secret": secret("secret in settings")}},
            {**new, "access_token": credentials["access_token"]},
            {**new, "channel": credentials["access_token"]},
        ):
            assert (await house.ask("POST", "/channels", wrong)).status in (404, 422), wrong
        made = await house.done("POST", "/channels", new)
        again = {"credentials": {"access_token": secret(f"{channel} changed token")}}
        house.graph.tokens.add(again["credentials"]["access_token"])
        version = {"If-Match": f'"{made["version"]}"'}
        await house.done("PATCH", f"/channels/{made['id']}", again, headers=version)
        for path in ("", "/health", "/diagnose", "/capabilities"):
            await house.ask("GET", f"/channels/{made['id']}{path}")
        revoked = {"credentials": {"access_token": secret(f"{channel} revoked token")}}
        await house.ask("POST", f"/channels/{made['id']}/reauthorize", revoked)
        await house.ask("GET", f"/channels/{made['id']}/diagnose")
        house.graph.tokens.add(revoked["credentials"]["access_token"])


async def customers(house: CanaryHouse) -> None:
    """Webhooks: good ones, and every kind of bad one."""
    text, secrets = house.canaries.text, house.canaries.secrets
    phone, app_secret = house.canaries.phone("phone"), secrets["whatsapp app secret"]
    messages: list[dict[str, Any]] = [
        {"type": "text", "text": {"body": text("inbound text")}},
        {"type": "image", "image": {"id": "1", "mime_type": "image/png", "sha256": "a", "caption": text("caption")}},
        {"type": "hologram", "hologram": {"said": text("unknown kind")}},
        {"type": "text", "text": text("malformed text")},
        {"type": "document", "document": {"id": "2", "filename": text("inbound file")}},
    ]
    sent: list[dict[str, Any]] = [
        {"from": phone, "id": f"wamid.{number}", "timestamp": str(int(time.time())), **each}
        for number, each in enumerate(messages)
    ]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550009999", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": text("customer name") + HOSTILE[0]}, "wa_id": phone}],
        "messages": sent,
    }
    body = envelope({"field": "messages", "value": value})
    assert (await house.webhook("whatsapp", body, app_secret)).status == 200
    assert (await house.webhook("whatsapp", body, secrets["admin token"])).status == 401
    for odd in (body[:-20], b"[" * 50_000, b'{"object": "' + text("odd object").encode() + b'"}', b"\xff" + body):
        await house.webhook("whatsapp", odd, app_secret)
    context = {"token": house.canaries.secret("secret in a webhook")}
    echoed = {**value, "messages": [{**sent[0], "id": "wamid.s", "context": context}]}
    await house.webhook(
        "whatsapp",
        envelope({"field": "messages", "value": echoed, "secret": secrets["secret in a webhook"]}),
        app_secret,
    )
    for channel, (kind, page) in PAGE.items():
        said = {
            "sender": {"id": "9" + phone},
            "recipient": {"id": page},
            "timestamp": int(time.time() * 1000),
            "message": {"mid": f"m_{channel}", "text": text(f"{channel} text")},
        }
        entry = {"id": page, "time": int(time.time() * 1000), "messaging": [said]}
        body = json.dumps({"object": kind, "entry": [entry]}).encode()
        assert (await house.webhook(channel, body, secrets[f"{channel} app secret"])).status == 200
    for token in (secrets["whatsapp verify token"], house.canaries.secret("wrong verify token")):
        query = f"hub.mode=subscribe&hub.challenge=12345&hub.verify_token={token}"
        await house.ask("GET", f"/webhooks/whatsapp?{query}", token=None)


async def conversations(house: CanaryHouse) -> None:
    """What is written back: sent, refused by us, refused by a provider that repeats all it was told."""
    text = house.canaries.text
    found = (await house.done("GET", "/conversations"))["data"]
    mine = next(each for each in found if each["channel"] == "whatsapp")
    path = f"/conversations/{mine['id']}"
    await house.done("POST", f"{path}/messages", {"text_content": text("outbound text")})
    await house.done("POST", f"{path}/notes", {"text": text("note")})
    for wrong in (
        {"text_content": text("too long") * 500},
        {"text_content": text("wrong field"), "colour": text("wrong value")},
        {"content": {"type": "hologram", "said": text("unknown content")}},
        {"customer_phone": house.canaries.phone("wrong phone") + "x", "text_content": text("refused text")},
        {"content": {"type": "text", "text": {"in": text("nested text")}}},
    ):
        assert (await house.ask("POST", f"{path}/messages", wrong)).status == 422
        await house.ask("POST", "/messages/preview", {"conversation_id": mine["id"], **wrong})
    for status in (400, 401, 200):
        house.graph.echoes.append(status)
        house.graph.asked.clear()
        sent = await house.done("POST", f"{path}/messages", {"text_content": text(f"echoed {status}")})
        async with asyncio.timeout(10):
            await house.graph.asked.wait()
            while (await house.done("GET", f"/messages/{sent['message']['id']}"))["delivery"]["state"] in (
                "sending",
                "queued",
            ):
                if status == 401:
                    break
                await asyncio.sleep(0.05)
    for kind, asked in (("tags", {"name": "vip"}), ("contacts", {"display_name": text("contact name")})):
        await house.done("POST", f"/{kind}", asked)
        await house.ask("POST", f"/{kind}", {**asked, "colour": text("wrong value")})
    await house.ask("GET", f"/conversations?q={text('searched text')}&limit=none")
    await house.ask("POST", f"{path}/assign", {"user_id": text("unknown person")})


async def media(house: CanaryHouse) -> None:
    form = aiohttp.MultipartWriter("form-data")
    part = form.append(
        b"\x89PNG\r\n\x1a\n" + house.canaries.text("file content").encode(), {"Content-Type": "image/png"}
    )
    part.set_content_disposition("form-data", name="file", filename=house.canaries.text("file name") + ".png")
    headers = {"Content-Type": f"multipart/form-data; boundary={form.boundary}"}
    made = await house.done("POST", "/media/upload", form, headers=headers)
    link = await house.done("POST", f"/media/{made['id']}/link", {}, gives=("media link",))
    house.canaries.learn("media link", link["url"].rsplit("/", 1)[1].rsplit(".", 1)[1])
    path = URL(link["url"]).path
    assert (await house.ask("GET", path, token=None)).status == 200
    assert (await house.ask("GET", path, token=None, headers={"Range": "bytes=9999999-"})).status == 416
    assert (await house.ask("GET", path[:-4] + "AAAA", token=None)).status in (401, 403, 404)


async def forgeries(house: CanaryHouse) -> None:
    """What tries to write a line of its own into a log, or is no HTTP at all."""
    secret = house.canaries.secret("secret in a broken request").encode()
    await house.raw(b"GET /" + secret + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + b"\nx\r\n\r\n")
    await house.raw(b"\x16\x03\x01" + secret + b"\r\n\r\n")
    await house.raw(
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A: \x1b[2K\r\n 2026 forged\r\nContent-Length: " + secret + b"\r\n\r\n"
    )
    for each in HOSTILE:
        quoted = "".join(f"%{byte:02x}" for byte in each.encode())
        await house.raw(f"GET /api/v1/tags/{quoted} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    odd = {
        "User-Agent": "\x9b2K forged",
        "X-Request-Id": "2026-11-22T09:33:00.120Z error forged",
        "X-Forwarded-For": "x",
    }
    await house.ask("GET", "/tags", headers=odd)
    await house.ask(
        "GET", "/tags", token=None, headers={**odd, "Authorization": "Basic " + base64.b64encode(secret).decode()}
    )
    await house.ask("POST", "/tags", {"name": "keyed"}, headers={"Idempotency-Key": secret.decode()})
    await house.ask("POST", "/tags", {"name": "other"}, headers={"Idempotency-Key": secret.decode()})


async def everything_read(house: CanaryHouse) -> None:
    """All that tells of the gateway itself."""
    for path in (
        "/metrics",
        "/health",
        "/health/ready",
        "/health/plugins",
        "/plugins",
        "/plugins/rbac",
        "/plugins/email",
    ):
        await house.ask("GET", path)
    for path in (
        "/openapi.json",
        "/channels",
        "/users",
        "/api-keys",
        "/auth/sessions",
        "/ingest/events",
        "/events?after=0",
    ):
        assert (await house.ask("GET", path)).status == 200, path
    for id in [each["id"] for each in (await house.done("GET", "/users"))["data"]]:
        await house.ask("GET", f"/users/{id}/sessions")
    await house.ask("POST", "/keys/reseal", {"new_key": True})
