"""What the OpenAPI document says there is to ask, with something in each place; and what an answer must be. No IO.

What must come is computed here from what was granted, in a few lines of its own: nothing of the gateway's is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.plugins.rbac.world import PASSWORD
from tests.security.matrix_world import Asker, Owner, Row

ROWS = {"conversation_id", "contact_id", "message_id", "media_id", "note_id", "job_id"}  # of somebody in particular
PERSONAL = {"session_id"}  # of a person, whatever roles say
SELF = "auth.self"  # the permission that everybody who is signed in has, about themselves
IN_BODY: Mapping[tuple[str, str], str] = {  # operations whose body says which row they are about, and where
    ("POST", "/api/v1/messages/send"): "conversation_id",
    ("POST", "/messages/send"): "conversation_id",
    ("POST", "/api/v1/messages/preview"): "conversation_id",
    ("POST", "/api/v1/conversations"): "contact_id",
}
OWNERS: tuple[Owner, ...] = ("own", "other", "assigned", "unassigned", "nobody's")
FUTURE = "2099-01-01T00:00:00Z"
BODIES: Mapping[str, dict[str, Any]] = {  # where what the schema requires says too little
    "Assign": {"assignee_id": None},
    "Change": {"current_password": PASSWORD, "password": "short"},
    "BusinessHours": {"hours": [], "time_zone": "Europe/Berlin"},
    "ContactPreviewRequest": {"text_content": "hello"},
    "Disable": {"password": PASSWORD},
    "Members": {"user_ids": []},
    "NewApiKey": {"name": "made", "permissions": {"tags.read": "all"}},
    "NewContact": {"display_name": "made"},
    "NewIdentity": {"kind": "email", "value": "somebody@example.org", "channel": "email"},
    "NewRole": {"name": "made", "permissions": {"tags.read": "all"}},
    "PreviewRequest": {"text_content": "hello"},
    "RetentionRun": {"dry_run": True},
    "Renew": {"password": PASSWORD},
    "Saying": {"text_content": "hello"},
    "Send": {"text_content": "hello"},
    "Setup": {"password": PASSWORD},
    "Snooze": {"until": FUTURE},
}


@dataclass(frozen=True)
class Case:
    """One operation of the document."""

    method: str
    path: str
    permission: str | None  # None: anybody may
    scoped: bool
    body: dict[str, Any] | None
    versioned: bool

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def row(self) -> str | None:
        """Which row of somebody's it names, if it does: the innermost."""
        named = [name for name in self.parameters if name in ROWS | PERSONAL]
        return named[-1] if named else IN_BODY.get((self.method, self.path))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def cases(document: Mapping[str, Any]) -> Iterator[Case]:
    """Every operation, with the least that its schema takes as a body."""
    for path, operations in document["paths"].items():
        for method, said in operations.items():
            content = said.get("requestBody", {}).get("content", {}).get("application/json")
            yield Case(
                method=method.upper(),
                path=path,
                permission=said.get("x-permission"),
                scoped=said.get("x-scoped", False),
                body=None if content is None else least(document, content["schema"]),
                versioned=any(each["name"] == "If-Match" for each in said.get("parameters", ())),
            )


def least(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema requires and no more."""
    name = schema["$ref"].rpartition("/")[2]
    if name in BODIES:
        return dict(BODIES[name])
    shape = document["components"]["schemas"][name]
    return {each: _value(each, shape["properties"][each]) for each in shape.get("required", ())}


def _value(name: str, schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "string":
        return FUTURE if schema.get("format") == "date-time" else f"{name}@example.org" if name == "email" else "x" * 12
    return {"array": [], "object": {}, "boolean": False, "integer": 1}[kind or "object"]


def filled(case: Case, asker: Asker, owner: Owner, known: Mapping[str, str]) -> tuple[str, dict[str, Any] | None]:
    """The path and the body of a case about a row of this owner. Raises ``KeyError`` naming what nobody can fill."""
    row, path = asker.rows[owner], case.path
    for name in case.parameters:
        path = path.replace(f"{{{name}}}", _place(name, case, row, asker, owner, known))
    body = None if case.body is None else dict(case.body)
    named = IN_BODY.get((case.method, case.path))
    if body is not None and named == "conversation_id":
        body["conversation_id"] = row.conversation_id
    elif body is not None and named == "contact_id":
        body["to"] = {"contact_id": row.contact_id}
    if body is not None and "target_contact_id" in body:
        body["target_contact_id"] = asker.rows["assigned"].contact_id
    return path, body


def _place(name: str, case: Case, row: Row, asker: Asker, owner: Owner, known: Mapping[str, str]) -> str:
    if name == "job_id":
        return asker.jobs[owner]
    if name == "session_id":
        return asker.sessions[owner]
    if name == "note_id":
        return row.contact_note if "contact_id" in case.parameters else row.conversation_note
    if name in ROWS:
        return str(getattr(row, name))
    if name not in known:
        raise KeyError(f"{case} names {name!r}: say in matrix_world.furnish what stands there")
    return "none0" if case.row is None and owner == "nobody's" else known[name]


def must(case: Case, asker: Asker, owner: Owner) -> int | None:
    """The status that refuses it; None when it gets past every guard, whatever it answers then."""
    grants, permission = asker.grants, case.permission
    if permission is None:
        return None
    if permission not in grants:
        return 403
    if permission == SELF and "user_id" in case.parameters and "users.write" not in grants:
        return 403  # it is somebody else's, if anybody's
    if owner == "nobody's":
        return 404
    if case.row in PERSONAL:
        return None if owner == "assigned" else 404
    if case.row is None:
        return None
    if reaches(grants[permission] if case.scoped else "all", owner, case):
        return None
    reading = f"{permission.partition('.')[0]}.read"
    sees = case.row != "contact_id" or "{" in case.path  # whom a body names is found or not
    sees = sees and reading in grants and reading != permission and reaches(grants[reading], owner, case)
    return 403 if sees else 404


def reaches(scope: str, owner: Owner, case: Case) -> bool:
    if scope == "all":
        return True
    if scope == "department" and case.row != "job_id":  # work is somebody's, and no department's
        return owner in ("own", "assigned")
    return owner == "assigned"
