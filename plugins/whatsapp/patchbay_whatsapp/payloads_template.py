"""Templates in WhatsApp's form. No IO. Source: WhatsApp Cloud API, Messages reference, Template messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.model.content import Template
from patchbay_whatsapp.limits_template import is_positional


def template(content: Template) -> Mapping[str, Any]:
    """The value of ``template``. A body among the components replaces the one that the variables would make."""
    components = [dict(component) for component in content.components]
    has_body = any(str(component.get("type")).lower() == "body" for component in components)
    if content.variables and not has_body:
        components.append({"type": "body", "parameters": body_parameters(content.variables)})
    body: dict[str, Any] = {"name": content.name, "language": {"code": content.language}}
    if components:
        body["components"] = components
    return body


def body_parameters(variables: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Numbered variables in their order, named ones by name: ``{"1": "Mara"}``, ``{"first_name": "Mara"}``."""
    if is_positional(variables):
        return [{"type": "text", "text": variables[name]} for name in sorted(variables, key=int)]
    return [{"type": "text", "parameter_name": name, "text": text} for name, text in variables.items()]
