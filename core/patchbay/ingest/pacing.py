"""How long the applier waits between two groups, for in a burst acknowledging goes first. No IO.

A provider gives up on a webhook that is not acknowledged; what is journalled waits safely. So while many webhooks wait
for their acknowledgement, applying gets a share of the time, and all of it again once what is journalled has become much
or old. Larger groups are cheaper too: a commit costs nearly the same for many.
"""

from __future__ import annotations

FEW = 8  # raw events that arrived since the last group: more means that much arrives
LINGER_S = 0.008  # how long a group may grow while much arrives
MANY = 10  # webhooks that wait for their acknowledgement when nothing is applied: more come than can be answered
STAND_BACK = 8.0  # seconds that acknowledging then has for each that applying took
STAND_BACK_AT_MOST_S = 1.0
OLD_S = 10.0  # what has waited so long is applied before more is taken in at full speed


def linger(*, arrived: int, much: bool, old_s: float) -> float:
    """Seconds that the next group may grow.

    ``arrived`` raw events came since the last group, ``much`` says that those that wait are too many to let them become
    more, ``old_s`` is how long the newest of the last group had waited.
    """
    return 0.0 if arrived < FEW or much or old_s >= OLD_S else LINGER_S


def stand_back(*, waiting: int, spent_s: float) -> float:
    """Seconds more for acknowledging, after a group was let grow.

    ``waiting`` webhooks wait for their acknowledgement, ``spent_s`` is how long the last group took.
    """
    return min(spent_s * STAND_BACK, STAND_BACK_AT_MOST_S) if waiting >= MANY else 0.0
