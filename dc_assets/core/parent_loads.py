"""Whether the loads that come before another one are complete: the records it names are there.

What complete means, and why: `docs/adr/0062-parents-are-loaded-before-children.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dc_assets.core.checks import check_descriptions
from dc_assets.core.errors import ParentsIncomplete
from dc_assets.core.load_state import PartitionState
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import Word, verdict_of

REFRESHING = frozenset({"missing", "changed"})
"""Modes that compare both sides: a row that is refused for want of its parent is sent again."""

NOT_BEGUN = "not begun"


@dataclass(frozen=True, slots=True)
class IncompleteParent:
    """A load that comes before another one and is not complete.

    Attributes:
        missing: why, by partition.
        partitions: how many it has.
        unchecked: the runs that sent those whose checks have not all looked yet, by partition.
    """

    name: str
    missing: Mapping[str, str]
    partitions: int
    unchecked: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def lacks_checks_alone(self) -> bool:
        """Whether all its rows were sent, so that its checks may still prove it."""
        return self.missing.keys() == self.unchecked.keys()

    @property
    def text(self) -> str:
        """The parent and what it lacks, for people.

        >>> IncompleteParent("lands", {"r1-01": "not begun", "r1-02": "not begun"}, 3).text
        'lands lacks r1-01, r1-02 (not begun)'
        """
        reasons = dict.fromkeys(self.missing.values())
        keys = {why: [key for key, one in self.missing.items() if one == why] for why in reasons}
        told = [f"{self._named(of)} ({why})" for why, of in keys.items()]
        return f"{self.name} lacks {', '.join(told)}"

    def _named(self, keys: Sequence[str]) -> str:
        is_all = len(keys) == self.partitions > 1
        return f"all {len(keys)} partitions" if is_all else ", ".join(keys)


def missing_partitions(
    parent: LoadSpec,
    newest: Mapping[str, PartitionState],
    complete: Collection[str],
    *,
    is_whole: bool,
) -> Mapping[str, str]:
    """Return the present partitions of a parent that are not complete, and why.

    Before a whole load of the child no check of them has failed since they were proved.
    """
    needed = list(check_descriptions(parent))
    missing: dict[str, str] = {}
    for key in parent.ranges:
        verdict = verdict_of(newest.get(key), needed)
        if key not in complete or (is_whole and verdict.word is Word.NOT_PROVED):
            missing[key] = verdict.text if key in newest else NOT_BEGUN
    return missing


def unchecked_partitions(
    parent: LoadSpec, newest: Mapping[str, PartitionState], missing: Collection[str]
) -> Mapping[str, str]:
    """Return the runs that sent those of some partitions whose checks have not all looked yet."""
    needed = list(check_descriptions(parent))
    states = {key: newest[key] for key in missing if key in newest}
    return {
        key: state.run_id
        for key, state in states.items()
        if verdict_of(state, needed).word is Word.NOT_CHECKED and not state.taken_back
    }


def refuse_incomplete(name: str, incomplete: Sequence[IncompleteParent]) -> None:
    """Refuse a load while a load of its parents is not complete.

    Raises:
        ParentsIncomplete: there is one; the sentence says which, and the command for it.
    """
    if incomplete:
        parents = " ".join(one.name for one in incomplete)
        is_begun = any(why != NOT_BEGUN for one in incomplete for why in one.missing.values())
        raise ParentsIncomplete(
            f"{name} names records of {parents.replace(' ', ' and ')}, and that comes before it: "
            f"{lacks(incomplete)}. Nothing was sent. First: dc-assets run {parents}"
            f"{' --failed-only' * is_begun}. To send all the same: --anyway with a reason, in "
            "Dagster anyway of the run config."
        )


def lacks(incomplete: Sequence[IncompleteParent]) -> str:
    """Return what is told of parents that are not complete, "" without one."""
    return "; ".join(one.text for one in incomplete)
