"""Settings that Messenger and Instagram have in common. No IO."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

from patchbay.errors import ConfigError

_ID = re.compile(r"\d{1,32}", re.ASCII)


def _id(value: Any) -> Any:
    """An id of Meta's; an empty variable means that none is set."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else value
    if text is None or text == "":
        return None
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise PydanticCustomError("id", "must be the id that Meta's dashboard shows, a number, not a name")
    return text


MetaId = Annotated[str | None, BeforeValidator(_id)]


def check_pair(id_name: str, id: str | None, token_name: str, token: SecretStr | None) -> None:
    """An account without its token, or a token without its account, is a forgotten setting: raises ``ConfigError``."""
    if id and token is None:
        raise ConfigError(f"{token_name} is not set, but {id_name} is: set both or none.")
    if token is not None and not id:
        raise ConfigError(f"{id_name} is not set, but {token_name} is: set both or none.")
