"""A picture that was edited away before it was fetched: what the message said keeps its file."""

from __future__ import annotations

from pathlib import Path

from patchbay.channel import MessageEdited
from patchbay.collections import MESSAGES
from patchbay.inbox.apply import apply_event
from patchbay.model.content import Text, media_of
from patchbay.ports import Query
from tests.core.media.test_fetcher import PNG, fetching, offers, receive, serving
from tests.core.plain_post import stage


async def test_a_revision_shows_the_file_once_it_is_here(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        offers(on.provider)
        on.provider.files["/file/m1"] = serving(PNG)
        id = await receive(on, account)
        edit = MessageEdited(
            occurred_at=on.clock.now(), external_id="e1", target="picture.1", content=Text(text="rather not")
        )
        await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), edit))
        async with fetching(on):
            await on.media_becomes(id, "stored")
        (message,) = await on.inbox.find_all(Query(MESSAGES))
        (revision,) = message.revisions
        named = media_of(revision.content)
        assert named is not None
        assert (named.id, named.state, named.size) == (id, "stored", len(PNG))
        assert message.text == "rather not"
