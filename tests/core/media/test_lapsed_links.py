"""Files behind addresses that lapse: gone where no other address can be asked for, and never for a token's sake."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchbay.collections import MEDIA
from tests.core.media.test_fetcher import fetching, offers, receive
from tests.core.plain_post import answer, stage


@pytest.mark.parametrize(
    ("at_provider", "only", "state", "error"),
    [
        (False, True, "expired", "The address of the file has expired."),
        (False, False, "pending", "The address of the file has expired."),
        (True, True, "pending", "The file's host answered 403."),
        (True, False, "pending", "The file's host answered 403."),
    ],
)
async def test_a_forbidden_file_is_gone_only_where_its_address_was_all_there_was(
    tmp_path: Path, at_provider: bool, only: bool, state: str, error: str
) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        base = on.provider.base if at_provider else on.provider.base.replace("127.0.0.1", "localhost")
        offers(on.provider, url=f"{base}/file/m1", only=only)
        on.provider.files["/file/m1"] = answer(403)
        id = await receive(on, account)
        async with fetching(on):
            media = await on.once(
                lambda: on.inbox.store.get(MEDIA, id), lambda found: bool(found and found.attempts), 15
            )
        assert media is not None
        assert (media.state, media.error) == (state, error)
