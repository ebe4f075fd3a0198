"""Queries over documents at hand."""

from __future__ import annotations

import pytest

from patchbay.matching import in_scope, selected
from patchbay.ports import NOTHING, Query, Where, Within
from patchbay.testing.store_samples import BOXES, SLIPS, Box, box

STOCK = (
    box("b1", rank=3, owner="ann", tags=("red",)),
    box("b2", rank=1, owner="bob"),
    box("b3", rank=2),
    box("b4", rank=2, owner="ann"),
)
ANN = Where("owner", "eq", "ann")


def ids(query: Query[Box]) -> str:
    return "".join(document.id[1:] for document in selected(STOCK, query))


@pytest.mark.parametrize(
    ("any_of", "expected"),
    [
        ((), "1234"),
        ((NOTHING,), ""),
        ((ANN,), "14"),
        ((ANN, NOTHING), "14"),
        ((ANN, Where("owner", "eq", None)), "134"),
        ((Where("owner", "in", ("bob", None)), Where("tags", "has", "red")), "123"),
    ],
)
def test_at_least_one_condition_of_a_scope_holds(any_of: tuple[Where, ...], expected: str) -> None:
    assert ids(Query(BOXES, any_of=any_of)) == expected


def test_a_scope_stands_beside_conditions_order_and_limit() -> None:
    scope = (ANN, Where("owner", "eq", "bob"))
    assert ids(Query(BOXES, (Where("rank", "lte", 2),), any_of=scope)) == "24"
    assert ids(Query(BOXES, any_of=scope, sort="-rank")) == "142"
    assert ids(Query(BOXES, any_of=scope, sort="-rank", limit=2)) == "14"


@pytest.mark.parametrize("beside", [(), (ANN,)], ids=["alone", "after one that holds"])
def test_what_is_within_others_needs_a_store(beside: tuple[Where, ...]) -> None:
    scope: tuple[Where | Within, ...] = (*beside, Within("id", Query(SLIPS), "box_id"))
    with pytest.raises(ValueError, match="id is within slips only a store can tell"):
        in_scope(STOCK[0], scope)
    with pytest.raises(ValueError, match="only a store"):
        selected(STOCK, Query(BOXES, any_of=scope))


def test_queries_with_a_scope_are_equal_by_value_and_can_be_keys() -> None:
    def query(owner: str) -> Query[Box]:
        return Query(BOXES, any_of=(Within("id", Query(SLIPS, any_of=(Where("id", "eq", owner),)), "box_id"),))

    assert {query("ann"): 1, query("bob"): 2}[query("ann")] == 1
    assert query("ann") != query("bob")
