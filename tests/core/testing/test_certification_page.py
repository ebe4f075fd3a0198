"""The page on certification lists every check in its own words, and shows what the command prints of our channels.

To make the tables and the reports anew: ``.venv/bin/python -m tests.core.testing.test_certification_page``
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import pytest

from patchbay.testing.channel_checks import LEVELS
from patchbay.testing.channel_report import EVERY_CHECK, Report, lines, run_checks
from patchbay.testing.channel_samples import MAY_LACK, ChannelSamples
from patchbay_instagram import certification as instagram
from patchbay_messenger import certification as messenger
from patchbay_whatsapp import certification as whatsapp

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "certification.md"
BLOCK = re.compile(r"(<!-- made: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def checks() -> Iterator[str]:
    for level in LEVELS:
        yield f"**{level.capitalize()}**"
        yield ""
        yield "| Check | It holds when |"
        yield "|---|---|"
        for check in EVERY_CHECK:
            if check.level == level:
                yield f"| `{check.name}` | {check.meaning.replace('``', '`')} |"
        yield ""


def telegram() -> ChannelSamples:
    """Of the example, which nobody has to have installed."""
    source = str(ROOT / "examples" / "telegram" / "src")
    sys.path.insert(0, source)
    try:
        found: ChannelSamples = import_module("patchbay_telegram.certification").certification()
    finally:
        sys.path.remove(source)
    return found


# By the name that the table has, for each a plugin and what its channel is certified with.
SAMPLES: Mapping[str, tuple[str, Callable[[], ChannelSamples]]] = {
    "WhatsApp": ("whatsapp", whatsapp.certification),
    "Messenger": ("messenger", messenger.certification),
    "Instagram, by Instagram login": ("instagram", instagram.certification),
    "Instagram, by its linked page": ("instagram", instagram.LinkedPageSamples),
    "[Telegram](../examples/telegram), an example": ("telegram", telegram),
}


@cache
def report(name: str) -> Report:
    return run_checks(SAMPLES[name][1]())


def levels() -> Iterator[str]:
    yield "| Channel | Level | Passed | Failed | Lacking samples | n/a |"
    yield "|---|---|---|---|---|---|"
    for name in SAMPLES:
        found = report(name)
        counts = (len(found.of(outcome)) for outcome in ("passed", "failed", "missing", "not_applicable"))
        yield f"| {name} | {found.level or 'below bronze'} | {' | '.join(map(str, counts))} |"


def printed(name: str) -> Iterator[str]:
    plugin, _ = SAMPLES[name]
    yield "```"
    yield f"$ PATCHBAY_PLUGINS={plugin} python -m patchbay plugins certify {plugin}"
    yield from lines(report(name))
    yield "```"


BLOCKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "checks": checks,
    "levels": levels,
    "whatsapp": partial(printed, "WhatsApp"),
    "messenger": partial(printed, "Messenger"),
    "instagram": partial(printed, "Instagram, by Instagram login"),
}


def made(text: str) -> str:
    return BLOCK.sub(lambda found: found[1] + "\n".join(BLOCKS[found[2]]()) + "\n" + found[4], text)


@pytest.mark.long
def test_the_page_is_what_the_checks_are_and_say() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert {found[1] for found in BLOCK.findall(text)} == set(BLOCKS)
    assert made(text) == text


@pytest.mark.parametrize("name", sorted(MAY_LACK))
def test_the_page_names_everything_that_a_provider_may_lack(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_every_sample() -> None:
    text = PAGE.read_text(encoding="utf-8")
    samples = {name for name, value in vars(ChannelSamples).items() if callable(value) and not name.startswith("_")}
    assert {name for name in samples if f"`{name}" not in text} == set()


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
