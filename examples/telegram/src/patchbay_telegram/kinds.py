"""The fields of a message and the kinds of update, by what is made of them. No IO. Source: Telegram Bot API 10.3."""

from __future__ import annotations

from collections.abc import Mapping

# What there is no content for. Whatever else comes without a known kind is told of by the name of its field.
UNSUPPORTED = (
    "poll",
    "dice",
    "game",
    "story",
    "checklist",
    "invoice",
    "successful_payment",
    "refunded_payment",
    "paid_media",
    "giveaway",
    "giveaway_winners",
    "gift",
    "unique_gift",
    "users_shared",
    "chat_shared",
    "passport_data",
)
# Fields that say something about a message and never what it says.
AROUND = frozenset(
    [
        "message_id",
        "message_thread_id",
        "direct_messages_topic",
        "from",
        "sender_chat",
        "sender_boost_count",
        "sender_business_bot",
        "sender_tag",
        "receiver_user",
        "ephemeral_message_id",
        "guest_query_id",
        "guest_bot_caller_user",
        "guest_bot_caller_chat",
        "date",
        "business_connection_id",
        "chat",
        "forward_origin",
        "is_topic_message",
        "is_automatic_forward",
        "reply_to_message",
        "external_reply",
        "quote",
        "reply_to_story",
        "reply_to_checklist_task_id",
        "reply_to_poll_option_id",
        "via_bot",
        "edit_date",
        "has_protected_content",
        "is_from_offline",
        "is_paid_post",
        "media_group_id",
        "author_signature",
        "paid_star_count",
        "entities",
        "link_preview_options",
        "suggested_post_info",
        "effect_id",
        "caption",
        "caption_entities",
        "show_caption_above_media",
        "has_media_spoiler",
        "reply_markup",
    ]
)
# Fields of service messages: what happened in a chat and nobody wrote.
SERVICE = frozenset(
    [
        "new_chat_members",
        "left_chat_member",
        "chat_owner_left",
        "chat_owner_changed",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "channel_chat_created",
        "message_auto_delete_timer_changed",
        "pinned_message",
        "connected_website",
        "write_access_allowed",
        "proximity_alert_triggered",
        "boost_added",
        "chat_background_set",
        "community_chat_added",
        "community_chat_joined",
        "community_chat_removed",
        "gift_upgrade_sent",
        "managed_bot_created",
        "poll_option_added",
        "poll_option_deleted",
        "checklist_tasks_done",
        "checklist_tasks_added",
        "direct_message_price_changed",
        "paid_message_price_changed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
        "general_forum_topic_hidden",
        "general_forum_topic_unhidden",
        "giveaway_created",
        "giveaway_completed",
        "suggested_post_approved",
        "suggested_post_approval_failed",
        "suggested_post_declined",
        "suggested_post_paid",
        "suggested_post_refunded",
        "video_chat_scheduled",
        "video_chat_started",
        "video_chat_ended",
        "video_chat_participants_invited",
    ]
)

# Updates that are for nobody here, and why.
IGNORED: Mapping[str, str] = {
    "channel_post": "A post in a channel is for everybody: it is no conversation.",
    "edited_channel_post": "A post in a channel is for everybody: it is no conversation.",
    "message_reaction_count": "A count of anonymous reactions names nobody.",
    "chat_member": "Who else comes and goes is told by the group's messages.",
}
_BUSINESS = "It is of the chats of a person whose account the bot was connected to, and not the bot's own."
_SELLING = "Nothing is sold through Patchbay, so nothing answers it."
_ELSEWHERE = "It was said where the bot is no member."
# Updates that are kept and for which nothing is done, and why.
UNREAD: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "business_connection",
            "business_message",
            "edited_business_message",
            "deleted_business_messages",
        ),
        _BUSINESS,
    ),
    **dict.fromkeys(("shipping_query", "pre_checkout_query", "purchased_paid_media", "subscription"), _SELLING),
    **dict.fromkeys(("inline_query", "chosen_inline_result", "guest_message"), _ELSEWHERE),
    **dict.fromkeys(("poll", "poll_answer"), "There is no place for polls here."),
    **dict.fromkeys(("chat_boost", "removed_chat_boost"), "There is no place for boosts here."),
    "chat_join_request": "Who may join a group is decided in Telegram.",
    "managed_bot": "Each bot is connected by itself.",
    "stopped_message_generation": "Messages are not written while they are sent.",
}
