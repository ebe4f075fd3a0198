"""``patchbay users``: the first person, and whoever locked themselves out. A gateway at rest is opened for it; of one
that runs it is asked over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.loading import Config, load
from patchbay.errors import StoreInUse
from patchbay.offline import offline
from patchbay_rbac.desk import Desk, DeskAtRest, Refused, Wanted
from patchbay_rbac.desk_over_http import desk_over_http
from patchbay_rbac.roles import SUPER_ADMIN

if TYPE_CHECKING:
    from patchbay.plugins import Loaded

users = typer.Typer(help="People who sign in.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option(help="Where a gateway runs; by default as the settings say.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="PATCHBAY_TOKEN", help="For a gateway that runs; by default the administrator's token."),
]


@users.command()
def create(
    ctx: typer.Context,
    email: Annotated[str, typer.Option(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="What others call them.")],
    admin: Annotated[bool, typer.Option("--admin", help="Let them do and see everything.")] = False,
    role: Annotated[list[str] | None, typer.Option(help="A role, by name or id; may be given again.")] = None,
    department: Annotated[list[str] | None, typer.Option(help="A department, by name or id.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Make a person who can sign in; asks for the password unless it comes by standard input.

    Once somebody can administrate, the administrator's token means nothing any more.
    """
    loaded = load(ctx, config)
    roles = ((SUPER_ADMIN,) if admin else ()) + tuple(role or ())
    wanted = Wanted(email, name, _password(from_stdin=password_stdin), roles, tuple(department or ()))

    async def errand(desk: Desk) -> None:
        made = await desk.create(wanted)
        may = ", ".join(made["role_ids"]) or "no role yet"
        typer.echo(f"Created {made['name']} <{made['email']}>, {made['id']}: {may}.")

    _run(loaded, url, token, errand)


@users.command("list")
def list_people(ctx: typer.Context, url: Url = None, token: Token = None, config: Config = None) -> None:
    """List people: address, name, status, roles, departments."""

    async def errand(desk: Desk) -> None:
        rows = [("EMAIL", "NAME", "STATUS", "ROLES", "DEPARTMENTS"), *map(_row, await desk.everybody())]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    _run(load(ctx, config), url, token, errand)


@users.command("reset-password")
def reset_password(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="Whose password is to be chosen anew.")],
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Print a link that works once, with which somebody chooses a new password. A gateway that runs sends it to them
    instead."""

    async def errand(desk: Desk) -> None:
        typer.echo(await desk.let_in_again(email))

    _run(load(ctx, config), url, token, errand)


def _run(loaded: Loaded, url: str | None, token: str | None, errand: Callable[[Desk], Awaitable[None]]) -> None:
    from patchbay import logs

    logs.begin(loaded)

    async def main() -> None:
        if url is None:
            try:
                async with _at_rest(loaded) as desk:
                    await errand(desk)
                return
            except StoreInUse:
                pass
        async with desk_over_http(loaded.settings, url, token) as remote:
            await errand(remote)

    asyncio.run(main())


@asynccontextmanager
async def _at_rest(loaded: Loaded) -> AsyncIterator[DeskAtRest]:
    from patchbay_rbac.rbac import Rbac

    rbac = next((service for service in loaded.registry.services if isinstance(service, Rbac)), None)
    if rbac is None:
        raise Refused("The plugin rbac did not load; `patchbay plugins` says why.")
    async with offline(loaded):
        yield DeskAtRest(rbac)


def _password(*, from_stdin: bool) -> str:
    """Raises ``Refused`` where there is nobody to ask."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise Refused("Standard input has no password: one line is read from it.")
        return given
    if not sys.stdin.isatty():
        raise Refused("There is no terminal to ask for the password: use --password-stdin.")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _row(user: dict[str, Any]) -> tuple[str, ...]:
    lists = (", ".join(user[field]) or "-" for field in ("role_ids", "department_ids"))
    return (user["email"] or "-", user["name"], user["status"], *lists)
