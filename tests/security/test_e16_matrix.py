"""E16: every operation asks for a permission, reaches the rows that it was granted for, and shows of others nothing.

The matrix is drawn from the OpenAPI document of a running gateway: each operation, for one in each role, about a row of
each owner.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.plugins.rbac.world import Client, Heard
from tests.security.matrix_cases import OWNERS, ROWS, Case, cases, filled, must
from tests.security.matrix_world import Asker, Owner, Row, Town, askers, furnish, town

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEVER = '"999999"'  # a version that nothing has: what gets past the guards changes nothing
FOLLOWED = {"/api/v1/events/stream"}  # it does not end; a wrong position is told once the guards have let one in
REFUSED = {401: "unauthenticated", 403: "forbidden", 404: "not_found"}
PUBLIC = {
    *("GET /health", "GET /health/live", "GET /health/ready", "GET /api/v1/openapi.json", "GET /api/v1/ws"),
    *("GET /media/links/{signed}", "GET /jobs/files/{signed}"),
    *("GET /webhooks/whatsapp", "POST /webhooks/whatsapp"),
    *("GET /webhooks/whatsapp/{external_id}", "POST /webhooks/whatsapp/{external_id}"),
    *("POST /api/v1/auth/login", "POST /api/v1/auth/refresh", "POST /api/v1/auth/register"),
    *("POST /api/v1/auth/register/letter", "POST /api/v1/auth/password/forgot", "POST /api/v1/auth/password/reset"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("matrix")) as made:
        await furnish(made)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(place: Town) -> list[Asker]:
    return await askers(place)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drawn(place: Town) -> list[Case]:
    found = cases(await place.root.done("GET", "/openapi.json"))
    return sorted(found, key=lambda case: case.path.endswith("/sessions"))  # what ends sessions goes last


async def ask(town: Town, client: Client, case: Case, path: str, body: Any) -> Heard:
    headers = {"If-Match": NEVER} if case.versioned else {}
    query = {"after": "x"} if case.path in FOLLOWED else {}
    if client.token is not None:
        headers["Authorization"] = f"Bearer {client.token}"
    url, world = town.world.url + path, town.world
    async with world.session.request(case.method, url, headers=headers, json=body, params=query) as response:
        return Heard(response.status, response.headers, await response.read())


async def test_what_anybody_may_call_is_a_list_of_its_own(drawn: list[Case]) -> None:
    assert {str(case) for case in drawn if case.permission is None} == PUBLIC


async def test_permissions_of_routes_that_name_a_row_are_granted_for_rows(drawn: list[Case]) -> None:
    assert [str(case) for case in drawn if case.row in ROWS and not case.scoped] == []


async def test_whoever_does_not_say_who_they_are_gets_nowhere(
    place: Town, people: list[Asker], drawn: list[Case]
) -> None:
    let_in = []
    for case in drawn:
        if case.permission is not None:
            for owner in ("own", "nobody's"):
                path, body = filled(case, people[0], owner, place.known)
                heard = await ask(place, place.world.nobody(), case, path, body)
                if (heard.status, heard.code) != (401, "unauthenticated"):
                    let_in.append((str(case), owner, heard.status))
    assert let_in == []
    assert len(drawn) > 100


@pytest.mark.parametrize(
    "name", ["super_admin", "admin", "supervisor", "agent", "read_only", "own rows", "reads more", "api key"]
)
async def test_each_role_reaches_exactly_what_it_was_granted(
    place: Town, people: list[Asker], drawn: list[Case], name: str
) -> None:
    asker = next(each for each in people if each.name == name)
    wrong, counted = [], 0
    for case in drawn:
        if case.permission is None:
            continue
        absent: dict[str, Any] | None = None
        for owner in reversed(OWNERS if case.row else owners_of(case)):
            path, body = filled(case, asker, owner, place.known)
            client = await who(place, asker)
            heard = await ask(place, client, case, path, body)
            counted += 1
            expected = must(case, asker, owner)
            if not fits(heard, expected):
                wrong.append((str(case), owner, f"{heard.status} {heard.code}, not {expected or 'past the guards'}"))
            if heard.status == 404:
                told = shape(heard, path, asker.rows[owner])
                absent = absent or told
                if told != absent:
                    wrong.append((str(case), owner, f"{told} is not {absent}"))
    assert not wrong, "\n".join(map(str, wrong))
    assert counted > 150


def owners_of(case: Case) -> tuple[Owner, ...]:
    """Of what belongs to nobody in particular there is one that exists, and one that does not."""
    return ("own", "nobody's") if case.parameters else ("own",)


async def who(town: Town, asker: Asker) -> Client:
    """The one who asks, signed in anew: what was asked before may have ended sessions."""
    return asker.client if asker.name == "api key" else await town.world.signed_in(asker.client.user)


def fits(heard: Heard, expected: int | None) -> bool:
    if expected is None:
        return heard.code not in {*REFUSED.values(), "internal", "rate_limited"}
    return (heard.status, heard.code) == (expected, REFUSED[expected])


def shape(heard: Heard, path: str, row: Row) -> dict[str, Any]:
    """What a problem says, without what names this one request."""
    told = dict(heard.json())
    for name in ("instance", "request_id"):
        assert told.pop(name)
    for part in (*path.split("/"), row.conversation_id, row.contact_id):
        told["detail"] = told["detail"].replace(f"'{part}'", "'it'")
    return told


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/conversations", {"to": {"identity_id": "{it}"}}, "identity_id"),
        ("/conversations/{conversation}/notes", {"text": "x", "attachments": ["{it}"]}, "media_id"),
        ("/contacts/{contact}/notes", {"text": "x", "attachments": ["{it}"]}, "media_id"),
        ("/conversations/{conversation}/messages", {"text_content": "x", "reply_to": "{it}"}, "message_id"),
        (
            "/conversations/{conversation}/messages",
            {"content": {"type": "image", "media": {"id": "{it}"}}},
            "media_id",
        ),
        ("/contacts/{contact}/merge", {"target_contact_id": "{it}"}, "contact_id"),  # last: there are fewer then
    ],
)
async def test_what_a_body_names_of_others_is_as_if_it_were_not_there(
    place: Town, people: list[Asker], path: str, body: dict[str, Any], names: str
) -> None:
    asker = next(each for each in people if each.name == "supervisor")
    client, own, told = await who(place, asker), asker.rows["own"], []
    where = path.format(contact=own.contact_id, conversation=own.conversation_id)
    for owner in ("nobody's", "other", "unassigned"):
        it: str = getattr(asker.rows[owner], names)
        sent = json.loads(json.dumps(body).replace("{it}", it))
        heard = await client.ask("POST", where, sent)
        assert heard.status in (404, 422), heard
        told.append(json.dumps(shape(heard, where, asker.rows[owner])).replace(it, "it"))
    assert told[1:] == told[:1] * 2
    within = json.loads(json.dumps(body).replace("{it}", getattr(asker.rows["assigned"], names)))
    assert (await client.ask("POST", where, within)).code not in REFUSED.values()


async def test_moving_a_conversation_by_changing_it_takes_the_right_to_assign(place: Town, people: list[Asker]) -> None:
    agent = next(each for each in people if each.name == "agent")
    own, to = agent.rows["own"].conversation_id, {"department_id": place.other.id}
    client = await who(place, agent)
    heard = await client.ask("PATCH", f"/conversations/{own}", to)
    assert (heard.status, heard.json()["permission"]) == (403, "conversations.assign")
    assert (await client.done("PATCH", f"/conversations/{own}", {"priority": "high"}))["department_id"] == place.own.id
    unknown = await place.root.ask("PATCH", f"/conversations/{own}", {"department_id": "dep_none"})
    assert (unknown.status, unknown.pointers) == (422, {"/department_id"})
