"""The shape of a template message. Whether the template exists, and fits, only WhatsApp can say. No IO.

Source: WhatsApp Cloud API, Messages reference, Template messages; Business-scoped user ids, for authentication.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchbay.model.content import Template
from patchbay_whatsapp import capabilities as the
from patchbay_whatsapp.errors import REQUEST_PHONE_HINT
from patchbay_whatsapp.measure import check_text, refuse

_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


def check_template(content: Template, *, by_phone: bool) -> None:
    """Judge the parts. ``by_phone`` is False when only a user id is known: one-time passwords need the phone."""
    if len(content.name) > the.TEMPLATE_NAME_LIMIT or not _NAME.fullmatch(content.name):
        refuse("/name", "A template's name is made of a-z, 0-9 and _, up to 512 characters.", "Use the name as synced.")
    if not _LANGUAGE.fullmatch(content.language):
        refuse("/language", "A language is written like en or en_US.", "Use the language as synced.")
    _variables(content.variables)
    for place, component in enumerate(content.components):
        _component(component, f"/components/{place}", by_phone=by_phone)


def is_positional(variables: Mapping[str, str]) -> bool:
    """Whether the variables are numbered, not named."""
    return all(_NUMBER.fullmatch(name) for name in variables)


def _variables(variables: Mapping[str, str]) -> None:
    numbered = [name for name in variables if _NUMBER.fullmatch(name)]
    if numbered and len(numbered) != len(variables):
        refuse("/variables", "Variables are either all numbered or all named.", "Use the names of the template.")
    if numbered and sorted(map(int, numbered)) != list(range(1, len(numbered) + 1)):
        refuse("/variables", "Numbered variables start at 1 and leave no number out.", "Give all of them.")
    for name, value in variables.items():
        if not numbered and (name.isdigit() or not _NAME.fullmatch(name)):
            refuse("/variables", f"{name!r} is no name of a variable.", "Use a-z, 0-9 and _.")
        check_text(value, f"/variables/{name}", the.TEMPLATE_TEXT_LIMIT)


def _component(component: Mapping[str, Any], pointer: str, *, by_phone: bool) -> None:
    kind = component.get("type")
    if not isinstance(kind, str) or kind.lower() not in the.COMPONENT_TYPES:
        refuse(f"{pointer}/type", f"A component is one of {', '.join(sorted(the.COMPONENT_TYPES))}.", "Correct it.")
    if "parameters" in component and not isinstance(component["parameters"], list | tuple):
        refuse(f"{pointer}/parameters", "Parameters are a list.", "Correct it.")
    if kind.lower() == "button":
        _button(component, pointer, by_phone=by_phone)


def _button(component: Mapping[str, Any], pointer: str, *, by_phone: bool) -> None:
    kind, index = component.get("sub_type"), component.get("index", 0)
    if not isinstance(kind, str) or kind.lower() not in the.BUTTON_SUB_TYPES:
        accepted = ", ".join(sorted(the.BUTTON_SUB_TYPES))
        refuse(f"{pointer}/sub_type", f"A button's sub_type is one of {accepted}.", "Correct it.")
    if str(index) not in map(str, the.TEMPLATE_BUTTON_INDEXES):
        refuse(f"{pointer}/index", "A button's index is a number from 0 to 9.", "Correct it.")
    if kind.lower() == "otp" and not by_phone:
        reason = "One-time passwords go to phone numbers only; this person is known by a WhatsApp user id."
        refuse(f"{pointer}/sub_type", reason, REQUEST_PHONE_HINT)
