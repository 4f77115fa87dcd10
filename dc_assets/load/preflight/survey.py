"""One look at both sides before a load: what there is to send, and what the org will make of it.

Nothing is sent and nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import polars as pl

from dc_assets.core.lanes import LaneMap
from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.row_outcomes import NO_PARENT, NO_RECORD
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import UNDESCRIBED, TargetDescription
from dc_assets.core.value_kinds import ValueKind
from dc_assets.frames.rewritten import rewritten_values
from dc_assets.load.plan import lanes_for
from dc_assets.load.ports import Clock, Slot, Source, Target
from dc_assets.load.preflight.measured import FieldRule, rules_of, unfilled_fields

CALLS_TIMED = 3
NAMED = 3
"""Parents or records that a sentence names."""

PARENTS_ASKED_MAX = 10_000
"""Parents of a column that are looked up, those with most rows first."""

KEYS_READ_MAX = 500_000
"""Rows and records of both sides up to which new rows are counted by their keys."""

GROUPS_MAX = 2_000
"""Groups of a SOQL query (SOQL and SOSL Limits); an org refuses to tell more."""


@dataclass(frozen=True, slots=True)
class SourceCalls:
    """What the source last said of the calls that it takes.

    Attributes:
        left: calls until its window ends.
        limits: all its windows, as it writes them; "" if it does not say.
    """

    left: int
    limits: str


class SourceFacts(Protocol):
    """What only a plan asks of the source."""

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        ...

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        ...

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules."""
        ...

    def most_frequent(self, column: str, values_max: int) -> Sequence[tuple[str, int]]:
        """Return some values of a column with their rows, the most frequent first."""
        ...

    def external_ids(self) -> Sequence[str]:
        """Return all keys."""
        ...

    @property
    def calls(self) -> SourceCalls | None:
        """What is left of its calls; None if it does not say."""
        ...


@dataclass(frozen=True, slots=True)
class OrgLimits:
    """What is left of the org's day and space; None where the org does not say."""

    api_calls_left: int | None = None
    api_calls_max: int | None = None
    batches_left: int | None = None
    batches_max: int | None = None
    storage_left_mb: int | None = None


@dataclass(frozen=True, slots=True)
class NamedParent:
    """An object, and the field by which its records are named."""

    object: str
    field: str


