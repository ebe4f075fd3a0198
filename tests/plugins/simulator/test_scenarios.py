"""Scenarios play through against a small business that answers, and say what was missed when it does not."""

from __future__ import annotations

import json
import socket
import sys
from asyncio import CancelledError, create_subprocess_exec, create_task, sleep, subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import typer
from aiohttp import web
from typer.testing import CliRunner

from patchbay_simulator import (
    GraphSimulator,
    SimulationError,
    SimulatorConfig,
    load_scenario,
    register_commands,
    run_demo,
    shipped_scenario,
    shipped_scenarios,
    sign,
)
from patchbay_simulator.scenario import parse_scenario, report_lines, scenario_dict
from tests.plugins.simulator.serving import served

TOKEN = "simulated-access-token"
NUMBER = "401000000000001"
BUTTONS = {
    "type": "button",
    "body": {"text": "Here you are"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
}
LIST = {
    "type": "list",
    "body": {"text": "Here you are"},
    "action": {"button": "Times", "sections": [{"rows": [{"id": "slot", "title": "09:30"}]}]},
}


class EchoBusiness:
    """Answers every message with what it said, tries again what Graph refused for now, and never the same twice."""

    def __init__(self) -> None:
        self.graph_url = ""
        self.url = ""
        self.seen: set[str] = set()
        self.wrote_to: set[str] = set()
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(text=request.query["hub.challenge"])
        body = await request.read()
        if request.headers["X-Hub-Signature-256"] != sign("simulated-app-secret", body):
            return web.Response(status=401)
        for entry in json.loads(body)["entry"]:
            for event in entry.get("messaging", []):
                await self.answer_event(event)
            for change in entry.get("changes", []):
                for message in change["value"].get("messages", []):
                    if message["id"] not in self.seen and message["type"] not in ("system", "reaction"):
                        self.seen.add(message["id"])
                        await self.answer(message)
        return web.Response()

    async def answer_event(self, event: dict[str, Any]) -> None:
        said = event.get("message") or event.get("postback") or {}
        if said.get("mid") in self.seen or not said or said.get("is_echo") or said.get("is_deleted"):
            return
        self.seen.add(said["mid"])
        kinds = [attachment["type"] for attachment in said.get("attachments", [])]
        body = {"recipient": event["sender"], "message": {"text": said.get("text") or said.get("title") or str(kinds)}}
        self.wrote_to.add(event["recipient"]["id"])
        url = f"{self.graph_url}/v26.0/{event['recipient']['id']}/messages"
        async with self.session.post(url, json=body, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert response.status == 200, await response.text()

    async def answer(self, message: dict[str, Any]) -> None:
        whom = {"to": "+" + message["from"]} if "from" in message else {"recipient": message["from_user_id"]}
        text = message.get("text", {}).get("body", "")
        reply: dict[str, Any] = {"type": "text", "text": {"body": f"{message['type']}: {text}"}}
        if message["type"] == "interactive":
            reply["text"]["body"] = message["interactive"]["type"]
        for word, interactive in (("buttons", BUTTONS), ("list", LIST)):
            if text.startswith(word):
                reply = {"type": "interactive", "interactive": interactive}
        url = f"{self.graph_url}/v26.0/{NUMBER}/messages"
        for _ in range(5):
            try:
                async with self.session.post(
                    url,
                    json={"messaging_product": "whatsapp", **whom, **reply},
                    headers={"Authorization": f"Bearer {TOKEN}"},
                ) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                return  # it may have arrived: this business does not ask twice


@pytest.fixture
async def business() -> AsyncIterator[EchoBusiness]:
    found = EchoBusiness()
    async with served(found.handle, "/hook") as found.url:
        yield found
        await found.session.close()


@pytest.fixture
async def meta(business: EchoBusiness) -> AsyncIterator[GraphSimulator]:
    async with GraphSimulator(SimulatorConfig(callback_url=business.url, speed=50.0)) as simulator:
        business.graph_url = simulator.url
        yield simulator


SCENARIOS = ["first-contact", "media-and-buttons", "two-channels", "unhappy-day"]


def test_four_scenarios_are_shipped() -> None:
    assert shipped_scenarios() == SCENARIOS
    assert all(shipped_scenario(name).about for name in shipped_scenarios())


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_shipped_scenario_plays_through(meta: GraphSimulator, name: str) -> None:
    report = await meta.play(shipped_scenario(name))
    assert report.passed, "\n".join(report_lines(report))
    assert len(report.steps) == len(shipped_scenario(name).steps)
    assert meta.ledger.sends()
    if name == "unhappy-day":
        assert {entry.fault for entry in meta.ledger} >= {None, "error", "html", "drop_reply", "late_reply"}
        assert any(post.copy for post in meta.webhooks.log)


async def test_an_expectation_that_is_missed_ends_the_play(meta: GraphSimulator) -> None:
    scenario = parse_scenario(
        {
            "name": "Deaf",
            "customers": [{"id": "mara", "phone": "15550001111"}],
            "steps": [
                {"who": "mara", "does": "say", "with": {"text": "hi"}},
                {"who": "mara", "expects": {"text": "goodbye", "within": 0.3}},
                {"who": "mara", "does": "say", "with": {"text": "never said"}},
            ],
        }
    )
    report = await meta.play(scenario)
    assert not report.passed
    assert len(report.steps) == 2
    assert report.steps[-1].failed == "mara expected a message like 'goodbye' within 0.3 s; it got text 'text: hi'."
    assert report_lines(report)[0] == "Deaf: failed"


async def test_without_expectations_only_the_customers_play() -> None:
    async with GraphSimulator(SimulatorConfig(speed=1_000.0)) as alone:
        report = await alone.play(shipped_scenario("first-contact"), expectations=False)
    assert report.steps[-1].failed is None or "reply" in report.steps[2].what
    assert not report.passed  # she cannot answer what nobody said
    assert report.steps[-1].failed == "mara got no message yet."


async def test_steps_prepare_the_stage(meta: GraphSimulator) -> None:
    steps = [
        {"fault": {"kind": "hang"}, "configure": {"window": "sync"}, "advance": 3_600},
        {"clear_faults": True, "note": "calm", "idle": 1},
    ]
    before = meta.clock.now()
    report = await meta.play(parse_scenario({"name": "Stage", "steps": steps}))
    assert [step.what for step in report.steps] == ["prepares", "calm"]
    assert meta.config.window == "sync"
    assert meta.clock.now() - before >= 3_600
    assert meta.faults.report() == []


def test_a_scenario_is_read_from_toml_and_from_json(tmp_path: Path) -> None:
    toml = tmp_path / "one.toml"
    toml.write_text(
        'name = "One"\n[[customers]]\nid = "mara"\nphone = "1"\n[[steps]]\nwho = "mara"\ndoes = "say"\n'
        'with = { text = "Hi" }\nexpects = { text = "hi", within = 2 }\n'
    )
    scenario = load_scenario(toml)
    assert scenario.steps[0].arguments == {"text": "Hi"}
    twin = tmp_path / "one.json"
    twin.write_text(json.dumps(scenario_dict(scenario)))
    assert load_scenario(twin) == scenario


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"name": "x", "steps": [{"does": "say"}]}, "Step 1 does not say who"),
        ({"name": "x", "steps": [{"who": "a", "shouts": "x"}]}, "shouts"),
        ({"steps": []}, "name"),
        ({"name": "x", "steps": [{"fault": {"kind": "flood"}}]}, "flood"),
    ],
)
def test_a_scenario_that_is_none_says_why(raw: Any, said: str) -> None:
    with pytest.raises(SimulationError, match=said):
        parse_scenario(raw)


