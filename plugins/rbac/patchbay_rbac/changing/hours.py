"""When a department is open. No IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

from patchbay_rbac.changing.naming import wrong
from patchbay_rbac.documents import Holiday, Hours

MAX_HOURS: Final = 70  # openings in one week
MAX_HOLIDAYS: Final = 1_000
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def hours_of(given: Sequence[Hours]) -> tuple[Hours, ...]:
    """In order of the week. Raises ``Invalid`` naming an opening that ends before it begins, or meets another one."""
    if len(given) > MAX_HOURS:
        raise wrong("/hours", f"{MAX_HOURS} openings at most.", "length")
    for place, each in enumerate(given):
        if not 0 <= each.weekday <= 6:
            raise wrong(f"/hours/{place}/weekday", "0 is Monday, 6 is Sunday.", "range")
        for name in ("opens", "closes"):
            text = getattr(each, name)
            if _TIME.fullmatch(text) is None or (name == "opens" and text == "24:00"):
                raise wrong(f"/hours/{place}/{name}", "Write a time like 09:00; a day may end at 24:00.")
        if each.opens >= each.closes:
            raise wrong(f"/hours/{place}/closes", "It must close after it opens; a night goes on the next day.")
    ordered = sorted(enumerate(given), key=lambda item: (item[1].weekday, item[1].opens))
    for (_, before), (place, after) in pairwise(ordered):
        if before.weekday == after.weekday and after.opens < before.closes:
            raise wrong(f"/hours/{place}/opens", f"It is open already, until {before.closes}.")
    return tuple(each for _, each in ordered)


def holidays_of(given: Sequence[Holiday]) -> tuple[Holiday, ...]:
    """In order of time. Raises ``Invalid`` naming what is no day, or a day that stands there twice."""
    if len(given) > MAX_HOLIDAYS:
        raise wrong("/holidays", f"{MAX_HOLIDAYS} days at most.", "length")
    seen: set[str] = set()
    for place, each in enumerate(given):
        if not _is_day(each.date):
            raise wrong(f"/holidays/{place}/date", "Write a day like 2026-12-24.")
        if each.date in seen:
            raise wrong(f"/holidays/{place}/date", f"{each.date} stands there already.", "already_exists")
        seen.add(each.date)
    return tuple(sorted(given, key=lambda each: each.date))


def _is_day(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False
