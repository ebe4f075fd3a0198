"""What Graph says of a token and of a subscription, as findings. No IO.

Sources: Graph API, Debug-Token; Page, subscribed_apps; WhatsApp Business Account, subscribed_apps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from patchbay.channel import TOKEN_PLACE, ApiRequest, Finding, Findings
from patchbay_meta.graph import GraphErrors
from patchbay_meta.reading import each, part
from patchbay_meta.tokens import NEW_TOKEN

GRANT = "Grant them to the app, make a new token and reauthorise the channel."


@dataclass(frozen=True)
class Fields:
    """The fields of a subscription: without ``needed`` ones the inbox lacks what people say and do, without ``useful``
    ones something beside it. ``any_brings_all`` is one to ask for where any field at all stands for every one."""

    needed: frozenset[str] = frozenset()
    useful: frozenset[str] = frozenset()
    any_brings_all: str | None = None

    def asked(self, given: frozenset[str] = frozenset()) -> str:
        """All of them, as a request names them, beside those that it is to keep."""
        return ",".join(sorted(self.needed | self.useful | given)) or self.any_brings_all or ""


ANY_APP = Fields()  # a subscription that names no fields


def token_findings(errors: GraphErrors, needed: Iterable[str], useful: Iterable[str] = ()) -> Findings:
    """Whether the token is good, and which permissions it lacks: a problem, or for ``useful`` ones a warning."""
    response = yield ApiRequest("GET", f"/debug_token?input_token={TOKEN_PLACE}&access_token={TOKEN_PLACE}")
    errors.check(response)
    data = part(dict(response.body), "data")
    if data.get("is_valid") is False:
        return (Finding("token", "problem", "The provider takes the token no more.", NEW_TOKEN),)
    granted = {scope for scope in each(data, "scopes") if isinstance(scope, str)}
    good = Finding("token", "ok", "The provider takes the token.")
    if not granted:
        return good, Finding("scopes", "unknown", "The provider did not say what the token may do.")
    lacked, missed = sorted(set(needed) - granted), sorted(set(useful) - granted)
    if lacked or missed:
        told = f"The token lacks {', '.join((*lacked, *missed))}."
        if lacked and missed:
            told += f" Nothing works without {', '.join(lacked)}."
        return good, Finding("scopes", "problem" if lacked else "warning", told, GRANT)
    return good, Finding("scopes", "ok", "The token may do what is needed.")


def subscription_findings(path: str, errors: GraphErrors, fields: Fields = ANY_APP) -> Findings:
    """Whether an app is subscribed at ``path``, and which of the fields it does not get. The fix names every field, and
    what an only app has beside them: a subscription holds what the last request named."""
    response = yield ApiRequest("GET", path)
    errors.check(response)
    apps = [app for app in each(dict(response.body), "data") if isinstance(app, dict)]
    given = frozenset(field for app in apps for field in _fields(app))
    named = fields.asked(given if len(apps) == 1 else frozenset())
    fix = f"POST {path}" + (f"?subscribed_fields={named}" if named else "") + " with the account's token."
    if not apps or (fields.any_brings_all and not given):
        return (Finding("subscription", "problem", "No app is subscribed to the account: nothing comes in.", fix),)
    lacked, missed = sorted(fields.needed - given), sorted(fields.useful - given)
    if lacked:
        told = f"The app is not subscribed to {', '.join(lacked)}, which the inbox needs"
        told += f"; nor to {', '.join(missed)}." if missed else "."
        return (Finding("subscription", "problem", told, fix),)
    if missed:
        told = f"The app is not subscribed to {', '.join(missed)}: these are silently missing."
        return (Finding("subscription", "warning", told, fix),)
    return (Finding("subscription", "ok", "The app is subscribed to the account."),)


def _fields(app: dict[str, Any]) -> list[str]:
    return [field for field in each(app, "subscribed_fields") if isinstance(field, str)]