@pytest.mark.parametrize("text", ["{", "name = 'x"])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("x.json" if text == "{" else "x.toml")
    path.write_text(text)
    with pytest.raises(SimulationError, match="cannot be read"):
        load_scenario(path)
    with pytest.raises(SimulationError, match="cannot be read"):
        load_scenario(tmp_path / "absent.json")


async def run(*arguments: str) -> tuple[int | None, str, str]:
    process = await create_subprocess_exec(
        sys.executable,
        *("-m", "patchbay_simulator", "simulate", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command_starts_a_simulator_where_none_runs(business: EchoBusiness) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        business.graph_url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    arguments = ("--graph", business.graph_url, "--callback", business.url, "--speed", "50")
    code, out, err = await run("first-contact", *arguments)
    assert code == 0, err
    assert out.startswith(f"Simulator is ready on {business.graph_url}\nFirst contact: passed\n")


async def test_the_command_plays_on_every_channel(business: EchoBusiness) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        business.graph_url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    arguments = ("--graph", business.graph_url, "--callback", business.url, "--speed", "50")
    accounts = ("--page-id", "104857600000777", "--instagram-id", "17841400000000777")
    code, out, err = await run("two-channels", *arguments, *accounts)
    assert code == 0, out + err
    assert business.wrote_to >= {"104857600000777", "17841400000000777"}


async def test_the_command_plays_on_a_simulator_that_runs(
    meta: GraphSimulator, business: EchoBusiness, tmp_path: Path
) -> None:
    mute = {"id": "mara", "phone": "15550001111"}
    steps = [{"who": "mara", "does": "say", "with": {"text": "hi"}, "expects": {"text": "no", "within": 0.2}}]
    path = tmp_path / "mute.json"
    path.write_text(json.dumps({"name": "Mute", "customers": [mute], "steps": steps}))
    code, out, _ = await run(str(path), "--graph", meta.url)
    assert code == 1
    assert "Mute: failed" in out
    assert len(meta.ledger.sends()) == 1
    assert (await run(str(path), "--graph", meta.url, "--no-expect"))[0] == 0


@pytest.fixture
def commands() -> typer.Typer:
    app = typer.Typer()
    app.command("other")(lambda: None)
    register_commands(app)
    return app


def test_the_command_says_what_is_missing(commands: typer.Typer) -> None:
    result = CliRunner().invoke(commands, ["simulate", "nobody-wrote-this"])
    assert (result.exit_code, "cannot be read" in result.output) == (2, True)
    result = CliRunner().invoke(commands, ["simulate", "first-contact", "--graph", "http://127.0.0.1:9"])
    assert (result.exit_code, "--callback" in result.output) == (2, True)


def test_the_plugin_adds_its_command_that_lists_the_scenarios(commands: typer.Typer) -> None:
    result = CliRunner().invoke(commands, ["simulate"])
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.output.splitlines()] == shipped_scenarios()


async def test_a_crowd_writes_answers_and_stops_when_told(meta: GraphSimulator) -> None:
    meta.configure(speed=400.0)
    crowd = create_task(run_demo(meta, customers=14, seed=3, pause_s=20.0))
    while len(meta.ledger.sends()) < 60 or any(len(c.said) < 2 for c in meta.customers.values()):
        assert not crowd.done()
        await sleep(0.02)
    crowd.cancel()
    with pytest.raises(CancelledError):
        await crowd
    assert len(meta.customers) == 14
    kinds = {heard.type for heard in meta.world.heard.values()}
    assert {"text"} < kinds
    said = len(meta.world.heard)
    await sleep(0.1)
    assert len(meta.world.heard) == said
