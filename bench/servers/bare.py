"""The yardstick: aiohttp that verifies the signature and parses the body, and keeps nothing. argv: PORT SECRET"""

import asyncio
import hmac
import sys

import msgspec
from aiohttp import web

port, secret = int(sys.argv[1]), sys.argv[2].encode()
parse = msgspec.json.decode


async def hook(request: web.Request) -> web.Response:
    body = await request.read()
    signature = "sha256=" + hmac.digest(secret, body, "sha256").hex()
    if not hmac.compare_digest(signature, request.headers["X-Hub-Signature-256"]):
        return web.Response(status=401)
    parse(body)
    return web.Response(text="ok")


async def main() -> None:
    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


try:
    import uvloop
except ImportError:
    asyncio.run(main())
else:
    uvloop.run(main())
