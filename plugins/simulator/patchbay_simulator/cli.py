"""The commands: ``python -m patchbay_simulator serve | simulate``, and ``patchbay simulate``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import typer

from patchbay_simulator.config import AccountSpec, InstagramSpec, NumberSpec, PageSpec, SimulatorConfig, sisters
from patchbay_simulator.crowd import run_demo
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.scenario import (
    Report,
    Scenario,
    report_lines,
    scenario_dict,
    scenario_from,
    shipped_scenarios,
)
from patchbay_simulator.simulator import GraphSimulator

READY = "Simulator is ready on {url}"
_DEFAULTS = SimulatorConfig()
_NUMBER = NumberSpec()
_PAGE = PageSpec()
_INSTAGRAM = InstagramSpec()

Callback = Annotated[
    str | None,
    typer.Option(help="The webhook URL to post to; one that ends in a channel's name has sisters for the others."),
]
AppSecret = Annotated[str, typer.Option(envvar="PATCHBAY_WHATSAPP__APP_SECRET", help="Signs the webhooks.")]
VerifyToken = Annotated[str, typer.Option(envvar="PATCHBAY_WHATSAPP__VERIFY_TOKEN", help="For the handshake.")]
AccessToken = Annotated[str, typer.Option(envvar="PATCHBAY_WHATSAPP__ACCESS_TOKEN", help="The token that is good.")]
PhoneNumberId = Annotated[str, typer.Option(envvar="PATCHBAY_WHATSAPP__PHONE_NUMBER_ID", help="The business number.")]
WabaId = Annotated[str, typer.Option(envvar="PATCHBAY_WHATSAPP__BUSINESS_ID", help="Its business account.")]
PageId = Annotated[str, typer.Option(help="The page on Messenger.")]
InstagramId = Annotated[str, typer.Option(help="The Instagram account.")]
Speed = Annotated[float, typer.Option(min=0.001, help="How much quicker than life.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same choices.")]


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen. The control API has no password: keep it on loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 picks one and prints it.")] = 0,
    callback: Callback = None,
    app_secret: AppSecret = _DEFAULTS.app_secret,
    verify_token: VerifyToken = _DEFAULTS.verify_token,
    access_token: AccessToken = _DEFAULTS.access_tokens[0],
    phone_number_id: PhoneNumberId = _NUMBER.phone_number_id,
    waba_id: WabaId = _NUMBER.waba_id,
    page_id: PageId = _PAGE.id,
    instagram_id: InstagramId = _INSTAGRAM.id,
    coexistence: Annotated[bool, typer.Option(help="The number is also driven from the phone app.")] = False,
    customers: Annotated[int, typer.Option(min=0, help="How many customers write by themselves.")] = 0,
    speed: Speed = 1.0,
    seed: Seed = 1,
) -> None:
    """Serve a fake Graph API, with a control API below /_sim/."""
    config = SimulatorConfig(
        callback_url=callback,
        callback_urls=sisters(callback or ""),
        app_secret=app_secret,
        verify_token=verify_token,
        access_tokens=(access_token,),
        speed=speed,
        seed=seed,
    )
    number = NumberSpec(phone_number_id=phone_number_id, waba_id=waba_id, coexistence=coexistence)
    _run(
        _serve(
            GraphSimulator(config, numbers=[number], accounts=_accounts(page_id, instagram_id)),
            host,
            port,
            customers,
            seed,
        )
    )


async def _serve(simulator: GraphSimulator, host: str, port: int, customers: int, seed: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await simulator.start(host, port)
    crowd = asyncio.create_task(run_demo(simulator, customers=customers, seed=seed)) if customers else None
    try:
        typer.echo(READY.format(url=simulator.url))
        await stopping.wait()
    finally:
        if crowd is not None:
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)
        await simulator.stop()


def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario that comes with it, or a TOML or JSON file.")] = "",
    graph: Annotated[
        str, typer.Option(help="Where the fake Graph API is: a simulator there is used, or one started.")
    ] = "http://127.0.0.1:0",
    callback: Callback = None,
    app_secret: AppSecret = _DEFAULTS.app_secret,
    verify_token: VerifyToken = _DEFAULTS.verify_token,
    access_token: AccessToken = _DEFAULTS.access_tokens[0],
    phone_number_id: PhoneNumberId = _NUMBER.phone_number_id,
    waba_id: WabaId = _NUMBER.waba_id,
    page_id: PageId = _PAGE.id,
    instagram_id: InstagramId = _INSTAGRAM.id,
    expect: Annotated[bool, typer.Option(help="Whether the customers wait for the answers they expect.")] = True,
    speed: Speed = 1.0,
    seed: Seed = 1,
) -> None:
    """Play a scenario of simulated customers against a webhook; without a name, list the scenarios."""
    if not scenario:
        for name in shipped_scenarios():
            typer.echo(f"{name}: {scenario_from(name).about}")
        return
    config = SimulatorConfig(
        callback_url=callback,
        callback_urls=sisters(callback or ""),
        app_secret=app_secret,
        verify_token=verify_token,
        access_tokens=(access_token,),
        speed=speed,
        seed=seed,
    )
    number = NumberSpec(phone_number_id=phone_number_id, waba_id=waba_id)
    try:
        simulator = GraphSimulator(config, numbers=[number], accounts=_accounts(page_id, instagram_id))
        report = _run(_simulate(scenario_from(scenario), graph, simulator, expect=expect))
    except SimulationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in report_lines(report):
        typer.echo(line)
    if not report.passed:
        raise typer.Exit(1)


def _accounts(page_id: str, instagram_id: str) -> tuple[AccountSpec, ...]:
    return PageSpec(id=page_id), InstagramSpec(id=instagram_id)


async def _simulate(scenario: Scenario, graph: str, simulator: GraphSimulator, *, expect: bool) -> Report:
    callback = simulator.config.callback_url
    if (report := await _play_remotely(scenario, graph, callback, expect=expect)) is not None:
        return report
    if callback is None:
        raise SimulationError(f"No simulator runs at {graph}; to start one, say where it posts to: --callback URL.")
    where = urlsplit(graph)
    try:
        await simulator.start(where.hostname or "127.0.0.1", where.port or 0)
    except OSError as error:
        raise SimulationError(f"{graph}: neither a simulator nor a free port: {error}") from error
    try:
        typer.echo(READY.format(url=simulator.url))
        report = await simulator.play(scenario, expectations=expect)
        await simulator.idle()
    except TimeoutError:
        outstanding = simulator.webhooks.outstanding
        raise SimulationError(f"{outstanding} webhooks were not acknowledged by {callback}.") from None
    finally:
        await simulator.stop()
    return report


async def _play_remotely(scenario: Scenario, graph: str, callback: str | None, *, expect: bool) -> Report | None:
    """The report of the simulator that runs there; None when none does."""
    async with aiohttp.ClientSession(base_url=graph, timeout=aiohttp.ClientTimeout(total=None)) as session:
        try:
            async with session.get("/_sim/state", timeout=aiohttp.ClientTimeout(total=5)) as response:
                if response.status != 200:
                    return None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        if callback is not None:
            await session.patch("/_sim/config", json={"callback_url": callback, "callback_urls": sisters(callback)})
        query = {} if expect else {"expectations": "false"}
        body = msgspec.json.encode(scenario_dict(scenario))
        async with session.post("/_sim/scenarios", data=body, params=query) as response:
            answer = await response.read()
            if response.status != 200:
                raise SimulationError(msgspec.json.decode(answer, type=dict[str, str])["error"])
            return msgspec.json.decode(answer, type=Report)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run on uvloop where it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


def add_commands(app: typer.Typer) -> None:
    """Add ``simulate`` to a command line."""
    app.command("simulate")(simulate)


def main() -> None:
    """The simulator's own command line."""
    app = typer.Typer(help="A local Meta: a fake Graph API and simulated customers.", no_args_is_help=True)
    app.command("serve")(serve)
    add_commands(app)
    app()
