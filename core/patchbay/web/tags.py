"""The tags that the deployment offers."""

from __future__ import annotations

from patchbay.collections import TAGS
from patchbay.errors import NotFound
from patchbay.inbox.tags import change_tag, create_tag, delete_tag
from patchbay.model.tag import Tag
from patchbay.views import tag_view
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay.web.schemas.contact_requests import NewTagSchema, TagPatchSchema
from patchbay.web.schemas.conversations import TagSchema

OPERATIONS = Operations("Tags", {"tags.read": "See tags", "tags.write": "Create, change and delete tags"})


@OPERATIONS.get("/tags", "tags.read", answer=Listing(TagSchema), query=listing(sorts=("name",)))
async def list_tags(call: Call) -> Answer:
    """List the tags that can be put on conversations and contacts."""
    return page_answer(call, await call.gateway.store.find(query_of(call, TAGS)), tag_view)


@OPERATIONS.post("/tags", "tags.write", body=NewTagSchema, answer=TagSchema, creates=True)
async def create_a_tag(call: Call) -> Answer:
    """Offer a tag; its id is made of the name."""
    return await call.perform(lambda uow: create_tag(uow, **call.body), created(f"{API_ROOT}/tags", tag_view))


@OPERATIONS.get("/tags/{tag_id}", "tags.read", answer=TagSchema)
async def show_tag(call: Call) -> Answer:
    """Show a tag."""
    id = call.path["tag_id"]
    tag = await call.gateway.inbox.get(TAGS, id)
    if tag is None:
        raise NotFound(f"There is no tag {id!r}.")
    return _answer(tag)


@OPERATIONS.patch("/tags/{tag_id}", "tags.write", body=TagPatchSchema, answer=TagSchema, versioned=True)
async def change_a_tag(call: Call) -> Answer:
    """Change a tag; its id stays."""
    id, expected = call.path["tag_id"], call.expected_version
    return _answer(await call.run(lambda uow: change_tag(uow, id, call.body, expected=expected)))


@OPERATIONS.delete("/tags/{tag_id}", "tags.write", versioned=True)
async def delete_a_tag(call: Call) -> Answer:
    """Offer a tag no longer; what carries it keeps it."""
    id, expected = call.path["tag_id"], call.expected_version
    await call.run(lambda uow: delete_tag(uow, id, expected=expected))
    return Answer()


def _answer(tag: Tag) -> Answer:
    return Answer(tag_view(tag), version=tag.version)
