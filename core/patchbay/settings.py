"""Settings: from ``patchbay.toml`` and ``PATCHBAY_*`` environment, the environment winning.

Names nest by two underscores: ``PATCHBAY_HTTP__PORT=8080`` is ``port`` in the table ``[http]``. Each plugin owns one
table; its names are the same way: ``PATCHBAY_WHATSAPP__APP_SECRET``. Loading is a pure function of both texts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)

from patchbay.errors import ConfigError

PREFIX = "PATCHBAY_"
_ORIGIN = re.compile(r"https?://([a-z0-9.\-]+|\[[0-9a-f:]+\])(:\d{1,5})?", re.ASCII)
SHIPPED_PLUGINS = ("whatsapp", "messenger", "instagram", "rbac", "audit")
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def _listed(value: Any) -> Any:
    """A comma separated text as the list that a TOML array would be."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Table(BaseModel):
    """The base of a settings table: frozen, and a name that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSettings(Table):
    """Where it listens, and what a request may cost."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    allowed_origins: CommaList = ()
    trusted_proxies: CommaList = ()
    webhook_max_bytes: int = Field(default=4 * 2**20, ge=1024)
    api_max_bytes: int = Field(default=256 * 2**10, ge=1024)
    image_max_bytes: int = Field(default=16 * 2**20, ge=1024)
    document_max_bytes: int = Field(default=100 * 2**20, ge=1024)
    read_timeout_s: float = Field(default=10.0, gt=0)
    rate_limit_per_minute: int = Field(default=6000, ge=1)
    docs: bool = True

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, listed: tuple[str, ...]) -> tuple[str, ...]:
        for each in listed:
            if not _ORIGIN.fullmatch(each):
                raise ValueError(f"{each!r} is no origin; write https://desk.example.org, lower case, without a path")
        return listed


class SocketSettings(Table):
    """Limits of a WebSocket connection."""

    hello_timeout_s: float = Field(default=5.0, gt=0)
    heartbeat_s: float = Field(default=25.0, gt=0)
    max_frame_bytes: int = Field(default=256 * 2**10, ge=1024)
    max_messages_per_10_s: int = Field(default=100, ge=1)
    max_backlog_bytes: int = Field(default=1 * 2**20, ge=64 * 1024)
    stalled_after_s: float = Field(default=10.0, gt=0)
    per_principal: int = Field(default=10, ge=1)
    max_connections: int = Field(default=20_000, ge=1)


class IngestSettings(Table):
    """How much may wait between the acknowledgement and the timeline before new webhooks are told to come back."""

    max_pending: int = Field(default=200_000, ge=100)
    wait_s: float = Field(default=2.0, gt=0)
    max_attempts: int = Field(default=3, ge=3)  # fewer would set aside what was never tried alone


class DeliverySettings(Table):
    """Retries of the outbox."""

    concurrency: int = Field(default=64, ge=1)
    base_delay_s: float = Field(default=2.0, gt=0)
    max_delay_s: float = Field(default=900.0, gt=0)
    give_up_after_s: float = Field(default=86_400.0, gt=0, le=86_400.0)
    head_blocks_at_most_s: float = Field(default=600.0, gt=0)
    unknown_hold_s: float = Field(default=60.0, gt=0)
    lease_s: float = Field(default=60.0, gt=0)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    total_timeout_s: float = Field(default=30.0, gt=0)
    window_margin_s: float = Field(default=60.0, ge=0)


class MediaSettings(Table):
    """Fetching media from providers."""

    concurrency: int = Field(default=4, ge=1)
    max_bytes: int = Field(default=100 * 2**20, ge=1024)


class OutgoingSettings(Table):
    """Where requests to addresses that somebody gave us may go, beside https to public ones on port 443."""

    ports: Annotated[tuple[int, ...], BeforeValidator(_listed)] = (443,)
    networks: CommaList = ()  # of the operator's own: 10.1.2.0/24


class RetentionSettings(Table):
    """Days; how long the log, the settled journal and dedupe keys are kept, and what people said: 0 is for ever."""

    events_days: float = Field(default=7, gt=0)
    journal_days: float = Field(default=30, gt=0)
    idempotency_hours: float = Field(default=48, gt=0)
    messages_days: float = Field(default=0, ge=0)
    media_days: float = Field(default=0, ge=0)
    notes_days: float = Field(default=0, ge=0)


class ConversationSettings(Table):
    """How pieces of work begin and end."""

    reopen_after_s: float = Field(default=0, ge=0)


class LogSettings(Table):
    level: str = "info"
    format: str = Field(default="text", pattern="^(text|json)$")


