"""What each check has to find: channels that are WhatsApp's but for one place."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import datetime, timedelta

from msgspec.structs import replace

from patchbay.channel import (
    HandshakeAnswer,
    Ignored,
    Item,
    Malformed,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    ReceiptReceived,
    Unrecognised,
)
from patchbay.channel.inbound import IdentityKey, Person
from patchbay.errors import AccountBroken, OutcomeUnknown, Rejected, Throttled, Unavailable
from patchbay.model.content import Interactive, Location, Text
from patchbay.testing.channel_samples import ChannelSamples
from patchbay_meta import signature
from patchbay_whatsapp.certification import WhatsAppSamples
from tests.core.testing.broken_channels import (
    Watermarked,
    always_thumbs,
    any_size,
    believes_anything,
    believes_what_is_there,
    broken,
    capabilities,
    counted_edits,
    counted_keys,
    counted_messages,
    declaring,
    dropping,
    each_event,
    each_item,
    forgetting_the_early,
    given,
    in_parts,
    instead,
    is_event,
    later,
    mutely,
    nameless_templates,
    needs_the_header,
    never_wrong,
    nowhere,
    only_messages,
    only_the_bad,
    parses_no_json,
    parsing,
    quiet,
    refusing,
    requests,
    samples,
    stumbles,
    to_anybody,
    trips_over_odd_answers,
    unchecked,
    uploads_show,
    watermarks,
    window_of_the_last,
    without_quote,
)

# By check: what it must find.
BREAKS: dict[str, list[ChannelSamples]] = {
    "any_bytes_are_items_or_a_bad_payload": [broken(parse=parses_no_json)],
    "damaged_webhooks_are_items_or_a_bad_payload": [
        broken(parse=stumbles),
        broken(parse=each_item(lambda item: replace(item, index=item.index + 1))),
        broken(parse=each_item(lambda item: replace(item, key=""))),
        broken(parse=each_event(MessageReceived, lambda event: replace(event, occurred_at=datetime(2026, 1, 1)))),  # noqa: DTZ001
    ],
    "a_message_says_who_wrote_what_when": [
        broken(parse=each_event(MessageReceived, given(content=Text(text="...")))),
        broken(parse=each_event(MessageReceived, later(timedelta(hours=1)))),
        broken(parse=each_event(MessageReceived, given(sender=Person(keys=())))),
        broken(parse=each_event(MessageReceived, given(external_id="1"))),
        broken(parse=each_item(nowhere)),
    ],
    "keys_are_the_same_at_every_delivery": [
        broken(parse=counted_keys()),
        broken(parse=each_item(lambda item: replace(item, key=f"{item.index}:{item.key}"))),
    ],
    "different_updates_have_different_keys": [broken(parse=each_item(lambda item: replace(item, key="message")))],
    "the_same_again_is_one_message": [broken(parse=counted_messages())],
    "an_unknown_kind_is_kept": [
        broken(parse=dropping(lambda one: is_event(one, Unrecognised))),
        broken(parse=each_event(Unrecognised, lambda event: Ignored(occurred_at=event.occurred_at, reason="?"))),
        broken(parse=each_event(Unrecognised, given(reason=""))),
    ],
    "an_item_that_cannot_be_read_is_malformed": [broken(parse=dropping(lambda one: isinstance(one, Malformed)))],
    "one_bad_item_of_many_costs_itself": [
        broken(parse=parsing(only_the_bad)),
        broken(parse=dropping(lambda one: isinstance(one, Malformed))),
    ],
    "only_the_provider_is_believed": [
        broken(verify=mutely),
        broken(verify=believes_what_is_there),
        broken(verify=needs_the_header),
        samples(sign=lambda self, body: {signature.HEADER: "sha256=0"}),
    ],
    "strangers_cannot_take_the_callback": [
        broken(handshake=lambda self, query: HandshakeAnswer(text=query.get("hub.challenge", "")))
    ],
    "what_is_declared_is_sent": [
        broken(check=refusing(Location)),
        broken(send=requests(lambda request: changed(request, json={}) if request.effect else request)),
        broken(send=believes_anything),
        declaring(contents=WhatsAppSamples().channel.capabilities.contents - {"location"}),
    ],
    "what_is_not_declared_is_refused": [broken(check=mutely), broken(check=refusing(object))],
    "what_is_too_much_is_refused": [broken(check=unchecked(Interactive)), broken(check=unchecked(Location))],
    "long_texts_are_refused_or_split": [
        broken(check=unchecked(Text)),
        broken(check=unchecked(Text), split=in_parts(lossy=1)),
        broken(check=unchecked(Text), split=in_parts(part=5000)),
        declaring(text_limit=5000),
        declaring(text_limit=100),
    ],
    "files_are_judged_by_type_and_size": [
        broken(check=any_size),
        declaring(media={**WhatsAppSamples().channel.capabilities.media, "sticker": capabilities().media["image"]}),
    ],
    "nobody_is_written_to_without_an_address": [broken(check=mutely, send=to_anybody)],
    "effects_are_what_a_person_sees": [
        broken(send=requests(only_messages(effect=False))),
        broken(send=requests(uploads_show)),
        broken(typing=requests(uploads_show, "typing")),
        broken(react=requests(only_messages(effect=False), "react")),
    ],
    "requests_go_to_the_provider": [
        broken(base_url=lambda self, account: "https://graph.example/"),
    ],
    "reactions_are_as_declared": [
        declaring(reactions=False),
        broken(react=always_thumbs),
        broken(react=quiet),
    ],
    "typing_and_read_marks_are_as_declared": [
        broken(typing=quiet),
        broken(mark_read=quiet),
        declaring(typing=False),
        declaring(read_receipts=False),
    ],
    "replies_are_as_declared": [broken(send=without_quote)],
    "templates_are_as_declared": [declaring(templates=False), broken(list_templates=nameless_templates)],
    "an_echo_of_our_send_is_our_message": [
        broken(parse=each_event(MessageEchoed, given(external_id="wamid.another"))),
        broken(parse=dropping(lambda one: is_event(one, MessageEchoed))),
    ],
    "what_was_written_elsewhere_is_shown_and_not_sent": [
        broken(parse=each_event(MessageEchoed, given(recipient=None))),
        broken(parse=each_event(MessageEchoed, given(recipient=Person(keys=(IdentityKey(kind="phone", value="+1"),))))),
    ],
    "reports_end_in_one_state": [
        broken(parse=each_event(ReceiptReceived, given(state="delivered"))),
        broken(parse=each_event(ReceiptReceived, given(external_id="wamid.another", reference=None))),
    ],
    "a_reported_failure_says_why": [
        broken(parse=each_event(ReceiptReceived, given(error=None))),
        broken(parse=each_event(ReceiptReceived, given(state="sent"))),
    ],
    "a_watermark_covers_what_came_before_it": [
        broken(Watermarked, parse=watermarks(timedelta(days=1))),
        broken(Watermarked, parse=watermarks(-timedelta(days=1))),
    ],
    "edits_and_deletions_keep_what_was_said": [
        broken(parse=each_event(MessageEdited, given(target="wamid.another"))),
        broken(parse=each_event(MessageEdited, given(content=Text(text="...")))),
        broken(parse=dropping(lambda one: isinstance(one, Item) and one.event.__struct_config__.tag == "delete")),
    ],
    "the_latest_reaction_wins": [
        broken(parse=each_event(ReactionChanged, lambda event: replace(event, emoji=event.emoji or "x"))),
        broken(parse=each_event(ReactionChanged, lambda event: later(timedelta(hours=ord(event.emoji or "b")))(event))),
    ],
    "the_window_opens_and_closes": [
        broken(window=window_of_the_last),
        broken(closes_at=lambda self, draft: draft.recipient.window.expires_at),
        broken(window=lambda self, current, event, id: current),
    ],
    "an_expired_token_pauses_the_account": [
        broken(send=instead(AccountBroken, Rejected)),
        broken(check_account=never_wrong),
    ],
    "a_rate_limit_is_waited_for": [
        broken(send=instead(Throttled, Rejected)),
        broken(send=instead(Throttled, lambda reason: Throttled(reason, scope="account"))),
        broken(send=instead(Throttled, Unavailable)),
        samples(retry_after_s=8.0),
    ],
    "a_server_error_is_not_the_end": [broken(send=instead(Unavailable, Rejected))],
    "an_unreachable_person_is_told_of": [broken(send=instead(Rejected, Rejected)), broken(send=believes_anything)],
    "a_window_that_the_provider_closed_is_told_of": [broken(send=instead(Rejected, Unavailable))],
    "any_answer_is_a_receipt_or_a_send_error": [
        broken(send=believes_anything),
        broken(send=trips_over_odd_answers),
    ],
    "a_lost_answer_is_never_a_second_message": [broken(send=requests(only_messages(effect=False)))],
    "an_answer_without_a_name_is_unknown": [
        broken(send=instead(OutcomeUnknown, Unavailable)),
        broken(send=believes_anything),
    ],
    "what_was_lost_before_the_effect_is_harmless": [broken(send=requests(uploads_show))],
    "what_proves_the_arrival_settles_a_lost_answer": [
        broken(parse=each_event(ReceiptReceived, given(reference=None))),
        broken(parse=each_event(ReceiptReceived, given(reference="pb1:msg_0:0:1"))),
    ],
    "reports_may_come_before_their_message": [
        broken(parse=forgetting_the_early()),
        broken(parse=dropping(lambda one: is_event(one, ReceiptReceived))),
    ],
    "interleavings_end_in_one_state": [
        broken(parse=each_event(ReceiptReceived, given(external_id="wamid.nobodys", reference=None))),
        broken(parse=counted_edits()),
        broken(parse=counted_messages()),
        broken(parse=each_item(lambda item: replace(item, event=later(timedelta(hours=item.index))(item.event)))),
    ],
}
