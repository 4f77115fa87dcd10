"""One look at both sides before a load: what there is to send, and what the org will make of it.

Nothing is sent and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, Protocol

import polars as pl

from dc_assets.core.lanes import LaneMap
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.rewritten import rewritten_values
from dc_assets.load.plan import lanes_for
from dc_assets.load.ports import Clock, Source, Target

EVERYTHING = IdRange(after=None, upto=None)
CALLS_TIMED = 3

RuleKind = Literal["required", "length", "picklist"]

CODES: dict[RuleKind, str] = {
    "required": "REQUIRED_FIELD_MISSING",
    "length": "STRING_TOO_LONG",
    "picklist": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
}
"""The code that Salesforce refuses a row with that breaks a rule."""

NO_PARENT = "INVALID_FIELD"
"""The code of a row whose parent is not there: "Foreign key external ID: … not found"."""

PARENTS_NAMED = 3


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the org's description says of a field that a source column fills.

    Attributes:
        length: most characters, for a rule of that kind.
        values: the values of a restricted picklist, for a rule of that kind.
        strips: whether blanks around a value are dropped before it is sent.
    """

    column: str
    target: str
    kind: RuleKind
    length: int = 0
    values: tuple[str, ...] = ()
    strips: bool = False

    @property
    def why(self) -> str:
        """What is wrong with a row that breaks the rule, and what to do."""
        match self.kind:
            case "required":
                return "it has no value. Fill it, or leave the rows out with source.where."
            case "length":
                return (
                    f"the text is longer than {self.length:,} characters. Shorten it, or lengthen "
                    "the field in the org."
                )
            case "picklist":
                return "the value is none of the restricted picklist. Fix it, or add it in the org."


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


class OrgFacts(Protocol):
    """What only a plan asks of the org."""

    @property
    def parent_object(self) -> str:
        """The object whose records are locked with the rows."""
        ...

    def rules(self) -> Sequence[FieldRule]:
        """Return the rules of the fields that columns of the spec fill."""
        ...

    def unfilled_fields(self) -> Sequence[str]:
        """Return required fields that no column fills: every new record would be refused."""
        ...

    def absent_parents(self, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org does not have; none if it cannot be asked."""
        ...

    def limits(self) -> OrgLimits:
        """Ask what is left."""
        ...

    def jobs_at_work(self) -> Mapping[str, int]:
        """Count the ingest jobs of any user on the target object that are not over, by state."""
        ...


@dataclass(frozen=True, slots=True)
class ExpectedRefusal:
    """Rows that the org would refuse, and why; the sentence begins in the middle."""

    code: str
    field: str
    rows: int
    why: str


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
class Survey:
    """What both sides say of a load.

    Attributes:
        key_ends: first and last key.
        partition_rows: rows of each partition.
        parents: (rows of one parent, how many parents have so many), biggest first.
        hot_parents: parents with a lane of their own and their rows, biggest first.
        refusals: what the org would refuse; of the parents, only the hot ones are looked up.
        target_rows: rows of ours that the org holds already.
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
        """Rows that will become new records."""
        return max(0, self.rows - self.target_rows)


@dataclass(frozen=True, slots=True)
class BothSidesAsked:
    """Where a survey asks."""

    source: Source
    source_facts: SourceFacts
    target: Target
    org: OrgFacts
    clock: Clock


def survey(spec: LoadSpec, sides: BothSidesAsked) -> Survey:
    """Ask both sides; nothing is sent."""
    rows, keyless_rows = sides.source.rows_total()
    lanes, hot = lanes_for(spec, sides.source, rows)
    has_parents = spec.source.parent is not None
    limits, request_s = _timed_limits(sides)
    return Survey(
        rows=rows,
        keyless_rows=keyless_rows,
        ambiguous_keys=len(sides.source.ambiguous_keys()),
        key_ends=sides.source_facts.key_ends(),
        partition_rows={key: sides.source.count(one) for key, one in spec.ranges.items()},
        parents=sides.source_facts.rows_per_parent() if has_parents else (),
        hot_parents=hot,
        lanes=lanes,
        probe=_probe(spec, sides),
        parent_object=sides.org.parent_object,
        target_rows=sides.target.count(EVERYTHING),
        limits=limits,
        jobs_at_work=sides.org.jobs_at_work(),
        unfilled_fields=sides.org.unfilled_fields(),
        refusals=[*_broken_rules(sides), *_without_parent(spec, sides, hot)],
        request_s=request_s,
        source_calls=sides.source_facts.calls,
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


def _broken_rules(sides: BothSidesAsked) -> list[ExpectedRefusal]:
    rules = sides.org.rules()
    if not rules:
        return []
    counts = sides.source_facts.count_breaking(rules)
    return [
        ExpectedRefusal(CODES[rule.kind], rule.target, rows, rule.why)
        for rule, rows in zip(rules, counts, strict=True)
        if rows
    ]


def _without_parent(
    spec: LoadSpec, sides: BothSidesAsked, hot: Sequence[tuple[str, int]]
) -> list[ExpectedRefusal]:
    """Look up the hot parents alone: they are few and have many of the rows."""
    absent = set(sides.org.absent_parents([parent for parent, _ in hot])) if hot else set[str]()
    if not absent:
        return []
    missing = [(parent, rows) for parent, rows in hot if parent in absent]
    named = ", ".join(parent for parent, _ in missing[:PARENTS_NAMED])
    more = f" and {len(missing) - PARENTS_NAMED} more" if len(missing) > PARENTS_NAMED else ""
    why = f"the org has no {sides.org.parent_object} {named}{more}. Load the parents first."
    field = spec.parent_target or ""
    return [ExpectedRefusal(NO_PARENT, field, sum(rows for _, rows in missing), why)]
