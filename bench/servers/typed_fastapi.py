"""FastAPI as its documentation shows it: a typed body, the signature checked, nothing kept. Needs BENCH_SECRET."""

import hmac
import os

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

SECRET = os.environ["BENCH_SECRET"].encode()


class Text(BaseModel):
    body: str


class Message(BaseModel):
    id: str
    timestamp: str
    type: str
    sender: str = Field(alias="from")
    text: Text | None = None


class Profile(BaseModel):
    name: str


class Contact(BaseModel):
    wa_id: str
    profile: Profile


class Metadata(BaseModel):
    phone_number_id: str
    display_phone_number: str


class Value(BaseModel):
    messaging_product: str
    metadata: Metadata
    messages: list[Message] = []
    contacts: list[Contact] = []


class Change(BaseModel):
    field: str
    value: Value


class Entry(BaseModel):
    id: str
    changes: list[Change]


class Webhook(BaseModel):
    object: str
    entry: list[Entry]


app = FastAPI()
handled = 0


@app.post("/hook")
async def hook(webhook: Webhook, request: Request) -> Response:
    global handled
    signature = "sha256=" + hmac.digest(SECRET, await request.body(), "sha256").hex()
    if not hmac.compare_digest(signature, request.headers["x-hub-signature-256"]):
        return Response(status_code=401)
    handled += len(webhook.entry[0].changes[0].value.messages)
    return Response("ok")


@app.get("/handled")
async def show_handled() -> int:
    return handled
