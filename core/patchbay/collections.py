"""The collections that the core keeps, and what a collection is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity, Merge
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.cursor import Cursor
from patchbay.model.document import Document
from patchbay.model.idempotency import IdempotencyRecord
from patchbay.model.job import Job
from patchbay.model.media import Media, Upload
from patchbay.model.message import Activity, Message, Note
from patchbay.model.outbox import OutboxEntry, Parked
from patchbay.model.tag import Tag
from patchbay.model.template import TemplateRecord
from patchbay.model.withheld import Withheld

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class TextIndex:
    """Full-text search over ``fields``. ``owner`` names the field whose document a hit also counts for: a conversation
    is found by the text of its messages."""

    fields: tuple[str, ...]
    owner: str | None = None


@dataclass(frozen=True)
class Collection(Generic[D]):
    """A set of documents of one type, by ``id``.

    ``indexes`` are tuples of field names (dotted for nested values) in index order; queries may filter and sort only by
    fields that stand in one of them, or that ``filters`` names (matched row by row after an index narrowed the set).
    ``arrays`` are fields that hold several values, for ``has`` filters. Uniqueness beyond the id is said with keys of a
    batch, never by an index.
    """

    name: str
    type: type[D]
    indexes: tuple[tuple[str, ...], ...] = ()
    filters: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    text: TextIndex | None = None

    def __hash__(self) -> int:
        return hash(self.name)


ACCOUNTS = Collection("accounts", ChannelAccount, indexes=(("channel", "external_id"), ("parent_external_id",)))
CONTACTS = Collection(
    "contacts",
    Contact,
    indexes=(("updated_at",), ("created_at",), ("display_name",), ("created_by",)),
    filters=("status",),
    arrays=("tags",),
    text=TextIndex(("display_name",)),
)
IDENTITIES = Collection(
    "identities",
    Identity,
    indexes=(("contact_id",), ("line_id",), ("kind", "value"), ("username",)),
    filters=("channel", "status"),
    text=TextIndex(("value", "username", "profile.name"), owner="contact_id"),
)
MERGES = Collection("merges", Merge, indexes=(("source_contact_id",), ("target_contact_id",)))
THREADS = Collection("threads", Thread, indexes=(("contact_id",), ("identity_id",)), filters=("account_id",))
CONVERSATIONS = Collection(
    "conversations",
    Conversation,
    indexes=(
        ("last_activity_at",),
        ("contact_id",),  # with the last activity in it, every message would move an entry somewhere in the middle
        ("thread_id", "number"),
        ("number",),
        ("created_at",),
        ("snoozed_until",),
        ("department_id",),  # these two lead to the rows that a person may see; they change when work changes hands
        ("assignee_id",),
    ),
    filters=(
        "status",
        "channel",
        "account_id",
        "priority",
        "updated_at",
        "waiting_since",
    ),
    arrays=("tags",),
    text=TextIndex(("subject",)),
)
MESSAGES = Collection(
    "messages",
    Message,
    indexes=(("thread_id", "seq"),),
    filters=("conversation_id", "direction", "origin"),
    text=TextIndex(("text",), owner="conversation_id"),
)
NOTES = Collection(
    "notes",
    Note,
    indexes=(("thread_id", "seq"), ("contact_id", "created_at"), ("created_at",)),
    filters=("conversation_id",),
)
ACTIVITIES = Collection("activities", Activity, indexes=(("thread_id", "seq"),), filters=("conversation_id",))
MEDIA = Collection(
    "media",
    Media,
    indexes=(("state", "next_attempt_at"), ("sha256",), ("message_id",), ("state", "created_at")),
    filters=("conversation_id", "thread_id"),
)
UPLOADS = Collection("uploads", Upload, indexes=(("media_id",),))
OUTBOX = Collection(
    "outbox",
    OutboxEntry,
    indexes=(
        ("state", "not_before"),
        ("queue", "state", "order"),
        ("thread_id", "state"),
        ("message_id",),
        ("account_id", "state"),
    ),
)
PARKED = Collection("parked", Parked, indexes=(("expires_at",), ("thread_id",)))
WITHHELD = Collection("withheld", Withheld, indexes=(("not_before",),))
TEMPLATES = Collection(
    "templates", TemplateRecord, indexes=(("account_id", "name"), ("external_id",)), filters=("status", "language")
)
TAGS = Collection("tags", Tag, indexes=(("name",),))
IDEMPOTENCY = Collection("idempotency", IdempotencyRecord, indexes=(("expires_at",),))
JOBS = Collection(
    "jobs",
    Job,
    # not ("expires_at",): what expires by itself would leave the file that the job made behind
    indexes=(("state", "not_before"), ("subject_id",), ("created_by",), ("expires_at", "state")),
)

CURSORS = Collection("cursors", Cursor)

CORE_COLLECTIONS: tuple[Collection[Document], ...] = (  # type: ignore[assignment]
    ACCOUNTS,
    CONTACTS,
    IDENTITIES,
    MERGES,
    THREADS,
    CONVERSATIONS,
    MESSAGES,
    NOTES,
    ACTIVITIES,
    MEDIA,
    UPLOADS,
    OUTBOX,
    PARKED,
    WITHHELD,
    TEMPLATES,
    TAGS,
    IDEMPOTENCY,
    JOBS,
    CURSORS,
)
