"""Settings that the Meta channels have in common. No IO."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, SecretStr
from pydantic_core import PydanticCustomError

from patchbay.errors import ConfigError
from patchbay.settings import Table
from patchbay_meta.hosts import GRAPH_URL, GRAPH_VERSION, GraphUrl, GraphVersion
from patchbay_meta.signature import MAX_SECRETS


def _secret(value: Any) -> Any:
    """An empty variable means that nothing is set, as a compose file leaves it."""
    return None if isinstance(value, str) and not value.strip() else value


def _secrets(value: Any) -> Any:
    """One or two, comma separated or as a list."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    listed = value.split(",") if isinstance(value, str) else () if value is None else value
    if not isinstance(listed, list | tuple):
        raise PydanticCustomError("app_secret", "must be one app secret, or two with a comma between them")
    kept = [one.strip() if isinstance(one, str) else one for one in listed]
    kept = [one for one in kept if one != ""]
    if len(kept) > MAX_SECRETS:
        raise PydanticCustomError("app_secret", "holds more than two secrets; leave out those no longer in use")
    return kept


Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
AppSecrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_secrets)]


def meta_id(pattern: str, told: str) -> BeforeValidator:
    """Checks an id of Meta's; an empty variable means that none is set. ``told`` ends what is said of a wrong one."""
    form = re.compile(pattern, re.ASCII)

    def check(value: Any) -> Any:
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else value
        if text is None or text == "":
            return None
        if not isinstance(text, str) or not form.fullmatch(text):
            raise PydanticCustomError("id", "must be the id that Meta's dashboard shows, {told}", {"told": told})
        return text

    return BeforeValidator(check)


def check_pair(id_name: str, id: str | None, token_name: str, token: SecretStr | None) -> None:
    """An account without its token, or a token without its account, is a forgotten setting: raises ``ConfigError``."""
    if id and token is None:
        raise ConfigError(f"{token_name} is not set, but {id_name} is: set both or none.")
    if token is not None and not id:
        raise ConfigError(f"{id_name} is not set, but {token_name} is: set both or none.")


PlainId = Annotated[str | None, meta_id(r"\d{1,32}", "a number, not a name")]


class GraphTable(Table):
    """The base of a Graph channel's table. Secrets show in no repr and in no error.

    Without ``app_secret`` no webhook can be told from a forged one: every POST is refused, unless it is signed with the
    app secret of an account that has its own. Without ``verify_token`` every verification request is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, coerce_numbers_to_str=True)

    app_secret: AppSecrets = ()
    verify_token: Secret = None
    access_token: Secret = None
    graph_url: GraphUrl = GRAPH_URL
    graph_version: GraphVersion = GRAPH_VERSION

    def gaps(self, prefix: str) -> tuple[str, ...]:
        """A sentence for each setting without which webhooks cannot come in; ``prefix`` begins their names."""
        found = []
        if not self.app_secret:
            found.append(
                f"{prefix}APP_SECRET is not set: webhooks are refused with 401, but for those that an account with"
                " an app secret of its own signs."
            )
        if self.verify_token is None:
            found.append(f"{prefix}VERIFY_TOKEN is not set: Meta cannot verify the callback URL.")
        return tuple(found)

    @property
    def app_secrets(self) -> tuple[str, ...]:
        """The app secrets, opened."""
        return tuple(secret.get_secret_value() for secret in self.app_secret)
