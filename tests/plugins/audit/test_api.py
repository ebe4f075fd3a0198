"""The trail over HTTP, of a gateway that really did things."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

from patchbay.gateway import Gateway
from patchbay.testing import FakeClock
from patchbay_audit.entry import AUDIT_ENTRIES, entry_of
from patchbay_audit.trail import Trail
from tests.plugins.audit.standalone import main

Api = TestClient[Any, Any]


async def asked(api: Api, method: str, path: str, status: int = 200, **options: Any) -> Any:
    async with api.request(method, f"/api/v1{path}", **options) as response:
        text = await response.text()
        assert response.status == status, text
        return json.loads(text) if "json" in response.content_type and "nd" not in response.content_type else text


async def make_tags(api: Api, *names: str) -> list[str]:
    return [(await asked(api, "POST", "/tags", 201, json={"name": name}))["id"] for name in names]


async def listed(api: Api, **query: Any) -> list[Any]:
    found: list[Any] = (await asked(api, "GET", "/audit", params=query))["data"]
    return found


async def test_what_was_done_is_there_with_who_when_and_from_where(api: Api) -> None:
    (tag,) = await make_tags(api, "VIP")
    headers = {"X-Request-Id": "req-from-me", "User-Agent": "Console/1"}
    await asked(api, "PATCH", f"/tags/{tag}", json={"color": "#ff0000"}, headers=headers)
    change, made = await listed(api)
    assert made["action"] == "create_a_tag"
    assert change == {
        "id": "aud_0000000000000002",
        "seq": 2,
        "at": "2026-01-01T12:00:00.000Z",
        "actor": {"type": "agent", "id": "admin", "name": "Administrator"},
        "action": "change_a_tag",
        "outcome": "done",
        "status": None,
        "address": "127.0.0.1",
        "request_id": "req-from-me",
        "session_id": None,
        "user_agent": "Console/1",
        "permission": "tags.write",
        "subjects": [{"type": "tag", "id": tag}],
        "changes": [{"collection": "tags", "id": tag, "fields": {"color": {"before": None, "after": "#ff0000"}}}],
        "changes_left_out": 0,
        "about": {},
        "form": 1,
        "previous_hash": made["hash"],
        "hash": change["hash"],
    }
    assert await asked(api, "GET", f"/audit/{change['id']}") == change


async def test_refusals_leave_an_entry_before_the_answer(api: Api) -> None:
    await asked(api, "GET", "/tags", 401, headers={"Authorization": "Bearer wrong"})
    await asked(api, "GET", "/conversations/none", 404)
    missing, refused = await listed(api)
    assert (refused["outcome"], refused["status"], refused["action"]) == ("unauthenticated", 401, "list_tags")
    assert refused["actor"] == {"type": "api", "id": None, "name": None}
    assert (missing["outcome"], missing["status"], missing["actor"]["id"]) == ("not_found", 404, "admin")
    assert missing["about"]["path"] == "/api/v1/conversations/none"


async def test_an_entry_that_does_not_exist_is_not_found(api: Api) -> None:
    await asked(api, "GET", "/audit/aud_9999999999999999", 404)


async def test_reading_leaves_no_entry(api: Api) -> None:
    await asked(api, "GET", "/tags")
    assert await listed(api) == []


async def test_the_filters(api: Api, clock: FakeClock) -> None:
    vip, late = await make_tags(api, "VIP", "Late")
    await clock.advance(3600)
    await asked(api, "DELETE", f"/tags/{vip}", 204, headers={"X-Request-Id": "the-one"})
    await asked(api, "GET", "/tags", 401, headers={"Authorization": "Bearer wrong"})
    seqs = {
        "": [4, 3, 2, 1],
        "actor=admin": [3, 2, 1],
        "action=delete_a_tag": [3],
        "outcome=unauthenticated": [4],
        "outcome=done": [3, 2, 1],
        f"subject={vip}": [3, 1],
        f"subject={late}": [2],
        "subject=v": [],
        "address=127.0.0.1": [4, 3, 2, 1],
        "address=127.0.0.2": [],
        "request_id=the-one": [3],
        "after=2026-01-01T13:00:00Z": [4, 3],
        "before=2026-01-01T13:00:00Z": [2, 1],
        "after=2026-01-01T12:00:00Z&before=2026-01-01T12:00:00.001Z": [2, 1],
        f"q={vip}": [3, 1],
        "q=create_a": [2, 1],
        "q=administrator": [3, 2, 1],
        f"subject={vip}&q=delete": [3],
        "actor=admin&action=create_a_tag&outcome=done": [2, 1],
    }
    for query, expected in seqs.items():
        answer = await asked(api, "GET", f"/audit?{query}")
        assert [each["seq"] for each in answer["data"]] == expected, query


@pytest.mark.parametrize("query", ["", "actor=admin", "after=2026-01-01T00:00:00Z", "q=create"])
async def test_pages_go_on_where_they_ended(api: Api, query: str) -> None:
    await make_tags(api, *[f"Tag {n}" for n in range(7)])
    found: list[int] = []
    cursor = ""
    while True:
        page = await asked(api, "GET", f"/audit?limit=3&{query}{cursor}")
        found.extend(each["seq"] for each in page["data"])
        await make_tags(api, f"Meanwhile {len(found)}")  # what is added meanwhile does not move them
        if page["page"]["next"] is None:
            break
        cursor = f"&cursor={page['page']['next']}"
    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("query", ["after=yesterday", "sort=at", "limit=0", "actor=", "format=csv"])
async def test_a_query_that_means_nothing_is_refused(api: Api, query: str) -> None:
    await asked(api, "GET", f"/audit?{query}", 422)
    await asked(api, "GET", f"/audit/export?{query.replace('format=csv', 'format=pdf')}", 422)


async def test_verification_of_a_running_trail(api: Api, trail: Trail) -> None:
    await make_tags(api, "VIP", "Late")
    await trail.anchor()
    verdict = await asked(api, "POST", "/audit/verify")
    assert verdict["valid"] is True
    assert (verdict["entries"], verdict["from_seq"], verdict["to_seq"]) == (2, 1, 2)
    assert verdict["anchors"] | {"last_at": None} == {
        "stored": 1,
        "in_file": 1,
        "unreadable_lines": 0,
        "last_seq": 2,
        "last_at": None,
        "cut_seq": None,
        "entries_since": 0,
    }
    entry = (await listed(api))[0]
    assert (entry["action"], entry["about"]) == ("verify_audit_trail", {"valid": True, "entries": 2, "problems": 0})


async def test_verification_finds_what_was_changed_in_the_store(api: Api, gateway: Gateway) -> None:
    await make_tags(api, "VIP", "Late")
    entry = await gateway.inbox.get(AUDIT_ENTRIES, "aud_0000000000000001")
    assert entry is not None
    forged = entry_of(entry.entry.replace("Administrator", "Somebody else"))
    await gateway.inbox.run(lambda uow: uow.put(AUDIT_ENTRIES, uow.need(AUDIT_ENTRIES, entry.id), **told(forged)))
    verdict = await asked(api, "POST", "/audit/verify")
    assert verdict["valid"] is False
    assert verdict["first_problem"]["seq"] == 1
    assert {each["kind"] for each in verdict["problems"]} == {"field", "link"}


def told(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("entry", "hash", "words")}


async def test_an_export_is_verified_by_whoever_has_it(api: Api, trail: Trail, tmp_path: Path) -> None:
    await make_tags(api, "VIP", 'Ümit "=1+1"')
    await trail.anchor()
    async with api.get("/api/v1/audit/export") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
        assert response.headers["Content-Disposition"] == 'attachment; filename="audit-2026-01-01.ndjson"'
        (tmp_path / "audit.ndjson").write_bytes(await response.read())
    key_file = tmp_path / "anchor.key"
    key_file.write_text(trail.host.key("audit anchor").hex())
    given = [str(tmp_path / "audit.ndjson"), "--anchors", str(trail.file.path), "--key-file", str(key_file)]
    assert main(given) == 0
    assert [json.loads(line)["seq"] for line in (tmp_path / "audit.ndjson").read_text().splitlines()] == [1, 2]
    entry = (await listed(api))[0]
    assert (entry["action"], entry["permission"]) == ("export_audit_entries", "audit.export")
    assert entry["about"] == {"format": "ndjson", "to_seq": 2, "filters": []}


async def test_an_export_as_csv_with_filters(api: Api) -> None:
    await make_tags(api, "VIP", "Late")
    async with api.get("/api/v1/audit/export?format=csv&subject=late&after=2026-01-01T12:00:00Z") as response:
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith("attachment; filename=")
        rows = list(csv.DictReader(io.StringIO(await response.text(), newline="")))
    assert [(row["seq"], row["action"], row["subjects"]) for row in rows] == [("2", "create_a_tag", "tag:late")]
    entry = (await listed(api))[0]
    assert entry["about"]["filters"] == ["after=2026-01-01T12:00:00.000Z", "subject=late"]


async def test_a_long_export_comes_whole(api: Api, gateway: Gateway) -> None:
    await make_tags(api, *[f"Tag {n}" for n in range(600)])
    text = await asked(api, "GET", "/audit/export")
    assert [json.loads(line)["seq"] for line in text.splitlines()] == list(range(1, 601))
    async with api.head("/api/v1/audit/export?format=csv") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_the_permissions_are_offered_and_asked_for(api: Api, gateway: Gateway) -> None:
    names = {"audit.read", "audit.verify", "audit.export", "audit.manage"}
    assert names <= set(gateway.grants.permissions())
    document = await asked(api, "GET", "/openapi.json")
    assert {path for path in document["paths"] if "audit" in path} == {
        "/api/v1/audit",
        "/api/v1/audit/{entry_id}",
        "/api/v1/audit/export",
        "/api/v1/audit/verify",
        "/api/v1/audit/retention",
    }
    for method, path in (("GET", ""), ("GET", "/x"), ("GET", "/export"), ("POST", "/verify"), ("POST", "/retention")):
        await asked(api, method, f"/audit{path}", 401, headers={"Authorization": "Bearer wrong"})


async def test_the_retention_tells_and_then_does(api: Api, trail: Trail, clock: FakeClock) -> None:
    settings = trail.settings
    trail.settings = settings.model_copy(update={"retention_days": 30.0})
    await make_tags(api, "VIP", "Late")
    clock.jump(31 * 86_400)
    await make_tags(api, "New")
    plan = {
        "dry_run": True,
        "retention_days": 30.0,
        "before": "2026-01-02T12:00:00.000Z",
        "entries": 2,
        "from_seq": 1,
        "to_seq": 2,
    }
    assert await asked(api, "POST", "/audit/retention", json={}) == plan
    assert await asked(api, "POST", "/audit/retention", json={"dry_run": False}) == {**plan, "dry_run": False}
    done, told_of, new = await listed(api)
    assert [new["seq"], told_of["about"]["dry_run"], done["about"]["dry_run"]] == [3, True, False]
    assert done["about"] == {"dry_run": False, "entries": 2, "from_seq": 1, "to_seq": 2}
    verdict = await asked(api, "POST", "/audit/verify")
    assert (verdict["valid"], verdict["from_seq"]) == (True, 3)
    again = await asked(api, "POST", "/audit/retention", json={"dry_run": False})
    assert again["entries"] == 0


@pytest.mark.parametrize("odd", ["%00", "%ED%A0%80", "%F0%9F%98%80", "%22*%20OR%20NEAR(", "'%20OR%201=1--", "a" * 200])
async def test_odd_texts_find_nothing_and_break_nothing(api: Api, odd: str) -> None:
    await make_tags(api, "VIP")
    for name in ("actor", "action", "outcome", "subject", "address", "request_id", "q"):
        async with api.get(URL(f"/api/v1/audit?{name}={odd}", encoded=True)) as response:
            assert (response.status, (await response.json())["data"]) == (200, []), name
    async with api.get(URL(f"/api/v1/audit/{odd}", encoded=True)) as response:
        assert response.status == 404
