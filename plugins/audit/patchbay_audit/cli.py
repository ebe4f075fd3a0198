"""``patchbay audit``: check the trail of a running gateway, and what it takes to check a copy of it elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from patchbay.cli.loading import Config, chosen_above, config_text
from patchbay.errors import PatchbayError
from patchbay_audit.anchors import PURPOSE

ANSWER_S = 610.0  # longer than the gateway takes at most
SCRIPT = "verify_standalone.py"
KEY_OWNER = "audit"  # whose key it is: the plugin's


class AuditRefused(PatchbayError):
    """The gateway cannot be reached, or does not do it."""

    code = "audit_refused"


def add_commands(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Check the audit trail.", no_args_is_help=True)
    group.command("verify")(verify)
    group.command("verifier")(verifier)
    group.command("anchor-key")(anchor_key)
    app.add_typer(group, name="audit")


def verify(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Option(help="Where the gateway is; by default as the settings say.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="PATCHBAY_TOKEN", help="A token; by default the administrator's.")
    ] = None,
    config: Config = None,
) -> None:
    """Ask a running gateway whether its trail is as it was written. Exit status 1 when it is not."""
    address, bearer = _gateway(config or chosen_above(ctx), url, token)
    verdict = asyncio.run(_ask(f"{address}/api/v1/audit/verify", bearer))
    for line in lines(verdict):
        typer.echo(line)
    if not verdict["valid"]:
        raise typer.Exit(1)


def verifier() -> None:
    """Write a script that checks an export of the trail: plain Python, which needs nothing of this program."""
    sys.stdout.write(resources.files("patchbay_audit").joinpath(SCRIPT).read_text(encoding="utf-8"))


def anchor_key(ctx: typer.Context, config: Config = None) -> None:
    """Print the keys that anchors are made with, for the verifier. Who has them can make anchors: keep them safe."""
    from patchbay.secrets import SecretKey, stated_keys

    keys: list[SecretKey] = stated_keys(_settings(config or chosen_above(ctx)))
    if not keys:
        raise AuditRefused("There is no secret key: run this where the gateway keeps its data, once it was started.")
    for key in keys:
        typer.echo(key.derive(f"plugin {KEY_OWNER}: {PURPOSE}").hex())


def lines(verdict: dict[str, Any]) -> list[str]:
    """The verdict in sentences."""
    span = f"entries {verdict['from_seq']} to {verdict['to_seq']}" if verdict["entries"] else "no entries"
    anchors = verdict["anchors"]
    held = f"{anchors['stored']} in the store, {anchors['in_file']} in the file"
    last = f"the last one at entry {anchors['last_seq']}" if anchors["last_seq"] else "none yet"
    told = [
        f"{'The trail is as it was written' if verdict['valid'] else 'The trail was changed'}: {span}.",
        f"Head: {verdict['head_hash'] or 'none'}",
        f"Anchors: {held}; {last}, {anchors['entries_since']} entries since.",
    ]
    told += [f"{each['kind']}: {each['detail']}" for each in verdict["problems"]]
    more = verdict["problem_count"] - len(verdict["problems"])
    return [*told, f"... and {more} more."] if more > 0 else told


def _settings(config: Path | None) -> Any:
    from patchbay.settings import Settings, load_settings, read_tables

    tree = read_tables(os.environ, config_text(config))
    return load_settings({name: tree[name] for name in tree if name in Settings.model_fields}, {})


def _gateway(config: Path | None, url: str | None, token: str | None) -> tuple[str, str]:
    """Its address and a token for it, from the settings where they were not given."""
    if url is not None and token is not None:
        return url.rstrip("/"), token
    from patchbay.secrets import stated_admin_token

    settings = _settings(config)
    host = "127.0.0.1" if settings.http.host in ("", "0.0.0.0", "::") else settings.http.host  # noqa: S104
    bearer = token or stated_admin_token(settings)
    if bearer is None:
        raise AuditRefused("There is no token: give one with --token, or run this where the gateway keeps its data.")
    shown = f"[{host}]" if ":" in host else host
    return (url or f"http://{shown}:{settings.http.port}").rstrip("/"), bearer


async def _ask(url: str, token: str) -> dict[str, Any]:
    import aiohttp

    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.post(url) as response,
        ):
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                answer = None
            if response.status != 200 or not isinstance(answer, dict):
                detail = answer.get("detail") if isinstance(answer, dict) else None
                raise AuditRefused(f"POST {url} was answered {response.status}: {detail or 'no explanation'}")
            return answer
    except (aiohttp.ClientError, TimeoutError) as error:
        number = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
        reason = os.strerror(number).lower() if number else str(error) or type(error).__name__
        raise AuditRefused(f"{url} does not answer: {reason}.") from error
