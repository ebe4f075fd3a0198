"""Scenarios: who does what, after how long, and what they expect back. A TOML or JSON file.

    name = "First contact"
    [[customers]]                 # as CustomerSpec: phone, name, id, bsuid, username, shares_phone, reads, ...
    id = "mara"
    phone = "15550001111"

    [[steps]]
    who = "mara"                  # a customer's id
    does = "say"                  # an action of Customer: say, attach, tap, react, edit, echo, change_number, ...
    with = { text = "Hello" }     # its arguments
    after = 1.5                   # simulated seconds to wait first

    [[steps]]
    who = "mara"
    expects = { text = "hello|welcome", type = "text", within = 10 }   # the next message that fits; real seconds

| key of a step | meaning |
|---|---|
| `after` | wait so long first (simulated seconds) |
| `who`, `does`, `with` | a customer acts |
| `expects` | after acting: `who` gets a message whose text matches (a regular expression, any case) and of this type |
| `fault` | arm a fault (`faults.Fault`) |
| `clear_faults` | true disarms all |
| `configure` | change the configuration (`config.SimulatorConfig`) |
| `advance` | let so many seconds pass at once: windows close, media expire |
| `idle` | wait until every webhook was acknowledged, at most so many real seconds |
| `note` | said in the report |

At the top may stand `numbers` (as `NumberSpec`), `accounts` and `configure`. Accounts and customers may name their
`channel`, WhatsApp by default: `{ channel = "instagram", id = "mara-ig" }` (as `PageSpec`, `InstagramSpec`,
`MessengerVisitorSpec`, `InstagramVisitorSpec`). Nothing at Meta tells that two customers are one human.
Steps run one after another; `expects` is skipped when nobody is there to answer (`expectations=False`). The business is
whoever sits behind the callback.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from patchbay_simulator.config import AnyAccountSpec, AnyCustomerSpec, CustomerSpec, NumberSpec
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.faults import Fault
from patchbay_simulator.inbox import act

if TYPE_CHECKING:
    from patchbay_simulator.simulator import GraphSimulator


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str | None = None
    type: str | None = None
    within: float = 10.0


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a scenario; see the module."""

    after: float = 0.0
    who: str | None = None
    does: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict, name="with")
    expects: Expectation | None = None
    fault: Fault | None = None
    clear_faults: bool = False
    configure: dict[str, Any] | None = None
    advance: float = 0.0
    idle: float | None = None
    note: str = ""


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    about: str = ""
    configure: dict[str, Any] = field(default_factory=dict)
    numbers: tuple[NumberSpec, ...] = ()
    accounts: tuple[AnyAccountSpec, ...] = ()
    customers: tuple[AnyCustomerSpec, ...] = ()
    steps: tuple[Step, ...] = ()


class StepResult(Struct, frozen=True, kw_only=True):
    """What came of a step: ``detail`` is the message that was sent or got; ``failed`` says what was missed."""

    step: int
    what: str
    detail: str = ""
    failed: str | None = None


class Report(Struct, frozen=True, kw_only=True):
    scenario: str
    passed: bool
    steps: tuple[StepResult, ...]


def parse_scenario(raw: Any) -> Scenario:
    """A scenario from plain values. Raises ``SimulationError`` naming what is wrong with which step."""
    try:
        found = msgspec.convert(_channelled(raw), Scenario)
    except msgspec.ValidationError as error:
        raise SimulationError(f"This is no scenario: {error}.") from error
    for index, step in enumerate(found.steps, 1):
        if (step.does or step.expects) and step.who is None:
            raise SimulationError(f"Step {index} does not say who.")
    return found


def _channelled(raw: Any) -> Any:
    """Plain values in which every account and customer names its channel."""
    if not isinstance(raw, Mapping):
        return raw
    named = {
        key: [{"channel": "whatsapp", **each} if isinstance(each, Mapping) else each for each in raw[key]]
        for key in ("accounts", "customers")
        if isinstance(raw.get(key), list | tuple)
    }
    return {**raw, **named}


