"""What becomes of rows that wait for parents, decided from the partitions of their load."""

from __future__ import annotations

import pytest

from dc_assets.core.parent_rounds import Outlook, Prospect, outlook

OURS_IN_VAIN = Prospect(is_ours=True, is_live=True, is_under_way=False, is_hopeful=False)
OURS = Prospect(is_ours=True, is_live=True, is_under_way=False, is_hopeful=True)


def other(*, live: bool = False, under_way: bool = False, hopeful: bool = False) -> Prospect:
    """Return another partition of the load."""
    return Prospect(is_ours=False, is_live=live, is_under_way=under_way, is_hopeful=hopeful)


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ([OURS], Outlook.SEND),
        ([OURS_IN_VAIN], Outlook.GIVE_UP),
        ([OURS_IN_VAIN, other(), other(live=True)], Outlook.GIVE_UP),
        ([OURS, other(live=True, under_way=True)], Outlook.WAIT),
        ([OURS, other(under_way=True)], Outlook.SEND),
        ([OURS, other(live=True, hopeful=True)], Outlook.SEND),
        ([OURS_IN_VAIN, other(live=True, hopeful=True)], Outlook.WAIT),
        ([OURS_IN_VAIN, other(live=True, under_way=True), other(under_way=True)], Outlook.WAIT),
        ([OURS_IN_VAIN, other(under_way=True)], Outlook.LEAVE),
        ([OURS_IN_VAIN, other(hopeful=True)], Outlook.LEAVE),
    ],
)
def test_rows_are_sent_when_something_landed_and_nothing_else_is_under_way(
    partitions: list[Prospect], expected: Outlook
) -> None:
    """Two partitions that both wait never wait for each other for ever."""
    assert outlook(partitions) is expected
