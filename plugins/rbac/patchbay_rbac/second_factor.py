"""Who needs a second factor, and since when. No IO."""

from __future__ import annotations

from datetime import datetime, timedelta

from patchbay_rbac.documents import Session, User
from patchbay_rbac.roles import ADMINS
from patchbay_rbac.settings import RbacSettings


def has_one(user: User) -> bool:
    return user.two_factor is not None and user.two_factor.confirmed_at is not None


def is_needed(user: User, settings: RbacSettings) -> bool:
    """Whether the settings ask this person for a second factor (E19: administrators, by default)."""
    match settings.two_factor:
        case "off":
            return False
        case "everybody":
            return True
        case "admins":
            return bool(ADMINS & set(user.role_ids))


def due_at(user: User, settings: RbacSettings, now: datetime) -> datetime | None:
    """Until when it must be set up: from the first sign-in that finds it missing on, some days."""
    if has_one(user) or not is_needed(user, settings):
        return None
    return user.two_factor_due_at or now + timedelta(days=settings.two_factor_grace_days)


def is_overdue(user: User, session: Session, now: datetime) -> bool:
    """Whether this session may only set up what is missing."""
    if session.two_factor or has_one(user):
        return False
    return user.two_factor_due_at is not None and now >= user.two_factor_due_at
