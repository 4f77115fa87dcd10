"""Proposes which column fills which field: by name, and only where the values can fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dc_assets.core.first_spec.names import plain
from dc_assets.core.first_spec.sides import SourceSide
from dc_assets.core.spec import NUMBERS, ColumnType
from dc_assets.core.target_fields import TargetField, TargetObject
from dc_assets.core.value_kinds import OF_TARGET, ValueKind, is_possible, right_type

NO_PARTNER = "no field is called so"
NOT_A_PERSONS = "Data Cloud added it, or its name cannot stand in a spec"


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column on its way.

    Attributes:
        target: as a spec writes it, such as `Name` or `Account.Key__c`.
        note: what a person should know of it.
    """

    source: str
    target: str
    type: ColumnType = "text"
    scale: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NameMatches:
    """What goes where, and why the rest does not."""

    columns: tuple[MappedColumn, ...]
    left: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a field is not filled although a column is called like it."""

    is_so: Callable[[TargetField, ValueKind], bool]
    reason: str


OBSTACLES = (
    Obstacle(lambda field, _: field.type == "id", "the org gives the record id"),
    Obstacle(lambda field, _: field.calculated is True, "the org computes {field}"),
    Obstacle(lambda field, _: field.auto_number is True, "the org numbers {field}"),
    Obstacle(
        lambda field, _: field.createable is False and field.updateable is False,
        "our user may not write {field}; the org alone may fill it",
    ),
    Obstacle(
        lambda field, _: field.createable is False,
        "{field} cannot be set on a new record",
    ),
    Obstacle(
        lambda field, _: field.updateable is False and not field.is_required,
        "{field} cannot be changed on a record that is there",
    ),
    Obstacle(
        lambda field, _: right_type(field.type) is None,
        "no value of a row becomes a {type} field",
    ),
    Obstacle(
        lambda field, kind: not is_possible(kind, OF_TARGET.get(field.type, "unknown")),
        "it holds {kind} values, and {field} is a {type} field",
    ),
)
"""The first that is so is said."""


def obstacle(field: TargetField, kind: ValueKind) -> str | None:
    """Return why a column of a kind cannot fill a field; None if it can."""
    for one in OBSTACLES:
        if one.is_so(field, kind):
            return one.reason.format(field=field.name, type=field.type, kind=kind)
    return None


def _called_in_short(column: str, field: str, owner: str) -> bool:
    """Tell whether a column leaves out the word name, as `last` for LastName does."""
    own = column.removeprefix(owner)
    return own != "" and own + "name" == field


RANKS: tuple[Callable[[str, str, str], bool], ...] = (
    lambda column, field, _: column == field,
    lambda column, field, _: column.casefold() == field.casefold(),
    lambda column, field, _: plain(column) == plain(field),
    lambda column, field, owner: plain(column) == plain(owner) + plain(field),
    lambda column, field, owner: _called_in_short(plain(column), plain(field), plain(owner)),
)
"""How alike the names of a column and of a field of an object are, the surest first."""


def likeness(column: str, field: str, owner: str) -> int | None:
    """Return how alike two names are, 0 for the same; None if they are not.

    >>> likeness("Name__c", "Name", "Account"), likeness("account_name", "Name", "Account")
    (2, 3)
    """
    if not plain(column):
        return 0 if column == field else None
    return next((rank for rank, fits in enumerate(RANKS) if fits(column, field, owner)), None)


def mapped_by_name(side: SourceSide, target: TargetObject, taken: Mapping[str, str]) -> NameMatches:
    """Propose a field for each column that is called like one; lookups are left to `references`.

    ``taken`` are fields by the columns that fill them already. The likest pair goes first, so no
    field is filled twice.
    """
    fields, left = dict[str, TargetField](), dict[str, str]()
    fills = {field: column for column, field in taken.items()}
    for column, field in _pairs(side, target):
        if column in taken or column in fields:
            continue
        if field.name in fills:
            left.setdefault(column, f"{field.name} is filled by {fills[field.name]}")
        elif (reason := obstacle(field, side.kinds[column])) is not None:
            left.setdefault(column, reason)
        else:
            fields[column], fills[field.name] = field, column
    ordered = [(column, fields[column]) for column in side.columns if column in fields]
    free = [field for field in target.fields.values() if field.name not in fills]
    return NameMatches(
        tuple(_filled(column, field, _others(column, free)) for column, field in ordered),
        {column: reason for column, reason in left.items() if column not in fields},
    )


def _pairs(side: SourceSide, target: TargetObject) -> Sequence[tuple[str, TargetField]]:
    """Return columns and fields that are called alike, the likest first."""

    def found() -> Iterator[tuple[int, str, TargetField]]:
        for column in side.columns:
            for field in target.fields.values():
                rank = likeness(column, field.name, target.name)
                if rank is not None and field.type != "reference":
                    yield rank, column, field

    return [(column, field) for _, column, field in sorted(found(), key=lambda pair: pair[0])]


def _others(column: str, free: Sequence[TargetField]) -> str:
    """Say which fields a column could as well fill."""
    also = [
        field.name
        for field in free
        if plain(field.name) == plain(column) and obstacle(field, "text") is None
    ]
    return f"{' and '.join(also)} would fit too" if also else ""


def _filled(column: str, field: TargetField, note: str) -> MappedColumn:
    kind = right_type(field.type) or "text"
    scale = field.scale if kind in NUMBERS else None
    return MappedColumn(column, field.name, kind, scale, note)


def reasons_left(
    side: SourceSide, columns: Sequence[MappedColumn], reasons: Mapping[str, str]
) -> Mapping[str, str]:
    """Return every column of the source that is not loaded, and why."""
    loaded, ours = {column.source for column in columns}, set(side.columns)
    return {
        name: reasons.get(name, NO_PARTNER) if name in ours else NOT_A_PERSONS
        for name in side.kinds
        if name not in loaded
    }
