"""Judging a trail: what is said of one that is whole, of each kind of damage, and where it is said to be."""

from __future__ import annotations

import random

import pytest

from patchbay_audit.verify import MOST_PROBLEMS, Verdict, verdict_view
from tests.plugins.audit import tampering
from tests.plugins.audit.acts import Copy, judged, trail
from tests.plugins.audit.tampering import TAMPERINGS, Tampering, rechain, rewritten


def kinds(verdict: Verdict) -> set[str]:
    return {each.kind for each in verdict.problems}


def test_an_empty_trail_is_valid() -> None:
    verdict = judged(Copy())
    assert verdict.valid
    assert (verdict.entries, verdict.from_seq, verdict.head_hash) == (0, None, None)


def test_a_whole_trail_is_valid() -> None:
    copy = trail(25)
    copy.add()
    assert verdict_view(judged(copy)) == {
        "valid": True,
        "entries": 26,
        "from_seq": 1,
        "to_seq": 26,
        "head_hash": copy.entries[-1].hash,
        "first_problem": None,
        "problems": [],
        "problem_count": 0,
        "anchors": {
            "stored": 3,
            "in_file": 3,
            "unreadable_lines": 0,
            "last_seq": 25,
            "last_at": "2026-09-21T16:13:20.000Z",
            "cut_seq": None,
            "entries_since": 1,
        },
    }


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda each: each.__name__)
def test_every_kind_of_tampering_is_found_wherever_it_is(tamper: Tampering) -> None:
    for seed in range(20):
        copy = trail(12, anchor_every=5)
        tamper(copy, random.Random(seed))
        assert not judged(copy).valid


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (tampering.query_field, "field"),
        (tampering.the_hash, "hash"),
        (tampering.delete_first, "gap"),
        (tampering.delete_last, "anchor_broken"),
        (tampering.rewrite_suffix, "anchor_broken"),
        (tampering.insert_one, "anchor_broken"),
        (tampering.rewrite_all_and_anchors, "anchor_forged"),
        (tampering.forged_cut, "anchor_forged"),
        (tampering.anchor_deleted, "anchor_missing"),
        (tampering.no_head, "head"),
        (tampering.another_head, "head"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_it_is_called_what_it_is(tamper: Tampering, kind: str) -> None:
    for seed in range(20):
        copy = trail(12, anchor_every=5)
        tamper(copy, random.Random(seed))
        assert kind in kinds(judged(copy))


def test_it_is_said_where_it_begins() -> None:
    copy = trail(30)
    copy.entries[16] = rewritten(copy.entries[16], action="nothing_to_see")
    first = judged(copy).first_problem
    assert first is not None
    assert (first.seq, first.kind) == (18, "link")  # 17 fits itself; what follows names another one


def test_what_no_anchor_vouches_for_yet_is_known() -> None:
    """The limit of the method, and why anchors are made often: the newest entries can be made anew as a whole."""
    copy = trail(20)
    copy.add()
    copy.add()
    assert judged(copy).anchors["entries_since"] == 2
    copy.entries[20] = rewritten(copy.entries[20], action="other")
    rechain(copy, 20)
    assert judged(copy).valid


def test_problems_are_counted_and_not_all_told() -> None:
    copy = trail(300)
    copy.entries = [rewritten(each, outcome="x") for each in copy.entries]
    verdict = judged(copy)
    assert len(verdict.problems) == MOST_PROBLEMS
    assert verdict.problem_count > 300


def test_after_a_cut_the_trail_begins_behind_it() -> None:
    copy = trail(30)
    copy.anchor("cut", seq=12)
    assert judged(copy).valid  # it is said before it is done
    for gone in (5, 12):
        left = Copy(copy.entries[gone:], copy.heads, copy.anchors, copy.file)
        verdict = judged(left)
        assert verdict.valid, verdict.problems
        assert verdict.from_seq == gone + 1
        assert verdict.anchors["cut_seq"] == 12


def test_more_than_the_cut_allows_is_a_gap() -> None:
    copy = trail(30)
    copy.anchor("cut", seq=12)
    del copy.entries[:13]
    assert kinds(judged(copy)) == {"gap"}


def test_what_stands_before_a_cut_must_lead_to_it() -> None:
    copy = trail(30)
    copy.anchor("cut", seq=12)
    del copy.entries[:8]
    copy.entries[0] = rewritten(copy.entries[0], action="other")
    assert "link" in kinds(judged(copy))


def test_after_a_cut_the_first_entry_names_the_cut() -> None:
    copy = trail(30)
    copy.anchor("cut", seq=12)
    del copy.entries[:12]
    copy.entries[0] = rewritten(copy.entries[0], previous_hash="0" * 64)
    assert "link" in kinds(judged(copy))
