"""Names of fields: what one subscribes to, and what a profile has. No IO."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay_simulator.config import Channel

# Graph API, Page, subscribed_apps: those that this simulator can send. Any other name is refused.
PAGE_FIELDS = frozenset(
    {
        "feed",
        "message_deliveries",
        "message_echoes",
        "message_edits",
        "message_reactions",
        "message_reads",
        "message_template_status_update",
        "messages",
        "messaging_account_linking",
        "messaging_feedback",
        "messaging_handovers",
        "messaging_optins",
        "messaging_policy_enforcement",
        "messaging_postbacks",
        "messaging_referrals",
        "mention",
        "response_feedback",
        "send_cart",
        "standby",
    }
)
# Instagram Messaging, Webhooks, fields
INSTAGRAM_FIELDS = frozenset(
    {
        "comments",
        "live_comments",
        "mentions",
        "message_echoes",
        "message_edit",
        "message_reactions",
        "messages",
        "messaging_handover",
        "messaging_optins",
        "messaging_postbacks",
        "messaging_referral",
        "messaging_seen",
        "standby",
        "story_insights",
    }
)
# Messenger Platform, User Profile API; Instagram Messaging, User profile
PROFILE_FIELDS: Mapping[Channel, tuple[str, ...]] = {
    "messenger": ("first_name", "last_name", "name", "profile_pic"),
    "instagram": (
        "name",
        "username",
        "profile_pic",
        "follower_count",
        "is_user_follow_business",
        "is_business_follow_user",
        "is_verified_user",
    ),
}
