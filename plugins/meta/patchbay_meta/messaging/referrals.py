"""Where a person came from: an advertisement, a link, a product. No IO.

Source: Messenger Platform, Webhooks, "messaging_referrals"; the sources are an open set.
"""

from __future__ import annotations

from typing import Any

from patchbay.model.message import Referral
from patchbay_meta.reading import kept, part, text

AD = "ad"  # ``source_type`` of who came through an advertisement: the reply window may be longer then
_SOURCES = {"ads": AD}


def referral_of(raw: dict[str, Any]) -> Referral | None:
    """The ``referral`` of a message, a postback or an event; None when there is none.

    ``ref`` and what the advertisement showed stay in ``extra``, in the provider's words.
    """
    given = part(raw, "referral")
    if not given:
        return None
    ad_id, product_id = text(given, "ad_id"), text(part(given, "product"), "id")
    shown = part(given, "ads_context_data")
    source = (text(given, "source") or "").lower()
    return Referral(
        source_type=AD if ad_id else _SOURCES.get(source, source) or ("product" if product_id else None),
        source_id=ad_id or product_id,
        source_url=text(given, "referer_uri"),
        headline=text(shown, "ad_title"),
        extra=kept({name: value for name, value in given.items() if value is not None}),
    )


def is_ad(referral: Referral | None) -> bool:
    """Whether the person came through an advertisement."""
    return referral is not None and referral.source_type == AD
