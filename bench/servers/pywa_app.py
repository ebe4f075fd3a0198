"""pywa, asynchronous, on FastAPI: signatures validated, one handler that only counts. Needs BENCH_SECRET."""

import logging
import os
from typing import Any

from fastapi import FastAPI
from pywa_async import WhatsApp

logging.disable(logging.CRITICAL)
app = FastAPI()
handled = 0


@app.get("/handled")
async def show_handled() -> int:
    return handled


client = WhatsApp(
    phone_id="106540352242922",
    token="none",
    server=app,
    verify_token="bench-verify",
    webhook_endpoint="/hook",
    app_secret=os.environ["BENCH_SECRET"],
    validate_updates=True,
)


@client.on_message
async def on_message(_: WhatsApp, message: Any) -> None:
    global handled
    handled += 1
