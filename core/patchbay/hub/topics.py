"""Topics: which part of what a principal may see a connection asks for. No IO."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from patchbay.errors import Invalid
from patchbay.model.event import Audience
from patchbay.model.principal import Principal

MAX_TOPICS = 200  # of one connection
_CONVERSATION = "conversation:"
_DEPARTMENT = "department:"


class Topics(Struct, frozen=True, gc=False):
    """What a connection listens to. ``inbox`` is all that its principal may see, ``me`` what is assigned or addressed
    to it; the others name rows."""

    inbox: bool = False
    me: bool = False
    conversations: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return self.inbox + self.me + len(self.conversations) + len(self.departments)

    def matches(self, principal: Principal, audience: Audience) -> bool:
        """Whether what this audience describes is among the topics."""
        if self.inbox:
            return True
        if self.conversations and audience.conversation_id in self.conversations:
            return True
        if self.departments and audience.department_id in self.departments:
            return True
        return self.me and (audience.assignee_id == principal.id or audience.user_id == principal.id)


NOTHING = Topics()
INBOX = Topics(inbox=True)  # what a hello without topics asks for


def parse_topics(names: Iterable[str]) -> Topics:
    """The topics of these names. Raises ``Invalid`` naming the first that is none."""
    inbox = me = False
    conversations: set[str] = set()
    departments: set[str] = set()
    for name in names:
        if name == "inbox":
            inbox = True
        elif name == "me":
            me = True
        elif name.startswith(_CONVERSATION) and len(name) > len(_CONVERSATION):
            conversations.add(name[len(_CONVERSATION) :])
        elif name.startswith(_DEPARTMENT) and len(name) > len(_DEPARTMENT):
            departments.add(name[len(_DEPARTMENT) :])
        else:
            raise Invalid(
                f"{name!r} is not a topic; there are inbox, me, conversation:{{id}} and department:{{id}}.",
                code="unknown_topic",
            )
    return shared(Topics(inbox, me, frozenset(conversations), frozenset(departments)))


def joined(current: Topics, added: Topics) -> Topics:
    """Both. Raises ``Invalid`` when that is more than a connection may have."""
    both = Topics(
        current.inbox or added.inbox,
        current.me or added.me,
        current.conversations | added.conversations,
        current.departments | added.departments,
    )
    if len(both) > MAX_TOPICS:
        raise Invalid(f"A connection has at most {MAX_TOPICS} topics.", code="too_many_topics")
    return shared(both)


def without(current: Topics, removed: Topics) -> Topics:
    """The first without the second; what was not there is no matter."""
    return shared(
        Topics(
            current.inbox and not removed.inbox,
            current.me and not removed.me,
            current.conversations - removed.conversations,
            current.departments - removed.departments,
        )
    )


def shared(topics: Topics) -> Topics:
    """The one object for the commonest topics, so that a thousand idle connections do not keep a thousand."""
    return INBOX if topics == INBOX else topics
