"""What the plugin keeps: people, roles, departments, sessions, API keys, and letters to be used once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from unicodedata import normalize

from patchbay.collections import Collection, TextIndex
from patchbay.model.document import Document, Value

Scope = Literal["own", "department", "all"]
UserStatus = Literal["invited", "active", "suspended", "deleted"]
LetterPurpose = Literal["invite", "reset", "register"]
Availability = Literal["online", "away", "offline"]


class TwoFactor(Value, frozen=True, kw_only=True):
    """``seed`` is sealed. It counts from ``confirmed_at`` on; ``last_step`` is of the last code that was taken (RFC
    6238), ``recovery_hashes`` of the recovery codes that are left."""

    seed: str
    confirmed_at: datetime | None = None
    last_step: int | None = None
    recovery_hashes: tuple[str, ...] = ()


class User(Document, frozen=True, kw_only=True):
    """Somebody who signs in. ``login`` is the e-mail address as it is compared: unique, until the user is deleted.

    ``two_factor_due_at`` is until when a second factor must be set up, where the settings ask for one.
    """

    login: str
    email: str
    name: str
    status: UserStatus = "invited"
    password_hash: str | None = None
    password_changed_at: datetime | None = None
    role_ids: tuple[str, ...] = ()
    department_ids: tuple[str, ...] = ()
    availability: Availability = "offline"
    locale: str | None = None
    time_zone: str | None = None
    two_factor: TwoFactor | None = None
    two_factor_due_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    deleted_at: datetime | None = None


class Role(Document, frozen=True, kw_only=True):
    """``grants`` says for which rows each permission is given; where a permission is not about rows it is ``all``."""

    name: str
    description: str = ""
    grants: dict[str, Scope] = {}
    builtin: bool = False


class Hours(Value, frozen=True, kw_only=True):
    """Open from ``opens`` to ``closes``, local time, "HH:MM"; ``weekday`` 0 is Monday."""

    weekday: int
    opens: str
    closes: str


class Holiday(Value, frozen=True, kw_only=True):
    """A day, "YYYY-MM-DD", on which the hours do not hold."""

    date: str
    name: str = ""


class Department(Document, frozen=True, kw_only=True):
    """A part of the organisation. Its members are the users who name it."""

    name: str
    description: str = ""
    parent_id: str | None = None
    head_id: str | None = None
    time_zone: str = "UTC"
    business_hours: tuple[Hours, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    settings: dict[str, Any] = {}


class Session(Document, frozen=True, kw_only=True):
    """One sign-in. ``cookie_hash`` is of the browser's id, ``refresh_*`` is the family of its refresh tokens; either
    may be missing. ``refresh_retry`` is a hash of the Idempotency-Key that came with the last rotation: who repeats it
    asks for the same answer again. ``two_factor`` is whether a second factor was shown.

    ``expires_at`` is when nothing of it can be used any more; the row goes some time after.
    """

    user_id: str
    cookie_hash: str | None = None
    cookie_until: datetime | None = None
    last_seen_at: datetime
    refresh_key: str | None = None
    refresh_current: str | None = None
    refresh_previous: str | None = None
    refresh_salt: str | None = None
    refresh_rotated_at: datetime | None = None
    refresh_rotations: int = 0
    refresh_retry: str | None = None
    refresh_until: datetime | None = None
    two_factor: bool = False
    address: str | None = None
    user_agent: str | None = None
    revoked_at: datetime | None = None
    revoked_because: str | None = None
    expires_at: datetime


class ApiKey(Document, frozen=True, kw_only=True):
    """A program's way in. It may do what ``grants`` say, as far as its owner may."""

    name: str
    prefix: str
    digest: str
    owner_id: str
    grants: dict[str, Scope] = {}
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime


class Letter(Document, frozen=True, kw_only=True):
    """What was sent to somebody to be used once: an invitation, leave to set a new password, or the proof that a mail
    address is theirs. ``token_hash`` finds it; ``login`` is the address it went to.

    ``user_id`` is None for addresses that are nobody's: that they asked is kept like any other asking (E18).
    """

    purpose: LetterPurpose
    user_id: str | None = None
    login: str
    token_hash: str
    used_at: datetime | None = None
    expires_at: datetime


USERS = Collection(
    "rbac_users",
    User,
    indexes=(("login",), ("name",), ("created_at",)),
    filters=("status",),
    arrays=("role_ids", "department_ids"),
    text=TextIndex(("name", "email")),
)
ROLES = Collection("rbac_roles", Role, indexes=(("name",),))
DEPARTMENTS = Collection("rbac_departments", Department, indexes=(("name",),))
SESSIONS = Collection(
    "rbac_sessions",
    Session,
    indexes=(("cookie_hash",), ("refresh_key",), ("user_id", "created_at"), ("expires_at",)),
    filters=("revoked_at",),
)
KEYS = Collection("rbac_keys", ApiKey, indexes=(("prefix",), ("owner_id",), ("created_at",)), filters=("revoked_at",))
LETTERS = Collection("rbac_letters", Letter, indexes=(("token_hash",), ("user_id",), ("expires_at",)))
COLLECTIONS: tuple[Collection[Document], ...] = (  # type: ignore[assignment]
    USERS,
    ROLES,
    DEPARTMENTS,
    SESSIONS,
    KEYS,
    LETTERS,
)

LOGIN = "rbac_login"  # unique keys: a login, an API key's prefix, a department's and a role's name
PREFIX = "rbac_prefix"
ROLE_NAME = "rbac_role"
DEPARTMENT_NAME = "rbac_department"


def login_of(email: str) -> str:
    """An e-mail address as it is compared: two that differ only in case, or in how accents are composed, are one
    person's."""
    return normalize("NFC", email.strip().casefold())
