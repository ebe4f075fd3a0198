"""Cursors of lists: what a client may have made of one is refused before it reaches the database."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from patchbay.errors import Invalid
from patchbay.storage.sqlite.query import cursor, read_cursor

SHAPE = "a query"
LARGEST = 2**63 - 1  # that an integer of the database holds


def forged(*place: Any) -> str:
    """A cursor of this query that names another place."""
    made = cursor([], SHAPE)
    (digest,) = json.loads(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    return base64.urlsafe_b64encode(json.dumps([*place, digest]).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "place", [["a", "b1"], [LARGEST, "b1"], [-LARGEST - 1, "b1"], [None, "b1"], [0.5, "b1"]], ids=str
)
def test_a_place_comes_back_as_it_was(place: list[Any]) -> None:
    assert read_cursor(cursor(place, SHAPE), SHAPE, 2) == place
    assert read_cursor(forged(*place), SHAPE, 2) == place


@pytest.mark.parametrize(
    "place", [[LARGEST + 1, "b1"], [-LARGEST - 2, "b1"], [10**30, "b1"], [["a"], "b1"], [{}, "b1"], ["b1"], []], ids=str
)
def test_a_place_that_no_row_can_have_is_refused(place: list[Any]) -> None:
    with pytest.raises(Invalid):
        read_cursor(forged(*place), SHAPE, 2)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "%%%", "[]", cursor(["a", "b1"], "another query")], ids=range(6))
def test_a_text_that_is_no_cursor_of_the_query_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_cursor(text, SHAPE, 2)
