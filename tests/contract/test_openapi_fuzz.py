"""Requests drawn from the OpenAPI document, sent to a gateway process: it answers only what the document says.

No server error, no status and no content type that is not declared, no body that its schema refuses.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.e2e.outside import API, Outside, outside
from tests.faults.process import TOKEN, seeded

LEFT_OUT = {f"{API}/events/stream", f"{API}/ws"}  # they do not end, or are no HTTP


@dataclass(frozen=True)
class Known:
    """Ids of things that exist, by the name of the path parameter, so that requests reach past the 404."""

    ids: Mapping[str, str]

    def put_into(self, case: Any) -> None:
        for name in case.path_parameters or {}:
            if name in self.ids:
                case.path_parameters[name] = self.ids[name]


async def furnish(client: Outside) -> Known:
    """One of each thing, so that there is something to find."""
    _, conversation = await client.met()
    (message,) = await client.messages(conversation["id"])
    account = {
        "channel": "whatsapp",
        "name": "To be changed",
        "external_id": "401000000000088",
        "parent_external_id": "301000000000001",
        "credentials": {"access_token": "none"},
        "settings": {},
    }
    notes = f"/conversations/{conversation['id']}/notes"
    return Known(
        {
            "conversation_id": conversation["id"],
            "message_id": message["id"],
            "contact_id": conversation["contact"]["id"],
            "account_id": (await client.done("POST", "/channels", account))["id"],
            "tag_id": (await client.done("POST", "/tags", {"name": "known"}))["id"],
            "tag": (await client.done("POST", "/tags", {"name": "other"}))["id"],
            "note_id": (await client.done("POST", notes, {"text": "known"}))["id"],
            "event_id": (await client.got("/ingest/events"))["data"][0]["id"],
            "name": "whatsapp",
        }
    )


def administrator() -> str:
    return TOKEN


def fuzz(
    url: str,
    known: Known,
    *,
    examples: int,
    seed: int,
    within_s: float,
    token: Callable[[], str] = administrator,
) -> int:
    """Draw for each operation in turn until the time is over; how many requests were sent. ``token`` is asked before
    each. Raises on a failure."""
    import requests  # here, with what follows: they take seconds to import, which whoever runs other tests is spared
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi import checks

    declared = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
    session = requests.Session()
    document = schemathesis.openapi.from_url(f"{url}{API}/openapi.json")
    found: list[Any] = [each.ok() for each in document.get_all_operations() if isinstance(each, Ok)]
    operations = [each for each in found if each.path not in LEFT_OUT and not each.path.startswith("/webhooks/")]
    random.Random(seed).shuffle(operations)
    sent, until = 0, time.monotonic() + within_s

    def ask(drawn: tuple[Any, bool]) -> None:
        nonlocal sent
        case, real = drawn
        if real:
            known.put_into(case)
        if isinstance(case.query, dict):
            case.query.pop("wait", None)  # it makes the answer late, not different
        sent += 1
        session.headers["Authorization"] = f"Bearer {token()}"
        case.call_and_validate(base_url=url, session=session, checks=[not_a_server_error, *declared], timeout=15)

    rules = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    for round in itertools.count():
        for operation in operations:
            drawn = st.tuples(operation.as_strategy(), st.booleans())
            hypothesis.seed(seed + round)(rules(hypothesis.given(drawn)(ask)))()
            if time.monotonic() > until:
                return sent
    raise AssertionError("never reached")


@pytest.mark.parametrize(
    ("examples", "seed", "within_s"),
    [
        pytest.param(3, 1, 5.0, id="some of it"),
        pytest.param(8, None, 55.0, id="all of it", marks=pytest.mark.long),
    ],
)
async def test_the_gateway_answers_only_what_its_document_declares(
    tmp_path: Path, examples: int, seed: int | None, within_s: float
) -> None:
    if seed is None:
        seed = seeded("OpenAPI").randrange(2**32)
    async with outside(tmp_path / "data") as client:
        known = await furnish(client)
        url = client.gateway.url
        sent = await asyncio.to_thread(fuzz, url, known, examples=examples, seed=seed, within_s=within_s)
        assert (await client.unsigned("/health")).json()["status"] == "ok"
        assert "unforeseen" not in client.gateway.tail(1_000_000)
    print(f"OpenAPI: {sent} requests")
    assert sent >= 10
