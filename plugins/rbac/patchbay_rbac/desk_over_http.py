"""The command line's desk at a gateway that runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from patchbay.web.operations import API_ROOT
from patchbay_rbac.desk import Refused, Wanted, ids_of, told

if TYPE_CHECKING:
    from patchbay.settings import Settings

ANSWER_S: Final = 30.0
PAGE: Final = "200"


class DeskOverHttp:
    """Asks a gateway, as whoever the token is of: what that person may not do is refused."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    async def create(self, wanted: Wanted) -> dict[str, Any]:
        body = {"email": wanted.email, "name": wanted.name, "password": wanted.password}
        named: dict[str, tuple[str, ...]] = {"role_ids": wanted.roles, "department_ids": wanted.departments}
        for field, names in named.items():
            kind = field.removesuffix("_ids")
            known = await self._all(f"/{kind}s") if names else []
            body[field] = ids_of(kind, names, [(each["id"], each["name"]) for each in known])  # type: ignore[assignment]
        made: dict[str, Any] = await self._ask("POST", "/users", body=body)
        return made

    async def everybody(self) -> Sequence[dict[str, Any]]:
        return await self._all("/users")

    async def let_in_again(self, email: str) -> str:
        """Only whoever reads the mail is given a link by a gateway that runs."""
        await self._ask("POST", "/auth/password/forgot", body={"email": email})
        return (
            f"The gateway sends {email} a letter, if that is the address of somebody who may sign in. "
            "To be shown a link here, stop the gateway first."
        )

    async def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"limit": PAGE}
        while True:
            answer = await self._ask("GET", path, query=query)
            found.extend(answer["data"])
            if answer["page"]["next"] is None:
                return found
            query["cursor"] = answer["page"]["next"]

    async def _ask(self, method: str, path: str, *, body: Any = None, query: dict[str, str] | None = None) -> Any:
        url = f"{self._address}{API_ROOT}{path}"
        try:
            async with self._session.request(method, url, json=body, params=query) as response:
                try:
                    answer = await response.json(content_type=None)
                except ValueError:
                    answer = None
                if response.status < 400 and isinstance(answer, dict):
                    return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            number = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
            reason = os.strerror(number).lower() if number else str(error) or type(error).__name__
            raise Refused(f"{self._address} does not answer: {reason}.") from error
        raise Refused(_why(response.status, answer, f"{method} {url}"))


@asynccontextmanager
async def desk_over_http(settings: Settings, url: str | None, token: str | None) -> AsyncIterator[DeskOverHttp]:
    """At the gateway of these settings, or at ``url``; with the administrator's token, or ``token``."""
    from patchbay.secrets import stated_admin_token

    bearer = token or stated_admin_token(settings)
    if bearer is None:
        raise Refused("There is no token: give one with --token, or run this where the gateway keeps its data.")
    host = "127.0.0.1" if settings.http.host in ("", "0.0.0.0", "::") else settings.http.host  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    address = (url or f"http://{shown}:{settings.http.port}").rstrip("/")
    headers = {"Authorization": f"Bearer {bearer}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session:
        yield DeskOverHttp(session, address)


def _why(status: int, answer: Any, asked: str) -> str:
    if status == 401:
        return (
            "The gateway runs and does not take this token: give one of somebody who may, with --token. The "
            "administrator's means nothing once somebody can administrate."
        )
    if not isinstance(answer, dict):
        return f"{asked} was answered {status} without an explanation."
    messages = [str(each.get("message", "")) for each in answer.get("errors", ()) if isinstance(each, dict)]
    return told(str(answer.get("detail") or answer.get("title")), messages)
