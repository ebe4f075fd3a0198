"""How long the applier waits between two groups, for in a burst acknowledging goes first. No IO.

A provider gives up on a webhook that is not acknowledged; what is journalled waits safely. So while many webhooks wait
for their acknowledgement, applying gets a share of the time, and all of it again once what is journalled has become
much or old. Larger groups are cheaper too: a commit costs nearly the same for many.
"""

from __future__ import annotations

MUCH = 8  # raw events that arrived since the last group: more means that much arrives
LINGER_S = 0.008  # how long a group may grow while much arrives
CROWD = 10.0  # webhooks that wait for their acknowledgement when nothing is applied: more come than can be answered
STAND_BACK = 20.0  # seconds that acknowledging then has for each that applying took
STAND_BACK_AT_MOST_S = 2.0
LOOK_S = 0.05  # how often it is looked whether the burst is over
OLD_S = 10.0  # what has waited so long is applied before more is taken in at full speed


class Waiting:
    """The webhooks that wait for their acknowledgement."""

    def __init__(self) -> None:
        self._now = 0
        self._came = 0
        self._met = 0

    def begin(self) -> None:
        """One more waits."""
        self._now += 1
        self._came += 1
        self._met += self._now

    def end(self) -> None:
        """One waits no longer."""
        self._now -= 1

    def crowd(self) -> float:
        """How many waited, itself included, when one came: the mean of those that came since this was asked last."""
        mean = self._met / self._came if self._came else 0.0
        self._came = self._met = 0
        return mean


def linger(*, arrived: int, much: bool, old_s: float) -> float:
    """Seconds that the next group may grow.

    ``arrived`` raw events came since the last group, ``much`` says that those that wait are too many to let them become
    more, ``old_s`` is how long the newest of the last group had waited.
    """
    return 0.0 if arrived < MUCH or much or old_s >= OLD_S else LINGER_S


def stand_back(*, crowd: float, spent_s: float, stood_s: float) -> float:
    """Seconds more for acknowledging, until this is asked again; 0 when it is time to apply.

    ``crowd`` webhooks waited for their acknowledgement lately, ``spent_s`` is how long the last group took, ``stood_s``
    how long applying has stood back since.
    """
    left_s = min(spent_s * STAND_BACK, STAND_BACK_AT_MOST_S) - stood_s
    return min(left_s, LOOK_S) if crowd >= CROWD and left_s > 0 else 0.0
