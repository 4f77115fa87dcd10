"""Which loads come before which: a load of parents before the loads of their children.

What describe would know of a lookup is not known here, where definitions are made without an org.
So a relation leads to the object that it is called like; where it is not, `after` says it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from dc_assets.core.spec import LoadSpec


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """The order of some loads.

    Attributes:
        names: parents before children, else as they were given; those of `broken` are left out.
        parents: the loads that come directly before each load.
        broken: why a load has no place, by its name.
    """

    names: Sequence[str]
    parents: Mapping[str, Sequence[str]]
    broken: Mapping[str, str]


def order_of(specs: Sequence[LoadSpec]) -> LoadOrder:
    """Put the loads of a project in order."""
    parents = {spec.name: parents_of(spec, specs) for spec in specs}
    named = {spec.name: spec.after or () for spec in specs}
    broken: dict[str, str] = {}
    while True:
        left = {name: of for name, of in parents.items() if name not in broken}
        known = {name: [one for one in of if one in left] for name, of in left.items()}
        found = _behind_nothing({name: named[name] for name in left}, left)
        if not found:
            try:
                return LoadOrder(tuple(TopologicalSorter(known).static_order()), known, broken)
            except CycleError as error:
                cycle: list[str] = error.args[1]
                found = dict.fromkeys(cycle, _in_a_circle(cycle))
        broken |= found


def _behind_nothing(named: Mapping[str, Sequence[str]], left: Collection[str]) -> dict[str, str]:
    """Return why loads are broken whose `after` names one that is none, or is broken itself."""
    return {
        name: f"after names {', '.join(gone)}, and there is no such load. "
        f"There is: {', '.join(sorted(left))}; a spec that is broken does not count."
        for name, of in named.items()
        if (gone := [one for one in of if one not in left])
    }


def ancestors_of(name: str, order: LoadOrder) -> frozenset[str]:
    """Return all loads that come before one, directly or not."""
    parents = order.parents.get(name, ())
    return frozenset(parents).union(*(ancestors_of(one, order) for one in parents))


def parents_of(spec: LoadSpec, specs: Sequence[LoadSpec]) -> Sequence[str]:
    """Return the names of the loads that come directly before a load.

    Without `after` they are the other loads whose object a reference column leads to, unless they
    name another org. A column that leads to the load's own object orders rows, not loads.
    """
    if spec.after is not None:
        return spec.after
    wanted = {name.lower() for name in _objects_led_to(spec)} - {spec.target.object.lower()}
    return [
        one.name
        for one in specs
        if one.target.object.lower() in wanted and may_share_org(spec, one)
    ]


def may_share_org(spec: LoadSpec, other: LoadSpec) -> bool:
    """Tell whether two loads may go into one org: not if both name theirs, and they differ."""
    return None in {spec.target.org_id, other.target.org_id} or (
        spec.target.org_id == other.target.org_id
    )


def _objects_led_to(spec: LoadSpec) -> Iterator[str]:
    """Return the objects that the reference columns of a spec name, as far as names tell.

    The relation of a custom lookup ends with __r where the object it is called like ends with __c.
    """
    for column in spec.columns:
        path = column.path
        if path.kind:
            yield path.kind
        elif path.relationship.endswith("__r"):
            yield f"{path.relationship.removesuffix('__r')}__c"
        elif path.relationship:
            yield path.relationship


def _in_a_circle(cycle: Sequence[str]) -> str:
    way = " -> ".join(reversed(cycle))
    return (
        f"these loads wait for each other: {way}. Break the circle with `after: []` in one of "
        "them, and load its references in a second load."
    )
