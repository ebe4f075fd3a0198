"""What is wrong in a Meta channel's table of settings: one sentence for each mistake, and no secret in any of them."""

from __future__ import annotations

import pytest

import patchbay_instagram
import patchbay_messenger
import patchbay_whatsapp
from patchbay.errors import ConfigError
from patchbay.settings import load_settings, read_tables

PLUGINS = (patchbay_whatsapp, patchbay_messenger, patchbay_instagram)
NUMBER = {"PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "401000000000001", "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAB-token"}
PAGE = {"PATCHBAY_MESSENGER__PAGE_ID": "101000000000001", "PATCHBAY_MESSENGER__ACCESS_TOKEN": "EAAB-token"}
ACCOUNT = {
    "PATCHBAY_INSTAGRAM__ACCOUNT_ID": "17841400000000001",
    "PATCHBAY_INSTAGRAM__ACCESS_TOKEN": "IGAA-token",
}


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "401"},
            "PATCHBAY_WHATSAPP__ACCESS_TOKEN is not set, but PATCHBAY_WHATSAPP__PHONE_NUMBER_ID is: set both or none.",
        ),
        (
            {"PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAB-token"},
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID is not set, but PATCHBAY_WHATSAPP__ACCESS_TOKEN is: set both or none.",
        ),
        (
            {**NUMBER, "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "+1 555 000 9999"},
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID: must be the id that Meta's dashboard shows, not a phone number.",
        ),
        (
            {"PATCHBAY_WHATSAPP__APP_SECRET": "EAAB-a,EAAB-b,EAAB-c"},
            "PATCHBAY_WHATSAPP__APP_SECRET: holds more than two secrets; leave out those no longer in use.",
        ),
        (
            {"PATCHBAY_WHATSAPP__GRAPH_VERSION": "latest"},
            "PATCHBAY_WHATSAPP__GRAPH_VERSION: must be a Graph version such as v26.0.",
        ),
        (
            {"PATCHBAY_WHATSAPP__GRAPH_URL": "http://graph.facebook.com"},
            "PATCHBAY_WHATSAPP__GRAPH_URL: must be https unless its host is this machine or a name without a dot.",
        ),
        (
            {"PATCHBAY_WHATSAPP__TOKEN": "EAAB-token"},
            "PATCHBAY_WHATSAPP__TOKEN: is not a setting; check the spelling.",
        ),
        (
            {"PATCHBAY_MESSENGER__PAGE_ID": "101"},
            "PATCHBAY_MESSENGER__ACCESS_TOKEN is not set, but PATCHBAY_MESSENGER__PAGE_ID is: set both or none.",
        ),
        (
            {"PATCHBAY_MESSENGER__ACCESS_TOKEN": "EAAB-token"},
            "PATCHBAY_MESSENGER__PAGE_ID is not set, but PATCHBAY_MESSENGER__ACCESS_TOKEN is: set both or none.",
        ),
        (
            {**PAGE, "PATCHBAY_MESSENGER__PAGE_ID": "lamps"},
            "PATCHBAY_MESSENGER__PAGE_ID: must be the id that Meta's dashboard shows, a number, not a name.",
        ),
        (
            {"PATCHBAY_MESSENGER__TOKEN": "EAAB-token"},
            "PATCHBAY_MESSENGER__TOKEN: is not a setting; check the spelling.",
        ),
        (
            {"PATCHBAY_INSTAGRAM__ACCOUNT_ID": "1784"},
            "PATCHBAY_INSTAGRAM__ACCESS_TOKEN is not set, but PATCHBAY_INSTAGRAM__ACCOUNT_ID is: set both or none.",
        ),
        (
            {"PATCHBAY_INSTAGRAM__ACCESS_TOKEN": "IGAA-token"},
            "PATCHBAY_INSTAGRAM__ACCOUNT_ID is not set, but PATCHBAY_INSTAGRAM__ACCESS_TOKEN is: set both or none.",
        ),
        (
            {"PATCHBAY_INSTAGRAM__PAGE_ID": "101"},
            "PATCHBAY_INSTAGRAM__ACCOUNT_ID is not set, but PATCHBAY_INSTAGRAM__PAGE_ID is: set both or none.",
        ),
        (
            {**ACCOUNT, "PATCHBAY_INSTAGRAM__ACCOUNT_ID": "@lamps"},
            "PATCHBAY_INSTAGRAM__ACCOUNT_ID: must be the id that Meta's dashboard shows, a number, not a name.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_setting(environ: dict[str, str], sentence: str) -> None:
    declared = [plugin.register_settings() for plugin in PLUGINS]
    with pytest.raises(ConfigError) as caught:
        load_settings(read_tables(environ, ""), {each.table: each.model for each in declared})
    assert str(caught.value) == sentence
    for shown in (repr(caught.value.__cause__), str(caught.value.__cause__)):
        assert "EAAB" not in shown
        assert "IGAA" not in shown
