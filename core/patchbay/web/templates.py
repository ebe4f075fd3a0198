"""Templates that providers have approved."""

from __future__ import annotations

from marshmallow import fields

from patchbay.collections import TEMPLATES
from patchbay.errors import NotFound
from patchbay.ports import Where
from patchbay.views import template_view
from patchbay.web.call import Call
from patchbay.web.channels import the_account
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import Answer, Listing, Operations
from patchbay.web.schemas.ingest import TemplateSchema, TemplateSyncSchema

OPERATIONS = Operations(
    "Templates",
    {"templates.read": "See templates", "templates.write": "Read templates anew from their provider"},
)
FILTERS = ("account_id", "name", "status", "language")


@OPERATIONS.get(
    "/templates",
    "templates.read",
    answer=Listing(TemplateSchema),
    query=listing(account_id=fields.String(), name=fields.String(), status=fields.String(), language=fields.String()),
)
async def list_templates(call: Call) -> Answer:
    """List templates."""
    where = [Where(name, "eq", call.query[name]) for name in FILTERS if name in call.query]
    return page_answer(call, await call.gateway.store.find(query_of(call, TEMPLATES, where=where)), template_view)


@OPERATIONS.get("/templates/{template_id}", "templates.read", answer=TemplateSchema)
async def show_template(call: Call) -> Answer:
    """Show a template."""
    id = call.path["template_id"]
    template = await call.gateway.inbox.get(TEMPLATES, id)
    if template is None:
        raise NotFound(f"There is no template {id!r}.")
    return Answer(template_view(template), version=template.version)


@OPERATIONS.post(
    "/channels/{account_id}/templates/sync",
    "templates.write",
    answer=TemplateSyncSchema,
    errors=("channel_reauth_required", "provider_unavailable", "rejected"),
)
async def sync_templates(call: Call) -> Answer:
    """Read an account's templates anew from its provider."""
    account = await the_account(call)
    return Answer({"counts": dict(await call.gateway.templates.sync(account.id))})
