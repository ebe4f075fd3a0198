"""How long the applier waits between two groups, for in a burst acknowledging goes first. No IO.

A provider gives up on a webhook that is not acknowledged; what is journalled waits safely. So while the process has
more to do than it can, applying gets a share of the time, and all of it again once what waits has become much or old.
Larger groups are cheaper too: a commit costs nearly the same for many.
"""

from __future__ import annotations

FEW = 8  # raw events that arrived since the last group: more means that much arrives
LINGER_S = 0.008  # how long a group may grow while much arrives and there is time for everything
BUSY = 0.85  # of what the process can do: more means that there is no time for everything
STAND_BACK = 4.0  # seconds that acknowledging has for each that applying took
STAND_BACK_AT_MOST_S = 0.5
OLD_S = 10.0  # what has waited so long is applied before more is taken in at full speed


def pause(*, arrived: int, enough: bool, old_s: float, spent_s: float, busy: float) -> float:
    """Seconds until the next group.

    ``arrived`` raw events came since the last group, ``enough`` says that those that wait are too many to let them
    become more, ``old_s`` is how long the newest of the last group had waited, ``spent_s`` how long applying it took,
    ``busy`` how much of what it can do the process did lately, from 0 to 1.
    """
    if arrived < FEW or enough or old_s >= OLD_S:
        return 0.0
    if busy < BUSY:
        return LINGER_S
    return min(max(spent_s * STAND_BACK, LINGER_S), STAND_BACK_AT_MOST_S)
