"""What WhatsApp sends, as far as it is read. No IO.

Only the object under a message's own type, and (in ``wire_heads``) what all messages share, become models: a webhook is
mostly things that nobody asks for. Fields that Meta does not promise are optional, unknown ones are ignored, numbers
are accepted where a text is promised. Source of all shapes: WhatsApp Cloud API, Webhooks reference.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Id = Annotated[str, Field(min_length=1)]


class Wire(BaseModel):
    """The base of all shapes. Meta adds fields without notice, so unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True)

    @classmethod
    def of(cls, raw: Any) -> Self:
        """As ``model_validate``, by a third quicker for models this small."""
        model: Self = cls.__pydantic_validator__.validate_python(raw)
        return model


class WireLocation(Wire):
    """Numbers, or texts that hold numbers."""

    latitude: float = Field(allow_inf_nan=False)
    longitude: float = Field(allow_inf_nan=False)
    name: str | None = None
    address: str | None = None
    url: str | None = None


class WireCardName(Wire):
    formatted_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class WireCardPhone(Wire):
    phone: str | None = None
    wa_id: str | None = None
    type: str | None = None


class WireCard(Wire):
    """One shared contact card; what is not named here is kept as it came."""

    name: WireCardName | None = None
    phones: list[WireCardPhone] | None = None
    vcard: str | None = None
    origin: str | None = None


class WireReply(Wire):
    """button_reply and list_reply."""

    id: str
    title: str = ""
    description: str | None = None


class WireFormReply(Wire):
    """nfm_reply: a flow, or an address form. ``response_json`` is a text that should hold JSON."""

    name: str | None = None
    body: str | None = None
    response_json: str | None = None


class WireCallPermission(Wire):
    response: str


class WireQuickReply(Wire):
    """button: a quick reply of a template."""

    text: str = ""
    payload: str | None = None


class WireReaction(Wire):
    message_id: Id
    emoji: str | None = None


def _decimal_text(value: Any) -> Any:
    """24.5 and 7 as "24.5" and "7"; texts as they are."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return format(Decimal(str(value)), "f")
    return value


class WireOrderItem(Wire):
    product_retailer_id: Id
    quantity: int = Field(ge=0, le=2**31)
    item_price: Annotated[str | None, BeforeValidator(_decimal_text)] = None
    currency: str | None = None


class WireOrder(Wire):
    catalog_id: str | None = None
    text: str | None = None
    product_items: list[WireOrderItem] | None = None


class WireSystem(Wire):
    """``new_wa_id`` and ``customer`` are older spellings: the new phone, and the one before."""

    type: str = ""
    body: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None
    customer: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    previous_user_id: str | None = None
    previous_parent_user_id: str | None = None


class WireEdit(Wire):
    original_message_id: Id
    message: dict[str, Any]


class WireRevoke(Wire):
    original_message_id: Id


class WireCall(Wire):
    id: Id
    event: Id
    sender: str | None = Field(default=None, alias="from")
    to: str | None = None
    from_user_id: str | None = None
    from_parent_user_id: str | None = None
    to_user_id: str | None = None
    to_parent_user_id: str | None = None
    direction: str | None = None
    status: str | None = None


class WireAddressBookEntry(Wire):
    full_name: str | None = None
    first_name: str | None = None
    phone_number: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None


class WireGroupEvent(Wire):
    type: Id
    group_id: str | None = None


class WirePreference(Wire):
    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    category: Id
    value: Id
    detail: str | None = None


class WireRotation(Wire):
    previous: str | None = None
    current: str | None = None


class WireUserIdUpdate(Wire):
    wa_id: str | None = None
    detail: str | None = None
    user_id: WireRotation
    parent_user_id: WireRotation | None = None


class WireTemplate(Wire):
    """What all template fields share."""

    message_template_id: Id
    message_template_name: Id
    message_template_language: Id


class WireSent(Wire):
    """The body of a send request, as a standby echo shows it."""

    type: str = "text"
    to: str | None = None
    recipient: str | None = None
    recipient_type: str | None = None
    context: dict[str, Any] | None = None
    biz_opaque_callback_data: str | None = None
