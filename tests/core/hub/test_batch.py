"""Batches: the frames of events, made once for everybody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from patchbay.hub.batch import Batch, cut
from patchbay.model.event import Event
from patchbay.model.message import SYSTEM
from patchbay.testing.watching import frames_in

AT = datetime(2026, 11, 22, 9, 33, 0, 120_000, tzinfo=UTC)
MUCH = 2**30


def event(position: int, data: bytes = b"{}", type: str = "message.received", at: datetime = AT) -> Event:
    return Event(
        position=position,
        type=type,
        subject_type="message",
        subject_id="msg_1",
        actor=SYSTEM,
        data=Raw(data),
        occurred_at=at,
    )


def batch_of(*events: Event) -> Batch:
    [batch] = cut(list(events), MUCH)
    return batch


def told(frames: bytes) -> list[tuple[int, object]]:
    """Position and data of the events in these frames, all of them text."""
    messages = [json.loads(payload) for opcode, payload in frames_in(frames) if opcode == 1]
    return [(message["position"], message["data"]) for message in messages]


def test_an_event_is_spliced_around_its_data_as_it_was_committed() -> None:
    batch = batch_of(event(121, b'{"id":"msg_1",  "n":1.50}'))
    payload = (
        b'{"op":"event","position":121,"type":"message.received","occurred_at":"2026-11-22T09:33:00.120Z",'
        b'"data":{"id":"msg_1",  "n":1.50}}'
    )
    assert batch.payload(121) == payload
    assert frames_in(batch.wire) == [(1, payload)]


def test_each_event_has_its_own_type_and_time() -> None:
    batch = batch_of(event(1), event(2, type="a.b", at=AT + timedelta(milliseconds=1)), event(3, type="a.b"))
    described = [json.loads(batch.payload(position)) for position in (1, 2, 3)]
    assert [(payload["type"], payload["occurred_at"][-5:]) for payload in described] == [
        ("message.received", ".120Z"),
        ("a.b", ".121Z"),
        ("a.b", ".120Z"),
    ]


def test_an_event_type_of_a_plugin_is_escaped() -> None:
    assert json.loads(batch_of(event(1, type='plugin."odd"')).payload(1))["type"] == 'plugin."odd"'


@given(st.lists(st.sampled_from([0, 1, 20, 40, 200, 65_400, 65_535, 70_000]), min_size=1, max_size=6), st.data())
def test_any_choice_of_events_of_any_size_is_their_frames_in_order(sizes: list[int], data: st.DataObject) -> None:
    batch = batch_of(*(event(9 + n, b'"' + b"y" * size + b'"') for n, size in enumerate(sizes)))
    everything = [(9 + n, "y" * size) for n, size in enumerate(sizes)]
    chosen = data.draw(st.lists(st.sampled_from(everything), unique=True))
    chosen.sort()
    assert told(batch.wire) == everything
    assert told(batch.frames([position for position, _ in chosen])) == chosen
    assert [(p, json.loads(batch.payload(p))["data"]) for p, _ in everything] == everything


def test_after_a_position_come_those_behind_it() -> None:
    batch = batch_of(event(5), event(6), event(7))
    assert [[e.position for e in batch.after(position)] for position in (2, 4, 5, 7)] == [
        [5, 6, 7],
        [5, 6, 7],
        [6, 7],
        [],
    ]


@given(st.lists(st.integers(0, 700), max_size=20), st.integers(1, 2_000))
def test_a_batch_is_no_larger_than_asked_for_unless_it_is_one_event(sizes: list[int], most: int) -> None:
    events = [event(1 + n, b'"' + b"y" * size + b'"') for n, size in enumerate(sizes)]
    batches = cut(events, most)
    assert [e for batch in batches for e in batch.events] == events
    for batch in batches:
        assert (batch.first, batch.last) == (batch.events[0].position, batch.events[-1].position)
        assert len(batch.wire) <= batch.size
        assert batch.size <= most or len(batch.events) == 1
    for batch, following in pairwise(batches):
        assert batch.size + batch_of(following.events[0]).size > most


@pytest.mark.parametrize("type", ["message.received", "conversation.updated", "conversation.handover_requested"])
def test_the_size_is_no_less_than_what_is_written(type: str) -> None:
    batch = batch_of(*(event(10**12 + n, b"x" * 2**16, type) for n in range(3)))
    assert len(batch.wire) <= batch.size <= len(batch.wire) * 1.01
