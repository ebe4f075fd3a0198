"""Whether two samples may be of one distribution: the test of Kolmogorov and Smirnov."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, sqrt


def ks_p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """How likely two samples of one distribution are at least as far apart as these are.

    The asymptotic two-sided value with Stephens' correction, good from about 20 values each.
    Source: Press et al., Numerical Recipes, 14.3.
    """
    first, second = sorted(one), sorted(other)
    distance = max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in (*first, *second)
    )
    size = sqrt(len(first) * len(second) / (len(first) + len(second)))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.2:
        return 1.0  # the series converges too slowly there, and its sum is one to ten digits
    signs = (1, -1) * 50
    tail = 2 * sum(sign * exp(-2 * (term * scaled) ** 2) for term, sign in enumerate(signs, 1))
    return min(1.0, max(0.0, tail))