class Settings(Table):
    """Everything a gateway is told. ``plugin_tables`` holds the validated tables of plugins by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    data_dir: Path = Path("var")
    store: str = ""
    bus: str = "local://"
    secret_key: SecretStr | None = None
    admin_token: SecretStr | None = None
    plugins: CommaList = SHIPPED_PLUGINS
    required_plugins: CommaList = ()
    http: HttpSettings = HttpSettings()
    socket: SocketSettings = SocketSettings()
    ingest: IngestSettings = IngestSettings()
    delivery: DeliverySettings = DeliverySettings()
    media: MediaSettings = MediaSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    retention: RetentionSettings = RetentionSettings()
    conversations: ConversationSettings = ConversationSettings()
    log: LogSettings = LogSettings()
    plugin_tables: Mapping[str, BaseModel] = Field(default_factory=dict, exclude=True)
    _shared: dict[Any, Any] = PrivateAttr(default_factory=dict)

    @property
    def store_url(self) -> str:
        """The store's URL; the embedded store in the data folder when none is set."""
        return self.store or f"sqlite:///{self.data_dir / 'patchbay.db'}"

    def leaves_unset(self, table: str) -> bool:
        """Whether a plugin has this table and nothing of it was set: who sets nothing misses nothing."""
        found = self.plugin_tables.get(table)
        return found is not None and not found.model_fields_set

    def shared(self, make: Callable[[Settings], T]) -> T:
        """What ``make`` gives for these settings, the same each time: how the hooks of one plugin share an object.

        Each plugin and each gateway has its own.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        made: T = self._shared[make]
        return made

    def for_plugin(self, table: str | None) -> Settings:
        """What a plugin may read: the core's settings without its secrets, and the plugin's own table."""
        own = {name: model for name, model in self.plugin_tables.items() if name == table}
        view = self.model_copy(update={"secret_key": None, "admin_token": None, "plugin_tables": own})
        view._shared = {}
        return view

    def plugin(self, table: str, model: type[M]) -> M:
        """A plugin's own validated table."""
        found = self.plugin_tables.get(table)
        if not isinstance(found, model):
            raise ConfigError(
                f"The settings table [{table}] was not loaded; is its plugin on the list PATCHBAY_PLUGINS?"
            )
        return found


def read_tables(environ: Mapping[str, str], file_text: str = "") -> dict[str, Any]:
    """Both sources merged into one tree of names, the environment winning. Raises ``ConfigError``."""
    try:
        tree: dict[str, Any] = tomllib.loads(file_text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"patchbay.toml cannot be read: {error}.") from error
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith((PREFIX + "TEST_", PREFIX + "BENCH_")):
            continue
        if name in (PREFIX + "CONFIG", PREFIX + "REQUIRE_SERVICES", PREFIX + "TOKEN"):
            continue
        *tables, last = name[len(PREFIX) :].lower().split("__")
        branch = tree
        for table in tables:
            branch = branch.setdefault(table, {})
            if not isinstance(branch, dict):
                raise ConfigError(f"{name} names a table, but {table!r} is set to a single value elsewhere.")
        branch[last] = environ[name]
    return tree


def load_settings(tree: Mapping[str, Any], models: Mapping[str, type[BaseModel]]) -> Settings:
    """Settings from a merged tree; ``models`` are the tables that enabled plugins declared.

    Raises ``ConfigError``: one sentence that names the setting.
    """
    known = set(Settings.model_fields) - {"plugin_tables"}
    for name in tree:
        if name not in known and name not in models:
            raise ConfigError(
                f"{PREFIX}{name.upper()} is not a setting: no such name, and no enabled plugin owns a table [{name}]."
            )
    plugin_tables = {
        table: validated(model, tree.get(table, {}), prefix=f"{PREFIX}{table.upper()}__")
        for table, model in models.items()
    }
    own = {name: value for name, value in tree.items() if name in known}
    return validated(Settings, {**own, "plugin_tables": plugin_tables}, prefix=PREFIX)


def validated(model: type[M], values: Any, *, prefix: str) -> M:
    """The model made of these values. Raises ``ConfigError`` naming the first setting that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = prefix + "__".join(str(part).upper() for part in first["loc"])
        said = "is not a setting; check the spelling" if first["type"] == "extra_forbidden" else first["msg"]
        raise ConfigError(f"{name.rstrip('_')}: {said}.") from error


def plugin_list(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """The allow list, before anything else is validated."""
    listed = _listed(tree.get("plugins", list(SHIPPED_PLUGINS)))
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ConfigError("PATCHBAY_PLUGINS must be a comma separated list of plugin names.")
    return tuple(dict.fromkeys(listed))
