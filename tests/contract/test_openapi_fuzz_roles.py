"""As ``test_openapi_fuzz``, with the credentials of each role: whoever asks, the document says what can be answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.test_openapi_fuzz import Known, fuzz
from tests.e2e.fake_graph import ACCESS_TOKEN, FakeGraph
from tests.faults.process import seeded
from tests.security.matrix_world import Asker, Town, askers, furnish, town

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROLES = ("super_admin", "admin", "supervisor", "agent", "read_only", "own rows", "reads more", "api key")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with FakeGraph() as graph:
        settings = {"PATCHBAY_WHATSAPP__ACCESS_TOKEN": ACCESS_TOKEN, "PATCHBAY_WHATSAPP__GRAPH_URL": graph.url}
        async with town(tmp_path_factory.mktemp("roles"), **settings) as made:
            await furnish(made)
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(place: Town) -> list[Asker]:
    return await askers(place)


def known_to(place: Town, asker: Asker) -> Known:
    """What there is, of the rows that the asker reaches."""
    row = asker.rows["assigned"]
    return Known(
        {
            **place.known,
            "conversation_id": row.conversation_id,
            "contact_id": row.contact_id,
            "message_id": row.message_id,
            "media_id": row.media_id,
            "note_id": row.conversation_note,
            "job_id": asker.jobs["assigned"],
            "session_id": asker.sessions["assigned"],
        }
    )


@pytest.mark.parametrize(
    ("examples", "seed", "within_s"),
    [
        pytest.param(5, None, 20.0, id="all of it", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", ROLES)
async def test_whoever_asks_is_answered_as_the_document_declares(
    place: Town, people: list[Asker], name: str, examples: int, seed: int | None, within_s: float
) -> None:
    asker = next(each for each in people if each.name == name)
    seed = seeded(f"OpenAPI as {name}").randrange(2**32) if seed is None else seed + ROLES.index(name)
    loop = asyncio.get_running_loop()

    def token() -> str:
        """Signed in anew for each request: what is drawn may end sessions."""
        if asker.name == "api key":
            return str(asker.client.token)
        signed_in = asyncio.run_coroutine_threadsafe(place.world.signed_in(asker.client.user), loop)
        return str(signed_in.result(10).token)

    known = known_to(place, asker)
    sent = await asyncio.to_thread(
        fuzz, place.world.url, known, examples=examples, seed=seed, within_s=within_s, token=token
    )
    print(f"OpenAPI as {name}: {sent} requests")
    assert sent >= 1
