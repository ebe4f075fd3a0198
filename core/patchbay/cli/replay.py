"""``patchbay replay``: ask a running gateway to apply journalled webhooks again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from patchbay.cli.loading import Config, chosen_above, config_text
from patchbay.errors import PatchbayError

if TYPE_CHECKING:
    import aiohttp

PAGE = 200
ANSWER_S = 30.0


class ReplayRefused(PatchbayError):
    """The gateway cannot be reached, or does not do it."""

    code = "replay_refused"


def replay(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Raw events, by id.")] = None,
    unroutable: Annotated[bool, typer.Option(help="All with items for an account that did not exist.")] = False,
    quarantined: Annotated[bool, typer.Option(help="All that could not be applied, whole or in part.")] = False,
    url: Annotated[str | None, typer.Option(help="Where the gateway is; by default as the settings say.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="PATCHBAY_TOKEN", help="A token; by default the administrator's.")
    ] = None,
    config: Config = None,
) -> None:
    """Apply webhooks again that were kept in the journal. What was applied before stays as it is."""
    if not (ids or unroutable or quarantined):
        raise typer.BadParameter("name raw events by id, or use --unroutable or --quarantined")
    address, bearer = _gateway(config or chosen_above(ctx), url, token)
    filters = [
        *([{"outcome": "unroutable"}] if unroutable else []),
        *([{"state": "quarantined"}, {"outcome": "quarantined"}] if quarantined else []),
    ]
    count = asyncio.run(_replay(address, bearer, list(ids or ()), filters))
    print(f"Replayed {count} raw event{'' if count == 1 else 's'}.")


def _gateway(config: Path | None, url: str | None, token: str | None) -> tuple[str, str]:
    """Its address and a token for it, from the settings where they were not given."""
    if url is not None and token is not None:
        return url.rstrip("/"), token
    from patchbay.secrets import stated_admin_token
    from patchbay.settings import Settings, load_settings, read_tables

    tree = read_tables(os.environ, config_text(config))
    settings = load_settings({name: tree[name] for name in tree if name in Settings.model_fields}, {})
    host = "127.0.0.1" if settings.http.host in ("", "0.0.0.0", "::") else settings.http.host  # noqa: S104
    bearer = token or stated_admin_token(settings)
    if bearer is None:
        raise ReplayRefused("There is no token: give one with --token, or run this where the gateway keeps its data.")
    shown = f"[{host}]" if ":" in host else host
    return (url or f"http://{shown}:{settings.http.port}").rstrip("/"), bearer


async def _replay(address: str, token: str, ids: list[str], filters: list[dict[str, str]]) -> int:
    import aiohttp

    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            wanted = dict.fromkeys(ids)
            for chosen in filters:
                async for raw_id in _listed(session, address, chosen):
                    wanted[raw_id] = None
            count = 0
            for raw_id in wanted:
                answer = await _ask(session, "POST", f"{address}/api/v1/ingest/events/{quote(raw_id, safe='')}/replay")
                count += int(answer.get("replayed", 0))
            return count
    except (aiohttp.ClientError, TimeoutError) as error:
        number = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
        reason = os.strerror(number).lower() if number else str(error) or type(error).__name__
        raise ReplayRefused(f"{address} does not answer: {reason}.") from error


async def _listed(session: aiohttp.ClientSession, address: str, chosen: dict[str, str]) -> AsyncIterator[str]:
    """The ids of all raw events of this kind, read to the end before anything is changed."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        query = {**chosen, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
        answer = await _ask(session, "GET", f"{address}/api/v1/ingest/events", query)
        found.extend(raw["id"] for raw in answer["data"])
        cursor = answer["page"]["next"]
        if cursor is None:
            break
    for raw_id in found:
        yield raw_id


async def _ask(session: aiohttp.ClientSession, method: str, url: str, query: dict[str, str] | None = None) -> Any:
    async with session.request(method, url, params=query) as response:
        try:
            answer = await response.json(content_type=None)
        except ValueError:
            answer = None
        if response.status >= 400 or not isinstance(answer, dict):
            detail = answer.get("detail") or answer.get("title") if isinstance(answer, dict) else None
            raise ReplayRefused(f"{method} {url} was answered {response.status}: {detail or 'no explanation'}")
        return answer
