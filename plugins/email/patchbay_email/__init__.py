"""Tells people things by e-mail, over SMTP: settings in ``[email]``, the notifier ``email``, and its health check."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.ports import HealthCheck, Notifier
from patchbay.settings import Settings
from patchbay_email.errors import EmailFailed, RecipientRefused
from patchbay_email.health import EmailHealth
from patchbay_email.notifier import EmailNotifier
from patchbay_email.settings import EmailSettings

__all__ = [
    "EmailFailed",
    "EmailHealth",
    "EmailNotifier",
    "EmailSettings",
    "RecipientRefused",
    "register_health",
    "register_notifiers",
    "register_settings",
]


@hookimpl
def register_settings() -> PluginSettings:
    """The table ``[email]``."""
    return PluginSettings(table="email", model=EmailSettings)


@hookimpl
def register_notifiers(settings: Settings) -> Sequence[Notifier]:
    """One, once there is a host; nothing is connected to here."""
    own = settings.plugin("email", EmailSettings)
    return () if own.host is None else (EmailNotifier(own),)


@hookimpl
def register_health(settings: Settings) -> Sequence[HealthCheck]:
    """Whether the notifier's last try worked."""
    own = settings.plugin("email", EmailSettings)
    return () if own.host is None else (EmailHealth(own),)
