"""E25: no secret and no text that people wrote in logs, errors, the audit trail or its exports; a line is a line."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from patchbay.logs import as_text, entry
from patchbay.redaction import LOGS
from tests.faults.process import Kept
from tests.security.canary_day import whole_day
from tests.security.canary_house import Said, canary_house
from tests.security.canary_scan import Canaries, held

TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error|critical) ")
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TRACEBACK = "    | "
ECHOED = {"whatsapp access token"}  # what the provider of this day says again when it refuses
CONTROL = re.compile("[\x00-\x1f]")  # a JSON text has none, and so no line break in a record
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
COLLECTIONS = ("audit_entries", "audit_head", "audit_anchors")
OWN_FILES = ("secret-key", "admin-token")  # files of the data folder that are for a secret
JOURNALLED = {"secret in a webhook"}  # a customer's own words, kept as they came
MISTYPED = {"password as a name"}
LINKED = "GET /media/links/"
LINK = "WpoOfJBhtB0wLRkoe3Jtb_uLbQUa65SjlWu35vFJw4U"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Day:
    """What one day left behind."""

    format: str
    canaries: Canaries
    said: list[Said]
    logs: str
    trail: dict[str, str]
    files: dict[str, str]

    @property
    def refused(self) -> list[Said]:
        return [each for each in self.said if each.status >= 400]


def without(wanted: dict[str, str], names: set[str]) -> dict[str, str]:
    assert names <= wanted.keys()
    return {name: value for name, value in wanted.items() if name not in names}


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["text", pytest.param("json", marks=pytest.mark.long)]
)
async def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    folder: Path = tmp_path_factory.mktemp("canaries")
    (folder / "data").mkdir()
    trail: dict[str, str] = {}
    async with canary_house(folder, request.param) as house:
        await whole_day(house)
        said, query = list(house.said), ""
        pages: list[Any] = []
        while True:
            page = await house.done("GET", f"/audit?limit=200{query}")
            pages += page["data"]
            if page["page"]["next"] is None:
                break
            query = f"&cursor={page['page']['next']}"
        trail["GET /audit"] = json.dumps(pages, ensure_ascii=False)
        for kind in ("csv", "ndjson"):
            exported = await house.ask("GET", f"/audit/export?format={kind}")
            assert exported.status == 200, exported.body
            trail[kind] = exported.body.decode()
    kept = Kept(folder / "data" / "patchbay.db")
    trail |= {name: json.dumps(kept.documents(name), ensure_ascii=False) for name in COLLECTIONS}
    kept.close()
    files = {
        str(path.relative_to(folder)): path.read_bytes().decode("latin-1")
        for path in (folder / "data").rglob("*")
        if path.is_file() and path.name not in OWN_FILES
    }
    yield Day(request.param, house.canaries, said, house.logs, trail, files)


async def test_the_day_was_a_full_one(day: Day) -> None:
    """Or nothing that follows means anything."""
    assert len(day.canaries.secrets) > 60
    assert len(day.canaries.texts) > 25
    assert len(day.refused) > 80
    assert len(json.loads(day.trail["GET /audit"])) > 80
    assert len(json.loads(day.trail["audit_entries"])) >= len(json.loads(day.trail["GET /audit"]))
    assert not [each.to for each in day.said if each.status >= 500 and each.status not in (502, 503)]
    given = {name for each in day.said for name in each.gives}
    for each in day.said:
        assert set(each.gives) <= set(held(day.canaries.secrets, each.whole)), each.to
    assert len(given) > 20


async def test_no_secret_and_no_text_is_in_a_log(day: Day) -> None:
    assert day.logs.count("\n") > 10
    assert held(day.canaries.secrets | day.canaries.texts, day.logs) == []


async def test_no_error_says_again_what_was_secret_or_written(day: Day) -> None:
    wanted = day.canaries.secrets | day.canaries.texts
    shown = {each.to: found for each in day.refused if (found := held(wanted, each.whole))}
    assert {to: found for to, found in shown.items() if not to.startswith(LINKED)} == {}


async def test_no_error_says_again_a_link_that_opens_a_file(day: Day) -> None:
    refused = [each for each in day.refused if each.to.startswith(LINKED)]
    assert refused
    assert [each.to for each in refused if held(day.canaries.secrets, each.whole)] == []


async def test_no_answer_shows_a_secret_but_the_one_that_it_is_for(day: Day) -> None:
    wanted = without(day.canaries.secrets, ECHOED)
    shown = {each.to: set(held(wanted, each.whole)) - set(each.gives) for each in day.said}
    assert {to: found for to, found in shown.items() if found and not to.startswith(LINKED)} == {}


async def test_a_token_that_a_provider_says_again_is_shown_to_nobody_and_not_kept(day: Day) -> None:
    wanted = {name: day.canaries.secrets[name] for name in ECHOED}
    assert [each.to for each in day.said if held(wanted, each.whole)] == []
    assert [path for path, text in day.files.items() if held(wanted, text)] == []


@pytest.mark.parametrize("place", ["GET /audit", "csv", "ndjson", *COLLECTIONS])
async def test_no_secret_and_no_text_is_in_the_trail(day: Day, place: str) -> None:
    """Names of our own people and their keys are what the trail is for."""
    wanted = without(day.canaries.secrets | day.canaries.texts, MISTYPED | {"person name", "key name"})
    assert held(wanted, day.trail[place]) == []


async def test_a_password_that_was_typed_as_a_name_is_not_in_the_trail(day: Day) -> None:
    wanted = {name: day.canaries.secrets[name] for name in MISTYPED}
    assert [place for place, text in day.trail.items() if held(wanted, text)] == []


async def test_no_secret_lies_on_the_disk_as_it_is(day: Day) -> None:
    wanted = without(day.canaries.secrets, ECHOED | JOURNALLED | MISTYPED)
    assert {path: found for path, text in day.files.items() if (found := held(wanted, text))} == {}


async def test_a_link_that_opens_a_file_is_masked_in_logs(day: Day) -> None:
    for link in (
        f"/media/links/bWVkXzE.1795399555.{LINK}",
        f"https://desk.example.org/jobs/files/am9i.1795399555.{LINK}",
    ):
        line = as_text(entry({"level": "error", "event": f"at {link}", "path": link}, "2026-11-22T09:33:00.120Z", LOGS))
        assert LINK not in line
        assert line.count("***") == 2


async def test_a_line_of_the_log_is_one_line_with_its_time_in_utc(day: Day) -> None:
    lines = [line for line in day.logs.split("\n") if line and not line.startswith("Patchbay is ready on ")]
    assert lines
    assert UNSAFE.search(day.logs) is None
    assert "\x1b" not in day.logs
    for line in lines:
        if day.format == "json":
            entry = json.loads(line)
            assert UTC.fullmatch(entry["at"])
            assert entry["level"] in ("debug", "info", "warning", "error", "critical")
        else:
            assert TEXT_LINE.match(line) or line.startswith(TRACEBACK), line


async def test_an_entry_of_the_trail_is_one_record_with_its_time_in_utc(day: Day) -> None:
    listed, records = json.loads(day.trail["GET /audit"]), day.trail["ndjson"].rstrip("\n").split("\n")
    assert len(records) >= len(listed)
    rows = list(csv.reader(io.StringIO(day.trail["csv"])))
    assert {len(row) for row in rows} == {len(rows[0])}
    at = rows[0].index("at")
    times = [json.loads(each)["at"] for each in records] + [row[at] for row in rows[1:]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", each) for each in times)
    assert not [record for record in records if CONTROL.search(record)]


async def test_the_scan_finds_what_is_planted(day: Day) -> None:
    """The control: each canary, in each place that was scanned, in the spellings that a leak may have."""
    wanted = day.canaries.secrets | day.canaries.texts
    for name, value in wanted.items():
        spelled = [value] if len(value) == 6 else [value, quote(value), value.encode().hex(), value[:12]]
        for each in spelled:
            for place in (day.logs, *day.trail.values()):
                assert name in held({name: value}, f"{place[-2000:]} {each} "), (name, each)
        if len(value) > 18:
            for shift in range(3):
                assert held({name: value}, b64encode(b"x" * shift + value.encode()).decode()) == [name]
