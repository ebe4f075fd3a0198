"""The resource half of the public contract: what is mounted, what is documented, and what is still absent."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from patchbay.web.keys import OPERATIONS
from patchbay.web.operations import Public
from tests.core.web.resources.conftest import House

MOUNTED = """
GET /conversations
POST /conversations
GET /conversations/{}
PATCH /conversations/{}
POST /conversations/{}/assign
POST /conversations/{}/claim
POST /conversations/{}/release
POST /conversations/{}/transfer
POST /conversations/{}/close
POST /conversations/{}/reopen
POST /conversations/{}/snooze
POST /conversations/{}/unsnooze
POST /conversations/{}/read
POST /conversations/{}/unread
POST /conversations/{}/control/take
POST /conversations/{}/control/release
GET /conversations/{}/timeline
PUT /conversations/{}/tags/{}
DELETE /conversations/{}/tags/{}
GET /conversations/{}/messages
POST /conversations/{}/messages
POST /messages/send
POST /messages/preview
POST /contacts/{}/preview
GET /messages/{}
POST /messages/{}/retry
POST /messages/{}/cancel
PUT /messages/{}/reaction
DELETE /messages/{}/reaction
GET /messages/{}/receipts
GET /messages/{}/revisions
GET /messages/{}/raw
GET /conversations/{}/notes
POST /conversations/{}/notes
GET /conversations/{}/notes/{}
PATCH /conversations/{}/notes/{}
DELETE /conversations/{}/notes/{}
GET /contacts/{}/notes
POST /contacts/{}/notes
GET /contacts/{}/notes/{}
PATCH /contacts/{}/notes/{}
DELETE /contacts/{}/notes/{}
GET /tags
POST /tags
GET /tags/{}
PATCH /tags/{}
DELETE /tags/{}
GET /contacts
POST /contacts
GET /contacts/{}
PATCH /contacts/{}
DELETE /contacts/{}
GET /contacts/{}/timeline
GET /contacts/{}/identities
POST /contacts/{}/identities
POST /contacts/{}/merge
POST /contacts/{}/unmerge
POST /contacts/{}/block
POST /contacts/{}/unblock
POST /contacts/{}/export
POST /contacts/{}/erase
GET /jobs/{}
POST /jobs/{}/cancel
POST /retention/run
POST /keys/reseal
POST /media/upload
GET /media/{}
GET /media/{}/download
POST /media/{}/link
"""
AT_ROOT = {"POST /messages/send", "GET /media/links/{}", "GET /jobs/files/{}"}
UNVERSIONED = {"POST /messages/preview", "POST /contacts/{}/preview", "POST /media/{}/link"}  # they change nothing


def shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


async def test_exactly_what_the_contract_names_is_mounted(house: House) -> None:
    declared = [each for each in house.client.app[OPERATIONS] if "openapi" not in each.path]
    below = {f"{each.method} {shape(each.path)[len('/api/v1') :]}" for each in declared if "/api/v1/" in each.path}
    assert below == set(MOUNTED.split("\n")) - {""}
    assert {f"{each.method} {shape(each.path)}" for each in declared if "/api/v1/" not in each.path} == AT_ROOT


async def test_every_operation_has_a_permission_and_changes_take_a_version_or_a_key(house: House) -> None:
    for each in house.client.app[OPERATIONS]:
        if isinstance(each.permission, Public):
            assert each.method == "GET", each.path
        elif each.method != "GET":
            line = f"{each.method} {shape(each.path).removeprefix('/api/v1')}"
            assert each.creates or each.versioned or line in UNVERSIONED, line


async def test_the_documentation_is_valid_and_names_each_operation_once(house: House) -> None:
    document = (await house.get("/openapi.json")).body
    validate(document)
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
    assert document["paths"]["/messages/send"]["post"]["x-permission"] == "messages.send"


@pytest.mark.parametrize(
    "path",
    ["/conversations/x/draft", "/canned-replies"],
)
async def test_what_is_not_built_yet_is_absent(house: House, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        assert (await house.ask(method, path)).status == 404
