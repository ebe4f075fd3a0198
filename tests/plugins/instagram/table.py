"""What each payload of Instagram becomes, in short: the kind of every item, and the one fact that tells it from others.

The facts are paths into the event; ``parsed.json`` beside this has every item to the last member.
"""

from __future__ import annotations

from typing import Any

INBOUND, OUTBOUND = "aWdfZAG1fZARLIERINBOUND0001ZD", "aWdfZAG1fZARLIEROUTBOUND0001ZD"
OOPS = (  # sent after it, and unsent before it came
    "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDAwMDk5ODg3NzY2OjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1OTAwMD1222OjMyNTUwMDExMjIzMzQ0NTU2NjAZD"
)
CDN = "https://lookaside.fbsbx.example/ig_messaging_cdn/"

FACTS: dict[str, list[tuple[str, str, Any]]] = {
    "batch_duplicate_message": [("message", "content.text", "only once please")] * 2,
    "batch_out_of_order": [("delete", "target", OOPS), ("message", "content.text", "oops")],
    "batch_two_accounts": [("message", "content.text", "hi shop one"), ("message", "content.text", "hi shop two")],
    "comment_ad": [("message", "context.comment.ad_id", "120210000000777")],
    "comment_changes": [("message", "opens_window", False)],
    "comment_flat": [("message", "external_id", "comment:17880000111222334")],
    "comment_own": [("ignored", "reason", "the account's own comment")],
    "comment_reply": [("message", "reply_to", "comment:17880000111222333")],
    "dashboard_test_message": [("ignored", "reason", "a test event of the app's dashboard")],
    "echo_attachment_image": [("echo", "media.url", f"{CDN}?asset_id=17950099&signature=AbFictE")],
    "echo_deleted": [("delete", "by_business", True)],
    "echo_story_mention": [("echo", "content.type", "story_mention")],
    "echo_text_api": [("echo", "external_id", OUTBOUND)],
    "echo_text_app_id": [("echo", "context.app_id", "1217981644879628")],
    "echo_text_instagram_app": [("echo", "content.text", "hi, Mira here")],
    "entry_without_events": [("ignored", "reason", "the entry holds no events")],
    "handover_pass_thread_control": [("notice", "text", "The conversation is with app 990011223344556.")],
    "handover_request_thread_control": [("notice", "text", "App 880022334455667 asks for the conversation.")],
    "handover_take_thread_control": [("notice", "text", "The conversation is with Instagram's inbox.")],
    "live_comment": [("message", "context.comment.live", True)],
    "mention_caption": [("account", "text", "The account was mentioned in a caption.")],
    "mention_comment": [("account", "data.comment_id", "17880000111222339")],
    "message_attachment_audio": [("message", "content.type", "audio")],
    "message_attachment_ephemeral": [("message", "content.provider_type", "ephemeral")],
    "message_attachment_file": [("message", "content.type", "document")],
    "message_attachment_ig_post": [("message", "context.share.ig_post_media_id", "18139000111222333")],
    "message_attachment_ig_reel": [("message", "context.share.reel_video_id", "17906000222333444")],
    "message_attachment_image": [("message", "content.type", "image")],
    "message_attachment_like_heart": [("message", "content.text", "❤️")],
    "message_attachment_reel": [("message", "content.url", "https://www.facebook.com/reel/1203344556677")],
    "message_attachment_share_ig_post_transition": [("message", "context.share.type", "ig_post")],
    "message_attachment_share_legacy": [("message", "context.share", {"type": "share"})],
    "message_attachment_story_mention": [("message", "content.type", "story_mention")],
    "message_attachment_story_share": [("message", "content.story_id", "18020000333444999")],
    "message_attachment_template_generic": [("message", "content.cards.0.subtitle", "Friday 19:00")],
    "message_attachment_template_product": [("message", "content.product_id", "SKU-JAS-50")],
    "message_attachment_unsupported_type": [("message", "content.provider_type", "unsupported_type")],
    "message_attachment_video": [("message", "content.type", "video")],
    "message_attachments_multiple_images": [("message", "parts", 3), ("message", "part", 1), ("message", "part", 2)],
    "message_deleted": [("delete", "target", INBOUND)],
    "message_edit": [("edit", "content.text", "hey! is the cold brew kit (1 l) back?")],
    "message_edit_zero_bare": [("withheld", "person", None)],
    "message_edit_zero_with_ids": [("withheld", "person.keys.0.value", "882200114455667")],
    "message_quick_reply": [("message", "content.id", "order:track")],
    "message_referral_ads": [("message", "referral.headline", "Autumn tins")],
    "message_referral_igme": [("message", "referral.extra.ref", "bio-link")],
    "message_referral_product": [("message", "referral.source_id", "6100200300400")],
    "message_reply_to_message": [("message", "reply_to", OUTBOUND)],
    "message_reply_to_story": [("message", "content.text", "love this 😍")],
    "message_reply_to_story_reaction": [("message", "content.type", "story_reply")],
    "message_self": [("ignored", "reason", "the business wrote to itself")],
    "message_text": [("message", "content.text", "hey! is the cold brew kit back?")],
    "message_text_link": [("message", "content.text", "https://brightleaf.example/p/kit")],
    "message_text_unicode": [("message", "content.text", "مرحبا 🫖✨\nmerci 👨‍👩‍👧")],
    "message_unsupported": [("message", "content.provider_type", "unsupported")],
    "optin_notification_messages": [("preference", "granted", True)],
    "postback_icebreaker": [("message", "sender.keys.0.value", "993300225566778")],
    "postback_persistent_menu": [("message", "content.id", "menu:hours")],
    "postback_referral": [("message", "referral.source_type", "igme-source-link")],
    "postback_template_button": [("message", "content.title", "Talk to us")],
    "reaction_react": [("reaction", "emoji", "❤️")],
    "reaction_react_other": [("reaction", "emoji", "🫖")],
    "reaction_unreact": [("reaction", "emoji", None)],
    "referral_igme": [("notice", "opens_window", True)],
    "seen": [("receipt", "watermark", True)],
    "standby_message": [("message", "context", {"standby": True})],
    "story_insights": [("account", "text", "A story ended: impressions 444, reach 380, replies below 5.")],
    "unknown_event": [("unrecognised", "what", "brand_new_thing")],
}
