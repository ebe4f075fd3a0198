"""Figures, their ratios and the table that shows them. No IO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Row:
    """One line of the table. ``value`` is what is held against ``target``: a ratio, or a measure in its own unit.

    ``better`` says on which side of the target it has to be; a row without a target is shown for comparison.
    """

    figure: str
    ours: str
    baseline: str = ""
    value: float | None = None
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"
    unit: str = "x"
    notes: tuple[str, ...] = ()
    skipped: str | None = None

    @property
    def met(self) -> bool | None:
        """None where nothing was to be met."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    @property
    def verdict(self) -> str:
        if self.skipped is not None:
            return "skipped"
        return {True: "met", False: "MISSED", None: ""}[self.met]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


@dataclass
class Sample:
    """One measurement of one variant. ``foreign`` is the CPU, in cores, that others took meanwhile."""

    work: float
    cpu_s: float
    seconds: float
    foreign: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def per_cpu_s(self) -> float:
        return self.work / self.cpu_s if self.cpu_s else float("nan")

    @property
    def per_s(self) -> float:
        return self.work / self.seconds if self.seconds else float("nan")

    @property
    def us(self) -> float:
        """CPU microseconds per piece of work."""
        return 1e6 * self.cpu_s / self.work if self.work else float("nan")


def median_of(samples: Sequence[Sample], name: str) -> float:
    """The median over rounds of ``per_cpu_s``, ``per_s``, ``us``, or of something in ``more``."""
    return median([_of(sample, name) for sample in samples])


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], name: str = "per_cpu_s") -> float:
    """The median of the ratios of each round, so that what slows the machine down slows both; of the medians where
    the rounds do not pair."""
    if len(ours) == len(theirs):
        pairs = zip(ours, theirs, strict=True)
        return median([_of(mine, name) / _of(yours, name) for mine, yours in pairs])
    return median_of(ours, name) / median_of(theirs, name)


def _of(sample: Sample, name: str) -> float:
    return float(getattr(sample, name) if hasattr(sample, name) else sample.more[name])


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of ascending values; nan when there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def number(value: float, unit: str = "") -> str:
    """Three digits that matter, thousands apart."""
    if value != value:
        return "-"
    whole = abs(value) >= 100 or (value == int(value) and unit not in ("x", "ms", "s", "us"))
    shown = f"{value:,.0f}" if whole else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{shown} {unit}".rstrip() if unit != "x" else f"{shown}x"


def show(rows: Sequence[Row]) -> str:
    """The table as text, notes below it."""
    head = ("figure", "ours", "baseline", "measured", "target", "")
    lines = [head]
    for row in rows:
        sign = "" if row.target is None else ">= " if row.better == "higher" else "<= "
        lines.append(
            (
                row.figure,
                row.ours,
                row.baseline,
                "-" if row.value is None else number(row.value, row.unit),
                "" if row.target is None else sign + number(row.target, row.unit),
                row.verdict,
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    notes = [
        f"  {row.figure}: {note}"
        for row in rows
        for note in (*row.notes, *((row.skipped,) if row.skipped is not None else ()))
    ]
    return "\n".join([*text, *(["", *notes] if notes else [])])
