"""Ways to change a trail behind the gateway's back, for whoever can write to the store but has not its key (R27)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from patchbay_audit.canonical import canonical, digest
from patchbay_audit.entry import AuditAnchor, AuditEntry, Facts, entry_of
from tests.plugins.audit.acts import Copy, head_of

Tampering = Callable[[Copy, random.Random], None]


def rewritten(entry: AuditEntry, **facts: object) -> AuditEntry:
    """An entry whose text says something else, hash and query fields made to fit."""
    said = msgspec.json.decode(entry.entry, type=Facts)
    return entry_of(canonical(replace(said, **facts)))


def query_field(copy: Copy, dice: random.Random) -> None:
    """A field that queries read says something else than the text."""
    at = dice.randrange(len(copy.entries))
    entry = copy.entries[at]
    name = dice.choice([each for each in AuditEntry.__struct_fields__ if each not in ("hash", "entry")])
    value = getattr(entry, name)
    other: object = value + "x" if isinstance(value, str) else None
    if isinstance(value, int):
        other = value + dice.choice((1, -1, 1000))
    elif isinstance(value, tuple):
        other = value[1:]
    elif name.endswith("_at"):
        other = value + timedelta(milliseconds=1)
    copy.entries[at] = replace(entry, **{name: other})


def a_character(copy: Copy, dice: random.Random) -> None:
    """One character of the text is another one."""
    at = dice.randrange(len(copy.entries))
    text = copy.entries[at].entry
    place = dice.randrange(len(text))
    other = dice.choice([each for each in '0aZ{}",: é' if each != text[place]])
    copy.entries[at] = replace(copy.entries[at], entry=text[:place] + other + text[place + 1 :])


def a_character_with_its_hash(copy: Copy, dice: random.Random) -> None:
    """As before, and the entry's hash fits again."""
    a_character(copy, dice)
    copy.entries = [replace(each, hash=digest(each.entry)) for each in copy.entries]


def one_entry_anew(copy: Copy, dice: random.Random) -> None:
    """An entry says that somebody else did it, and everything about it fits."""
    at = dice.randrange(len(copy.entries))
    copy.entries[at] = rewritten(copy.entries[at], actor={"id": "usr_x", "name": "X", "type": "agent"})
    if at == len(copy.entries) - 1:
        copy.set_head()


def space_in_the_text(copy: Copy, dice: random.Random) -> None:
    """The text says the same in another form."""
    at = dice.randrange(len(copy.entries))
    text = copy.entries[at].entry
    copy.entries[at] = replace(copy.entries[at], entry=text.replace(",", ", ", 1))


def the_hash(copy: Copy, dice: random.Random) -> None:
    at = dice.randrange(len(copy.entries))
    copy.entries[at] = replace(copy.entries[at], hash=digest(str(dice.random())))


def swap(copy: Copy, dice: random.Random) -> None:
    """Two entries change places, numbers and ids with them."""
    one, two = sorted(dice.sample(range(len(copy.entries)), 2))
    first, second = copy.entries[one], copy.entries[two]
    copy.entries[one] = rewritten(second, seq=first.seq)
    copy.entries[two] = rewritten(first, seq=second.seq)
    copy.set_head()


def delete_one(copy: Copy, dice: random.Random) -> None:
    del copy.entries[dice.randrange(len(copy.entries))]


def delete_first(copy: Copy, dice: random.Random) -> None:
    """The beginning is gone, as if the retention had taken it."""
    del copy.entries[: dice.randrange(1, len(copy.entries))]


def delete_last(copy: Copy, dice: random.Random) -> None:
    """The end is gone, and the head fits what is left: only the anchors know."""
    del copy.entries[dice.randrange(1, len(copy.entries)) :]
    copy.set_head()


def delete_and_close_the_gap(copy: Copy, dice: random.Random) -> None:
    """One is gone, and all that follow are numbered and chained anew."""
    at = dice.randrange(len(copy.entries))
    del copy.entries[at]
    rechain(copy, at)


def insert_one(copy: Copy, dice: random.Random) -> None:
    """One more, and all that follow are numbered and chained anew."""
    at = dice.randrange(len(copy.entries))
    copy.entries.insert(at, rewritten(copy.entries[at], action="delete_user"))
    rechain(copy, at)


def insert_twice(copy: Copy, dice: random.Random) -> None:
    """One stands there twice."""
    at = dice.randrange(len(copy.entries))
    copy.entries.insert(at, copy.entries[at])


def rewrite_suffix(copy: Copy, dice: random.Random) -> None:
    """An entry is another one, and all that follow are chained anew."""
    at = dice.randrange(len(copy.entries))
    copy.entries[at] = rewritten(copy.entries[at], address="192.0.2.99")
    rechain(copy, at)


def rewrite_all_and_anchors(copy: Copy, dice: random.Random) -> None:
    """As before, and the anchors name the new hashes; without the key their MACs do not fit."""
    rewrite_suffix(copy, dice)
    hashes = {entry.seq: entry.hash for entry in copy.entries}

    def moved(each: AuditAnchor) -> AuditAnchor:
        return replace(each, hash=hashes[each.seq])

    copy.anchors, copy.file = list(map(moved, copy.anchors)), list(map(moved, copy.file))


def forged_cut(copy: Copy, dice: random.Random) -> None:
    """The beginning is gone, and an anchor says that it was cut off."""
    at = dice.randrange(1, len(copy.entries))
    last = copy.entries[at - 1]
    made = replace(copy.anchors[-1], number=len(copy.anchors) + 1, kind="cut", seq=last.seq, hash=last.hash)
    copy.anchors.append(replace(made, id=f"anc_{made.number:012d}"))
    copy.file.append(copy.anchors[-1])
    del copy.entries[:at]


def anchor_changed(copy: Copy, dice: random.Random) -> None:
    """An anchor says something else."""
    kept = dice.choice((copy.anchors, copy.file))
    at = dice.randrange(len(kept))
    name = dice.choice(("number", "kind", "at", "seq", "hash", "mac"))
    value = getattr(kept[at], name)
    kept[at] = replace(kept[at], **{name: value + 1 if isinstance(value, int) else f"{value}0"})


def anchor_deleted(copy: Copy, dice: random.Random) -> None:
    """An anchor is gone from the store, the file still has it."""
    del copy.anchors[dice.randrange(len(copy.anchors))]


def no_head(copy: Copy, dice: random.Random) -> None:
    copy.heads = []


def another_head(copy: Copy, dice: random.Random) -> None:
    """The head is an earlier entry, or there are two."""
    other = head_of(copy.entries[dice.randrange(len(copy.entries) - 1)])
    copy.heads = dice.choice(([other], [*copy.heads, other]))


def rechain(copy: Copy, at: int) -> None:
    """Number and chain the entries anew from one on, so that everything fits but the anchors."""
    for n in range(at, len(copy.entries)):
        previous = copy.entries[n - 1].hash if n else "0" * 64
        copy.entries[n] = rewritten(copy.entries[n], seq=n + 1, previous_hash=previous)
    copy.set_head()


TAMPERINGS: tuple[Tampering, ...] = (
    query_field,
    a_character,
    a_character_with_its_hash,
    one_entry_anew,
    space_in_the_text,
    the_hash,
    swap,
    delete_one,
    delete_first,
    delete_last,
    delete_and_close_the_gap,
    insert_one,
    insert_twice,
    rewrite_suffix,
    rewrite_all_and_anchors,
    forged_cut,
    anchor_changed,
    anchor_deleted,
    no_head,
    another_head,
)
