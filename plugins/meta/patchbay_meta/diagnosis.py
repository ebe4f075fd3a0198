"""What Graph says of a token and of a subscription, as findings. No IO.

Sources: Graph API, Debug-Token; Page, subscribed_apps; WhatsApp Business Account, subscribed_apps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patchbay.channel import TOKEN_PLACE, ApiRequest, Finding, Findings
from patchbay_meta.graph import GraphErrors
from patchbay_meta.reading import each, part
from patchbay_meta.tokens import NEW_TOKEN


def token_findings(errors: GraphErrors, wanted: Iterable[str]) -> Findings:
    """Whether the token is good, and which of the wanted permissions it lacks."""
    response = yield ApiRequest("GET", f"/debug_token?input_token={TOKEN_PLACE}&access_token={TOKEN_PLACE}")
    errors.check(response)
    data = part(dict(response.body), "data")
    if data.get("is_valid") is False:
        return (Finding("token", "problem", "The provider takes the token no more.", NEW_TOKEN),)
    granted = {scope for scope in each(data, "scopes") if isinstance(scope, str)}
    good = Finding("token", "ok", "The provider takes the token.")
    if not granted:
        return good, Finding("scopes", "unknown", "The provider did not say what the token may do.")
    missing = sorted(set(wanted) - granted)
    if missing:
        fix = "Grant them to the app, make a new token and reauthorise the channel."
        return good, Finding("scopes", "problem", f"The token lacks {', '.join(missing)}.", fix)
    return good, Finding("scopes", "ok", "The token may do what is needed.")


def subscription_findings(path: str, errors: GraphErrors, wanted: Iterable[str] = ()) -> Findings:
    """Whether an app is subscribed at ``path``, and which of the wanted fields it does not get."""
    response = yield ApiRequest("GET", path)
    errors.check(response)
    apps = [app for app in each(dict(response.body), "data") if isinstance(app, dict)]
    names = sorted(set(wanted))
    fix = f"POST {path}" + (f"?subscribed_fields={','.join(names)}" if names else "") + " with the account's token."
    if not apps:
        return (Finding("subscription", "problem", "No app is subscribed to the account: nothing comes in.", fix),)
    missing = sorted(set(names) - {field for app in apps for field in _fields(app)})
    if missing:
        told = f"The app is not subscribed to {', '.join(missing)}: these are silently missing."
        return (Finding("subscription", "warning", told, fix),)
    return (Finding("subscription", "ok", "The app is subscribed to the account."),)


def _fields(app: dict[str, Any]) -> list[str]:
    return [field for field in each(app, "subscribed_fields") if isinstance(field, str)]
