"""Channel types and channel accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from marshmallow import fields
from pydantic import BaseModel, ValidationError

from patchbay.channel import Capabilities, Channel
from patchbay.collections import ACCOUNTS
from patchbay.errors import FieldError, Invalid, NotFound, PatchbayError
from patchbay.inbox.accounts import (
    NewAccount,
    change_account,
    connect_account,
    delete_account,
    disable_account,
    enable_account,
    reauthorise_account,
)
from patchbay.model.account import ChannelAccount, Policies
from patchbay.model.ids import account_id
from patchbay.ports import Where
from patchbay.views import View, account_view
from patchbay.views.accounts import callback_path
from patchbay.web.call import Call
from patchbay.web.given import department_given
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay.web.schemas.channels import (
    CapabilitiesSchema,
    ChannelHealthSchema,
    ChannelPatchSchema,
    ChannelSchema,
    ChannelTypesSchema,
    CredentialsSchema,
    NewChannelSchema,
)

log = structlog.get_logger(__name__)
OPERATIONS = Operations(
    "Channels",
    {
        "channels.read": "See channel accounts, their health and what they can carry",
        "channels.write": "Connect, change, enable, disable, reauthorise and delete channel accounts",
    },
)
_one = "/channels/{account_id}"


@OPERATIONS.get("/channel-types", "channels.read", answer=ChannelTypesSchema)
async def list_channel_types(call: Call) -> Answer:
    """List the channels that enabled plugins brought."""
    return Answer({"data": [channel_type_view(channel) for channel in call.gateway.registry.channels.values()]})


@OPERATIONS.get(
    "/channels",
    "channels.read",
    answer=Listing(ChannelSchema),
    query=listing(channel=fields.String(metadata={"description": "Accounts of this channel only."})),
)
async def list_channels(call: Call) -> Answer:
    """List channel accounts."""
    where = [Where("channel", "eq", call.query["channel"])] if "channel" in call.query else []
    return page_answer(call, await call.gateway.store.find(query_of(call, ACCOUNTS, where=where)), _view(call))


@OPERATIONS.post("/channels", "channels.write", body=NewChannelSchema, answer=ChannelSchema, creates=True)
async def create_channel(call: Call) -> Answer:
    """Connect a channel account.

    Webhook items that came for it before it existed are applied now. Credentials are sealed and never returned.
    """
    asked = call.body
    department_given(call, asked["default_department_id"], "/default_department_id")
    channel = channel_named(call, asked["channel"])
    require_credentials(channel, asked["credentials"])
    id = account_id(channel.name, asked["external_id"])
    new = NewAccount(
        channel=channel.name,
        name=asked["name"],
        external_id=asked["external_id"],
        parent_external_id=asked["parent_external_id"],
        credentials=call.gateway.vault.seal(asked["credentials"], id),
        settings=account_settings(channel, asked["settings"]),
        policies=Policies(**asked["policies"]),
        default_department_id=asked["default_department_id"],
    )
    answer = await call.perform(lambda uow: connect_account(uow, new), created(f"{API_ROOT}/channels", _view(call)))
    await replay_unroutable(call, channel.name)
    return answer


@OPERATIONS.get(_one, "channels.read", answer=ChannelSchema)
async def show_channel(call: Call) -> Answer:
    """Show a channel account."""
    return _answer(call, await the_account(call))


@OPERATIONS.patch(_one, "channels.write", body=ChannelPatchSchema, answer=ChannelSchema, versioned=True)
async def change_channel(call: Call) -> Answer:
    """Change a channel account.

    `settings` and `policies` are replaced as a whole; of `credentials` those given are.
    """
    account = await the_account(call)
    channel = channel_named(call, account.channel)
    changes = dict(call.body)
    department_given(call, changes.get("default_department_id"), "/default_department_id")
    if "settings" in changes:
        changes["settings"] = account_settings(channel, changes["settings"])
    if "policies" in changes:
        changes["policies"] = Policies(**changes["policies"])
    if "credentials" in changes:
        refuse_unknown(channel, changes["credentials"])
        changes["credentials"] = call.gateway.vault.seal(changes["credentials"], account.id)
    expected = call.expected_version
    return _answer(call, await call.run(lambda uow: change_account(uow, account.id, changes, expected=expected)))


@OPERATIONS.delete(_one, "channels.write", versioned=True, errors=("conflict",))
async def delete_channel(call: Call) -> Answer:
    """Delete a channel account that never spoke with anybody.

    One with threads can only be disabled.
    """
    await call.run(lambda uow: delete_account(uow, call.path["account_id"], expected=call.expected_version))
    return Answer()


@OPERATIONS.post(f"{_one}/enable", "channels.write", answer=ChannelSchema, versioned=True)
async def enable_channel(call: Call) -> Answer:
    """Take a disabled account back into service."""
    id, expected = call.path["account_id"], call.expected_version
    return _answer(call, await call.run(lambda uow: enable_account(uow, id, expected=expected)))


@OPERATIONS.post(f"{_one}/disable", "channels.write", answer=ChannelSchema, versioned=True)
async def disable_channel(call: Call) -> Answer:
    """Stop sending through an account; what its provider delivers is still kept."""
    id, expected = call.path["account_id"], call.expected_version
    return _answer(call, await call.run(lambda uow: disable_account(uow, id, expected=expected)))


@OPERATIONS.post(f"{_one}/reauthorize", "channels.write", body=CredentialsSchema, answer=ChannelSchema, versioned=True)
async def reauthorize_channel(call: Call) -> Answer:
    """Give an account new credentials.

    An account that waited for them is active again, and what it had to send goes on.
    """
    account = await the_account(call)
    refuse_unknown(channel_named(call, account.channel), call.body["credentials"])
    sealed = call.gateway.vault.seal(call.body["credentials"], account.id)
    expected = call.expected_version
    return _answer(call, await call.run(lambda uow: reauthorise_account(uow, account.id, sealed, expected=expected)))


@OPERATIONS.get(f"{_one}/capabilities", "channels.read", answer=CapabilitiesSchema)
async def show_channel_capabilities(call: Call) -> Answer:
    """Show what an account can carry."""
    account = await the_account(call)
    return Answer(capabilities_view(channel_named(call, account.channel).capabilities))


@OPERATIONS.get(f"{_one}/health", "channels.read", answer=ChannelHealthSchema)
async def show_channel_health(call: Call) -> Answer:
    """Show how an account is doing."""
    view = account_view(await the_account(call))
    return Answer({name: view[name] for name in ("id", "status", "health")})


# what several operations need


async def the_account(call: Call) -> ChannelAccount:
    """The account that the path names. Raises ``NotFound``."""
    id = call.path["account_id"]
    account = await call.gateway.inbox.get(ACCOUNTS, id)
    if account is None:
        raise NotFound(f"There is no channel account {id!r}.")
    return account


def channel_named(call: Call, name: str) -> Channel:
    """The channel of that name. Raises ``Invalid`` when no enabled plugin brought it."""
    channel = call.gateway.registry.channels.get(name)
    if channel is None:
        known = ", ".join(sorted(call.gateway.registry.channels)) or "none"
        message = f"No enabled plugin brings it; there are: {known}."
        raise Invalid(f"/channel: {message}", errors=[FieldError("/channel", "choice", message)])
    return channel


def require_credentials(channel: Channel, given: Mapping[str, str]) -> None:
    """Raises ``Invalid`` naming every credential that the channel needs and misses, or does not know."""
    missing = [name for name, required in credential_names(channel) if required and name not in given]
    problems = [FieldError(f"/credentials/{name}", "required", "This channel needs it.") for name in missing]
    if problems:
        raise Invalid(f"The credentials lack {', '.join(missing)}.", errors=problems)
    refuse_unknown(channel, given)


def refuse_unknown(channel: Channel, given: Mapping[str, str]) -> None:
    """Raises ``Invalid`` naming every credential that the channel does not know."""
    known = dict(credential_names(channel))
    unknown = sorted(set(given) - set(known))
    if unknown:
        problems = [FieldError(f"/credentials/{name}", "unknown_field", "Unknown field.") for name in unknown]
        raise Invalid(f"This channel takes the credentials {', '.join(known)} only.", errors=problems)


def credential_names(channel: Channel) -> list[tuple[str, bool]]:
    """The names, each with whether it is required."""
    return [(name.rstrip("?"), not name.endswith("?")) for name in channel.credential_names]


def account_settings(channel: Channel, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as the channel's model keeps them. Raises ``Invalid`` with a pointer per problem."""
    model: type[BaseModel] = channel.account_settings
    try:
        return model.model_validate(given).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        problems = [
            FieldError(
                "/settings" + "".join(f"/{part}" for part in each["loc"]),
                "unknown_field" if each["type"] == "extra_forbidden" else "invalid",
                each["msg"],
            )
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid(f"{problems[0].pointer}: {problems[0].message}", errors=problems) from error


async def replay_unroutable(call: Call, channel: str) -> None:
    """Apply what came for accounts that did not exist. That it fails costs nothing: the items stay listed."""
    try:
        waiting = await call.gateway.store.unroutable(channel)
        if waiting:
            await call.gateway.ingest.replay(waiting)
    except PatchbayError as error:
        log.warning("unroutable items could not be replayed", channel=channel, error=error.detail)


def capabilities_view(capabilities: Capabilities) -> dict[str, Any]:
    return {
        "contents": sorted(capabilities.contents),
        "interactive": sorted(capabilities.interactive),
        "reactions": capabilities.reactions,
        "replies": capabilities.replies,
        "typing": capabilities.typing,
        "read_receipts": capabilities.read_receipts,
        "templates": capabilities.templates,
        "edits": capabilities.edits,
        "text_limit": capabilities.text_limit,
        "media": {
            kind: {"mime_types": sorted(rule.mime_types), "max_bytes": rule.max_bytes}
            for kind, rule in sorted(capabilities.media.items())
        },
        "fetches": sorted(capabilities.fetches),
        "options": {
            name: None if values is None else sorted(values) for name, values in sorted(capabilities.options.items())
        },
    }


def channel_type_view(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "title": channel.title,
        "capabilities": capabilities_view(channel.capabilities),
        "credentials": [{"name": name, "required": required} for name, required in credential_names(channel)],
        "settings_schema": channel.account_settings.model_json_schema(),
        "callback_path": _callback_template(channel),
    }


def _callback_template(channel: Channel) -> str:
    path = f"/webhooks/{channel.name}"
    return f"{path}/{{external_id}}" if channel.capabilities.account_in_path else path


def _view(call: Call) -> Callable[[ChannelAccount], View]:
    """Accounts as REST shows them: with the callback path, null while the plugin that has it is not loaded."""
    channels = call.gateway.registry.channels

    def view(account: ChannelAccount) -> View:
        channel = channels.get(account.channel)
        path = None if channel is None else callback_path(channel.name, account.external_id, channel.capabilities)
        return {**account_view(account), "callback_path": path}

    return view


def _answer(call: Call, account: ChannelAccount) -> Answer:
    return Answer(_view(call)(account), version=account.version)
