"""The settings of people and their sign-in: the table ``[rbac]``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from patchbay.settings import Table

TwoFactorRule = Literal["off", "admins", "everybody"]
Registration = Literal["closed", "invite", "open"]


class RbacSettings(Table):
    """``PATCHBAY_RBAC__{NAME}``. Defaults are those of the security requirements, section 7, but for the idle time of
    sessions, which the deployments this was made for have at 160 minutes."""

    registration: Registration = "invite"
    session_idle_minutes: float = Field(default=160, gt=0)
    session_absolute_hours: float = Field(default=12, gt=0)
    cookie_name: str = Field(default="__Host-patchbay", min_length=1)
    cookie_secure: bool = True
    two_factor: TwoFactorRule = "admins"
    two_factor_grace_days: float = Field(default=7, ge=0)
    totp_window: int = Field(default=0, ge=0, le=1)
    totp_issuer: str = "Patchbay"
    password_memory_kib: int = 64 * 1024
    password_passes: int = 3
    password_lanes: int = 4
    open_role: Literal["agent", "read_only"] = "read_only"
    api_key_days: float = Field(default=90, gt=0)
