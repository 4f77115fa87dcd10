"""When rows whose parents are rows of the same load are sent again.

A row that names a parent which the org does not have yet waits until nothing else of the load is
under way, and is tried again if a row landed meanwhile. So a tree of any depth lands in as many
rounds as it has levels, and a parent that nobody has costs one round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Outlook(Enum):
    """What becomes of the rows of one partition that wait for parents."""

    SEND = "something landed since they were tried: their parents may be there"
    WAIT = "another run of the load is at work: it may bring their parents"
    LEAVE = "another partition of the load is to be run first: it may bring their parents"
    GIVE_UP = "nothing can bring their parents any more"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one partition of a load may still bring.

    Attributes:
        is_ours: whether it is the partition that asks.
        is_live: whether a run works on it.
        is_under_way: whether rows of it are unread, in flight, or wait for something else.
        is_hopeful: whether rows of it wait for parents, and a row of the load landed since.
    """

    is_ours: bool
    is_live: bool
    is_under_way: bool
    is_hopeful: bool


def outlook(partitions: Sequence[Prospect]) -> Outlook:
    """Decide what becomes of the rows of one partition that wait, when it has no others.

    >>> outlook([Prospect(True, True, False, is_hopeful=True)]).name
    'SEND'
    >>> outlook([Prospect(True, True, False, is_hopeful=False)]).name
    'GIVE_UP'
    """
    others = [one for one in partitions if not one.is_ours]
    if any(one.is_live and one.is_under_way for one in others):
        return Outlook.WAIT
    if any(one.is_ours and one.is_hopeful for one in partitions):
        return Outlook.SEND
    bringing = [one for one in others if one.is_under_way or one.is_hopeful]
    if any(one.is_live for one in bringing):
        return Outlook.WAIT
    return Outlook.LEAVE if bringing else Outlook.GIVE_UP
