"""Interactive messages as a business sends them to the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

BUTTONS = {
    "type": "button",
    "body": {"text": "Which one?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": f"b{i}", "title": f"Button {i}"}} for i in range(3)]},
}
LIST = {
    "type": "list",
    "body": {"text": "When?"},
    "action": {
        "button": "Times",
        "sections": [{"title": "Tuesday", "rows": [{"id": f"r{i}", "title": f"0{i}:30"} for i in range(10)]}],
    },
}


def with_buttons(*buttons: tuple[str, str]) -> dict[str, Any]:
    made = [{"type": "reply", "reply": {"id": id_, "title": title}} for id_, title in buttons]
    return {**BUTTONS, "action": {"buttons": made}}


def with_rows(count: int, **row: str) -> dict[str, Any]:
    rows = [{"id": f"r{i}", "title": f"Row {i}", **row} for i in range(count)]
    half = {"title": "One", "rows": rows[: count // 2]}, {"title": "Two", "rows": rows[count // 2 :]}
    return {**LIST, "action": {"button": "Times", "sections": list(half)}}