def load_scenario(path: Path) -> Scenario:
    """A scenario from a ``.toml`` or ``.json`` file. Raises ``SimulationError``."""
    try:
        text = path.read_text(encoding="utf-8")
        return parse_scenario(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))
    except (OSError, ValueError) as error:
        raise SimulationError(f"{path} cannot be read: {error}") from error


def shipped_scenarios() -> list[str]:
    """Names of the scenarios that come with the simulator."""
    found = resources.files("patchbay_simulator.scenarios").iterdir()
    return sorted(file.name.removesuffix(".json") for file in found if file.name.endswith(".json"))


def shipped_scenario(name: str) -> Scenario:
    """One of ``shipped_scenarios``. Raises ``SimulationError``."""
    file = resources.files("patchbay_simulator.scenarios") / f"{name}.json"
    if not file.is_file():
        raise SimulationError(f"There is no scenario {name}; there are {', '.join(shipped_scenarios())}.")
    return parse_scenario(json.loads(file.read_text(encoding="utf-8")))


async def play(simulator: GraphSimulator, scenario: Scenario, *, expectations: bool = True) -> Report:
    """Play a scenario to its end, or to the first expectation that is missed.

    Customers and numbers that exist already are kept as they are.
    """
    simulator.configure(scenario.configure)
    for account in (*scenario.numbers, *scenario.accounts):
        if not isinstance(account, NumberSpec):
            if account.id not in simulator.pages.accounts:
                simulator.add_account(account)
        elif account.phone_number_id not in simulator.world.numbers:
            simulator.add_number(account)
    for spec in scenario.customers:
        if not isinstance(spec, CustomerSpec):
            if spec.id not in simulator.visitors:
                simulator.add_visitor(spec)
        elif (spec.id or spec.phone) not in simulator.customers:
            simulator.add_customer(spec)
    results: list[StepResult] = []
    for index, step in enumerate(scenario.steps, 1):
        what = " ".join(filter(None, (step.who, step.does))) or step.note or "prepares"
        try:
            detail = await _play_step(simulator, step, expectations=expectations)
        except (SimulationError, TimeoutError) as error:
            results.append(StepResult(step=index, what=what, failed=str(error) or "timed out"))
            return Report(scenario=scenario.name, passed=False, steps=tuple(results))
        results.append(StepResult(step=index, what=what, detail=detail))
    return Report(scenario=scenario.name, passed=True, steps=tuple(results))


async def _play_step(simulator: GraphSimulator, step: Step, *, expectations: bool) -> str:
    if step.after:
        await simulator.clock.sleep(step.after)
    _prepare(simulator, step)
    said: list[str] = []
    if step.does and step.who:
        said.append(act(simulator.actor(step.who), step.does, step.arguments))
    if step.expects and step.who and expectations:
        wanted = step.expects
        got = await simulator.actor(step.who).expect(text=wanted.text, type=wanted.type, within_s=wanted.within)
        said.append(f"got {got.type} {got.text!r}")
    if step.idle is not None:
        async with asyncio.timeout(step.idle):
            await simulator.webhooks.idle()
    return ", ".join(filter(None, said))


def _prepare(simulator: GraphSimulator, step: Step) -> None:
    if step.configure:
        simulator.configure(step.configure)
    if step.clear_faults:
        simulator.faults.clear()
    if step.fault is not None:
        simulator.faults.add(step.fault)
    if step.advance:
        simulator.clock.advance(step.advance)


def report_lines(report: Report) -> list[str]:
    """The report for a terminal."""
    title = f"{report.scenario}: {'passed' if report.passed else 'failed'}"
    said = [": ".join(filter(None, (step.what, step.failed or step.detail))) for step in report.steps]
    return [title, *(f"  {step.step:>2}  {line}" for step, line in zip(report.steps, said, strict=True))]


def scenario_from(source: str) -> Scenario:
    """A shipped scenario by name, or one from a file. Raises ``SimulationError``."""
    return shipped_scenario(source) if source in shipped_scenarios() else load_scenario(Path(source))


def scenario_dict(scenario: Scenario) -> Mapping[str, Any]:
    """Plain values that ``parse_scenario`` reads again."""
    plain: Mapping[str, Any] = msgspec.to_builtins(scenario)
    return plain
