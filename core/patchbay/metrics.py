"""Numbers about a running gateway: plain integers that parts count up, read when somebody asks. No IO.

A part asks once for its counter and then does ``counter.value += 1``: nothing to look up on a hot path.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_SERIES = 2_000  # per name; more is a label that should not be one


class Counter:
    """Only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    """How many observations fell below each bound; the last bucket holds the rest."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.buckets = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass
class Family:
    """All series of one name. ``gauges`` and ``readings`` (which only grow) are asked when somebody reads."""

    name: str
    help: str
    counters: dict[Labels, Counter] = field(default_factory=dict)
    histograms: dict[Labels, Histogram] = field(default_factory=dict)
    gauges: dict[Labels, Callable[[], float]] = field(default_factory=dict)
    readings: dict[Labels, Callable[[], float]] = field(default_factory=dict)


class Metrics:
    """Everything that is counted, by name and labels. Names follow Prometheus: ``patchbay_{what}_{unit}``."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def __iter__(self) -> Iterator[Family]:
        return iter(list(self._families.values()))

    def counter(self, name: str, help: str, **labels: str) -> Counter:
        """The counter of this name and these labels, the same one each time; names end in ``_total``."""
        series = self._family(name, help).counters
        found = series.get(key := tuple(sorted(labels.items())))
        if found is None:
            if len(series) >= MAX_SERIES:
                raise ValueError(f"{name} has {MAX_SERIES} series already: one of its labels is not bounded")
            found = series[key] = Counter()
        return found

    def histogram(self, name: str, help: str, bounds: Sequence[float] = SECONDS, **labels: str) -> Histogram:
        """The histogram of this name and these labels, the same one each time."""
        return self._family(name, help).histograms.setdefault(tuple(sorted(labels.items())), Histogram(bounds))

    def gauge(self, name: str, help: str, read: Callable[[], float], **labels: str) -> None:
        """A number that is read from ``read`` whenever somebody asks."""
        self._family(name, help).gauges[tuple(sorted(labels.items()))] = read

    def reading(self, name: str, help: str, read: Callable[[], float], **labels: str) -> None:
        """A number that only grows and that its owner counts by itself; names end in ``_total``."""
        self._family(name, help).readings[tuple(sorted(labels.items()))] = read

    def _family(self, name: str, help: str) -> Family:
        return self._families.setdefault(name, Family(name, help))
