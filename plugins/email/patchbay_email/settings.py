"""The table ``[email]``: ``PATCHBAY_EMAIL__...``. No IO."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from patchbay.errors import ConfigError
from patchbay.settings import Table
from patchbay_email.addresses import is_address
from patchbay_email.tries import Tries

PREFIX = "PATCHBAY_EMAIL__"
Security = Literal["starttls", "tls", "none"]
SUBMISSION, SUBMISSIONS = 587, 465  # ports. Source: RFC 6409, 3.1; RFC 8314, 3.3
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)


def _given(value: Any) -> Any:
    """An empty variable means that nothing is set, as a compose file leaves it."""
    return None if isinstance(value, str) and not value.strip() else value


def _host(value: Any) -> Any:
    value = _given(value)
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    if not _HOST.fullmatch(text) and not _is_ip(text):
        raise PydanticCustomError("host", "must be the name of the mail server alone, without a scheme or a port")
    return text.lower()


def _sender(value: Any) -> Any:
    value = _given(value)
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    if not is_address(text):
        raise PydanticCustomError("sender", "must be one plain e-mail address, such as inbox@lamps.example")
    return text


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class EmailSettings(Table):
    """One mail server that takes messages from us. Without ``host`` there is no e-mail, whatever else is set.

    ``security`` is ``starttls`` (a plain connection that must become TLS before anything is said), ``tls`` (from the
    first byte on) or ``none``, for a server on this machine. ``timeout_s`` is for a notice in all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str | None, BeforeValidator(_host)] = None
    port: Annotated[Annotated[int, Field(ge=1, le=65535)] | None, BeforeValidator(_given)] = None
    username: Annotated[str | None, BeforeValidator(_given)] = None
    password: Annotated[SecretStr | None, BeforeValidator(_given)] = None
    sender: Annotated[str | None, BeforeValidator(_sender)] = None
    security: Security = "starttls"
    timeout_s: float = Field(default=10.0, gt=0, le=30)  # the gateway gives a notifier 30 s

    # Hooks are called one by one and given this one table alike: so the notifier's tries reach the health check.
    _tries: Tries = PrivateAttr(default_factory=Tries)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host is None:
            return self
        if self.sender is None:
            raise ConfigError(
                f"{PREFIX}SENDER is not set, but {PREFIX}HOST is: set the address that notices come from."
            )
        if (self.username is None) != (self.password is None):
            is_set, missing = ("USERNAME", "PASSWORD") if self.password is None else ("PASSWORD", "USERNAME")
            raise ConfigError(f"{PREFIX}{missing} is not set, but {PREFIX}{is_set} is: set both or none.")
        if self.security == "none" and not self.is_beside_us:
            raise ConfigError(f"{PREFIX}SECURITY: none is for a server on this machine; use starttls or tls.")
        return self

    @property
    def is_beside_us(self) -> bool:
        """Whether the host is this machine by its very name, so that nobody can listen in between."""
        host = self.host or ""
        return host == "localhost" or (_is_ip(host) and ip_address(host).is_loopback)

    @property
    def server_port(self) -> int:
        """The port that was set, or the usual one."""
        return self.port or (SUBMISSIONS if self.security == "tls" else SUBMISSION)

    @property
    def tries(self) -> Tries:
        """What became of the last try with these settings."""
        return self._tries
