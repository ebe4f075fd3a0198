"""The page on certification lists every check in its own words, and shows what the command prints.

To make the tables and the report anew: ``.venv/bin/python -m tests.core.testing.test_certification_page``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from patchbay.testing.channel_checks import LEVELS
from patchbay.testing.channel_report import EVERY_CHECK, lines, run_checks
from patchbay.testing.channel_samples import MAY_LACK, ChannelSamples
from patchbay_whatsapp.certification import certification

PAGE = Path(__file__).parents[3] / "docs" / "certification.md"
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


def whatsapp() -> Iterator[str]:
    yield "```"
    yield "$ PATCHBAY_PLUGINS=whatsapp python -m patchbay plugins certify whatsapp"
    yield from lines(run_checks(certification()))
    yield "```"


BLOCKS: Mapping[str, Callable[[], Iterator[str]]] = {"checks": checks, "whatsapp": whatsapp}


def made(text: str) -> str:
    return BLOCK.sub(lambda found: found[1] + "\n".join(BLOCKS[found[2]]()) + "\n" + found[4], text)


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
