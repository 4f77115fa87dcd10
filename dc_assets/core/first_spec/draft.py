"""A first spec as proposed: its settings, and what a person should know of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dc_assets.core.first_spec.keys import fact_of
from dc_assets.core.first_spec.mapping import MappedColumn, obstacle
from dc_assets.core.first_spec.names import modified_rank
from dc_assets.core.first_spec.sides import Candidate, Choice, SourcePlace, SourceSide
from dc_assets.core.lanes import NEVER_LOCKED
from dc_assets.core.source_costs import source_costs
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetField, TargetObject, TargetPath

ROWS_A_PARTITION = 400_000
PARTITIONS_MAX = 99


def partitions_for(rows: int) -> int:
    """Return into how many partitions a source is cut.

    >>> partitions_for(0), partitions_for(500_000), partitions_for(2_000_000)
    (1, 1, 5)
    """
    return min(PARTITIONS_MAX, max(1, round(rows / ROWS_A_PARTITION)))


def modification_column(side: SourceSide) -> str | None:
    """Return the column with the time of a row's last change, if one is called so."""
    ranked = [
        (rank, name)
        for name, kind in side.kinds.items()
        if kind == "datetime" and (rank := modified_rank(name)) is not None
    ]
    return min(ranked)[1] if ranked else None


def read_by_refresh(modified: str | None) -> Mapping[str, str]:
    """Return why the modification column is not loaded; it may be, as well."""
    return {} if modified is None else {modified: "refresh.modified names it, below"}


def lane_columns(columns: Sequence[MappedColumn], target: TargetObject) -> Sequence[str]:
    """Return the columns that name parents whose records are locked with the rows."""
    found: list[str] = []
    for column in columns:
        path = TargetPath.of(column.target)
        lookup = target.lookup(path.relationship) or target.fields.get(path.field)
        if column.type != "reference" or lookup is None:
            continue
        leads_home = target.name in lookup.reference_to
        if not leads_home and lookup.relationship_name not in NEVER_LOCKED:
            found.append(column.source)
    return found


def lane_choice(columns: Sequence[MappedColumn], facts: Mapping[str, str]) -> Choice:
    """Propose the column that decides the lanes; of several only a person knows."""
    targets = {column.source: column.target for column in columns}
    candidates = [Candidate(name, f"{targets[name]}, {fact}") for name, fact in facts.items()]
    return Choice(
        question="Whose records do writers wait for? Rows of one parent are written one after "
        "another, so the column decides the lanes; take the parent with triggers, roll-ups or "
        "many rows.",
        option="--parent",
        candidates=tuple(candidates),
        best=candidates[0].name if len(candidates) == 1 else None,
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that a first spec says.

    Attributes:
        key_fact: what was measured of the key.
        left: columns that are not loaded, and why.
        lanes: what may be the parent; `parent` is what was chosen.
        modified: source column with the time of a row's last change.
        rows: of the source.
    """

    name: str
    place: SourcePlace
    key: str
    key_fact: str
    target: TargetObject
    external_id: str
    columns: tuple[MappedColumn, ...]
    left: Mapping[str, str]
    lanes: Choice
    parent: str | None
    bounds: tuple[str, ...] = ()
    modified: str | None = None
    rows: int = 0

    @property
    def filled(self) -> frozenset[str]:
        """Fields that a column fills, and relationships."""
        paths = [TargetPath.of(column.target) for column in self.columns]
        return frozenset(path.relationship or path.field for path in paths)

    @property
    def required(self) -> Sequence[str]:
        """Fields without which a new record is refused, and no column fills them."""
        return self.target.unfilled(self.filled)

    @property
    def empty(self) -> Sequence[TargetField]:
        """Fields that our user may write and no column fills."""
        return [
            field
            for field in self.target.fields.values()
            if not {field.name, field.relationship_name} & self.filled
            and obstacle(field, "text") is None
        ]

    @property
    def distributions(self) -> tuple[str, ...]:
        """The picklist whose value counts are compared: a required one first."""
        fields = [
            self.target.fields[column.target]
            for column in self.columns
            if column.type == "picklist" and column.target in self.target.fields
        ]
        groupable = [field for field in fields if field.groupable is not False]
        chosen = sorted(groupable, key=lambda field: not field.is_required)
        return tuple(field.name for field in chosen[:1])

    @property
    def external_id_fact(self) -> str:
        """What the org says of the external id."""
        return fact_of(self.target.fields[self.external_id])

    @property
    def questions(self) -> Sequence[str]:
        """What only a person can know, a sentence each."""
        asked = [
            f"{self.target.name}.{name} is required, and no column is called so: add a column for "
            "it, or give the field a default in the org."
            for name in self.required
        ]
        if self.parent is None and self.lanes.is_open:
            named = " or ".join(self.lanes.names)
            asked.append(f"Which column decides the lanes, {named}? Name it in source.parent.")
        return asked

    @property
    def look_every_s(self) -> int | None:
        """Seconds between two looks where the default would be dear; None where it is not."""
        costs = source_costs(self._spec_with({}), self.rows)
        return costs.look_every_s_min if costs is not None and costs.is_dear else None

    def spec(self) -> LoadSpec:
        """Return the spec that the text says."""
        return self._spec_with({"look_every_s": self.look_every_s})

    def _spec_with(self, refresh: Mapping[str, object]) -> LoadSpec:
        columns = [
            {
                "source": one.source,
                "target": one.target,
                "type": one.type,
                "scale": one.scale,
            }
            for one in self.columns
        ]
        return LoadSpec.model_validate(
            {
                "name": self.name,
                "source": {**self.place.settings(), "key": self.key, "parent": self.parent},
                "target": {"object": self.target.name, "external_id": self.external_id},
                "columns": tuple(columns),
                "partitions": {"scheme": 1, "upper_bounds": self.bounds},
                "checks": {"distributions": self.distributions},
                "refresh": {"modified": self.modified, **refresh},
            }
        )