class OrgFacts(Protocol):
    """What only a plan asks of the org."""

    def absent(self, parent: NamedParent, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org does not have; none if it cannot be asked."""
        ...

    def external_ids(self, records: int) -> Sequence[str]:
        """Return the external ids of our records, of which there are about so many."""
        ...

    def limits(self) -> OrgLimits:
        """Ask what is left."""
        ...

    def jobs_at_work(self) -> Mapping[str, int]:
        """Count the ingest jobs of any user on the target object that are not over, by state."""
        ...


@dataclass(frozen=True, slots=True)
class ExpectedRefusal:
    """Rows that the org would refuse, why, and what to do; the sentence begins in the middle."""

    code: str
    field: str
    rows: int
    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """The first page of the first range, and how long it took to read.

    Attributes:
        rewritten: values of it that the canonical form changes, by field and way.
    """

    rows: int
    seconds: float
    rewritten: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class KeysCompared:
    """Which rows and records belong together, by their keys.

    Attributes:
        known_rows: rows whose key a record of the org has.
        foreign: records whose key no row has.
        foreign_named: some of them.
    """

    known_rows: int
    foreign: int
    foreign_named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What both sides say of a load.

    Attributes:
        key_ends: first and last key.
        partition_rows: rows of each partition.
        parents: (rows of one parent, how many parents have so many), biggest first.
        hot_parents: parents that are placed by name and their rows, biggest first.
        refusals: what the org would refuse.
        changes: what would land in another form than it is sent in, with a code of "".
        target_rows: records under the spec's scope that the org holds already.
        compared: None where both sides hold too many to be compared key by key.
        ungroupable: distributions with more values than an org tells.
        request_s: how long one call to the org takes, policy time.
    """

    rows: int
    keyless_rows: int
    ambiguous_keys: int
    key_ends: tuple[str, str] | None
    partition_rows: Mapping[str, int]
    parents: Sequence[tuple[int, int]]
    hot_parents: Sequence[tuple[str, int]]
    lanes: LaneMap
    probe: Probe
    parent_object: str
    target_rows: int
    limits: OrgLimits
    jobs_at_work: Mapping[str, int]
    unfilled_fields: Sequence[str]
    refusals: Sequence[ExpectedRefusal]
    request_s: float
    source_calls: SourceCalls | None = None
    changes: Sequence[ExpectedRefusal] = ()
    compared: KeysCompared | None = None
    ungroupable: Sequence[str] = ()
    only_updates: bool = False

    @property
    def parents_total(self) -> int:
        """Parents that have rows."""
        return sum(parents for _, parents in self.parents)

    @property
    def biggest_parent_rows(self) -> int:
        """Rows of the biggest parent; 0 without parents."""
        return max((rows for rows, _ in self.parents), default=0)

    @property
    def parentless_rows(self) -> int:
        """Rows that name no parent."""
        return self.rows - sum(rows * parents for rows, parents in self.parents)

    @property
    def new_rows(self) -> int:
        """Rows that will become new records, by key or else by count."""
        if self.only_updates:
            return 0
        return _rows_without_record(self.rows, self.target_rows, self.compared)


@dataclass(frozen=True, slots=True)
class BothSidesAsked:
    """Where a survey asks.

    Attributes:
        described: what the org says of the fields.
        kinds: of the source's columns.
    """

    source: Source
    source_facts: SourceFacts
    target: Target
    org: OrgFacts
    clock: Clock
    described: TargetDescription = UNDESCRIBED
    kinds: Mapping[str, ValueKind] = field(default_factory=dict[str, ValueKind])
    long_query: Slot = nullcontext


def survey(spec: LoadSpec, sides: BothSidesAsked) -> Survey:
    """Ask both sides; nothing is sent."""
    rows, keyless_rows = sides.source.rows_total()
    has_case = sides.described.has_case(spec.target.external_id)
    lanes, hot = lanes_for(spec, sides.source, rows)
    has_parents = spec.source.parent is not None
    limits, request_s = _timed_limits(sides)
    with sides.long_query(rows):
        target_rows = sides.target.count(EVERYTHING)
    broken = _broken_rules(spec, sides)
    compared = _compared(spec, sides, rows, target_rows)
    only_updates = spec.target.operation == "update"
    refusals = [*(one for one in broken if one.code), *_without_parents(spec, sides)]
    if only_updates and (new := _rows_without_record(rows, target_rows, compared)):
        refusals.append(_not_found(spec, new))
    return Survey(
        rows=rows,
        keyless_rows=keyless_rows,
        ambiguous_keys=len(sides.source.ambiguous_keys(with_case=has_case)),
        key_ends=sides.source_facts.key_ends(),
        partition_rows={key: sides.source.count(one) for key, one in spec.ranges.items()},
        parents=sides.source_facts.rows_per_parent() if has_parents else (),
        hot_parents=hot,
        lanes=lanes,
        probe=_probe(spec, sides),
        parent_object=sides.described.locked_by(spec.parent_target) or spec.target.object,
        target_rows=target_rows,
        limits=limits,
        jobs_at_work=sides.org.jobs_at_work(),
        unfilled_fields=unfilled_fields(spec, sides.described),
        refusals=refusals,
        request_s=request_s,
        source_calls=sides.source_facts.calls,
        changes=[one for one in broken if not one.code],
        compared=compared,
        ungroupable=_ungroupable(spec, sides),
        only_updates=only_updates,
    )


def _probe(spec: LoadSpec, sides: BothSidesAsked) -> Probe:
    began_s = sides.clock.now_s()
    page = next(iter(sides.source.pages(next(iter(spec.ranges.values())))), None)
    seconds = sides.clock.now_s() - began_s
    return Probe(0, seconds) if page is None else _probed(spec, page, seconds)


def _probed(spec: LoadSpec, page: pl.DataFrame, seconds: float) -> Probe:
    return Probe(page.height, seconds, rewritten_values(page, spec))


def _timed_limits(sides: BothSidesAsked) -> tuple[OrgLimits, float]:
    """Ask for the limits a few times: the first call opens the connection."""
    limits, seconds = OrgLimits(), list[float]()
    for _ in range(CALLS_TIMED):
        began_s = sides.clock.now_s()
        limits = sides.org.limits()
        seconds.append(sides.clock.now_s() - began_s)
    return limits, median(seconds)


def _broken_rules(spec: LoadSpec, sides: BothSidesAsked) -> list[ExpectedRefusal]:
    rules = rules_of(spec, sides.described, sides.kinds)
    if not rules:
        return []
    counts = sides.source_facts.count_breaking(rules)
    return [
        ExpectedRefusal(rule.code, rule.target, rows, rule.why, rule.remedy)
        for rule, rows in zip(rules, counts, strict=True)
        if rows
    ]


def _without_parents(spec: LoadSpec, sides: BothSidesAsked) -> Iterator[ExpectedRefusal]:
    """Look up the parents of each reference; those that are rows of the same load may be absent."""
    for column in spec.columns:
        filled = sides.described.filled_by(column.target)
        if filled.parent is None or filled.parent.name == spec.target.object:
            continue
        named = NamedParent(filled.parent.name, filled.path.field)
        found = sides.source_facts.most_frequent(column.source, PARENTS_ASKED_MAX)
        absent = set(sides.org.absent(named, [parent for parent, _ in found]))
        missing = [(parent, rows) for parent, rows in found if parent in absent]
        if missing:
            listed = _listed([parent for parent, _ in missing], len(missing))
            why = f"the org has no {named.object} {listed}."
            rows = sum(rows for _, rows in missing)
            yield ExpectedRefusal(NO_PARENT, column.target, rows, why, "Load the parents first.")


def _rows_without_record(rows: int, target_rows: int, compared: KeysCompared | None) -> int:
    return max(0, rows - (target_rows if compared is None else compared.known_rows))


def _not_found(spec: LoadSpec, rows: int) -> ExpectedRefusal:
    """Rows that become dead letters because the load creates no record."""
    why = "the org has no such record, and target.operation is update."
    remedy = "If they are to be created, leave target.operation out."
    return ExpectedRefusal(NO_RECORD, spec.target.external_id, rows, why, remedy)


def _listed(names: Sequence[str], total: int) -> str:
    more = f" and {total - NAMED:,} more" if total > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _compared(
    spec: LoadSpec, sides: BothSidesAsked, rows: int, records: int
) -> KeysCompared | None:
    """Compare the keys of both sides, as the org compares them."""
    if records == 0:
        return KeysCompared(0, 0, ())
    if rows + records > KEYS_READ_MAX:
        return None
    folds = str if sides.described.has_case(spec.target.external_id) else str.casefold
    there = {folds(key): key for key in sides.org.external_ids(records)}
    ours = Counter(folds(key) for key in sides.source_facts.external_ids())
    foreign = sorted(there[key] for key in there.keys() - ours.keys())
    known = sum(rows for key, rows in ours.items() if key in there)
    return KeysCompared(known, len(foreign), tuple(foreign[:NAMED]))


def _ungroupable(spec: LoadSpec, sides: BothSidesAsked) -> list[str]:
    """Return the distributions with more values than an org groups by."""
    return [
        target
        for target in spec.checks.distributions
        if len(sides.source_facts.most_frequent(spec.source_of(target), GROUPS_MAX + 1))
        > GROUPS_MAX
    ]
