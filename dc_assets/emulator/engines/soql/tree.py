"""What a SOQL query says, as values."""

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.emulator.engines.soql.tokens import SoqlToken


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field, or a field of a parent: ``("Account", "Name")``."""

    path: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """COUNT, COUNT_DISTINCT, MIN, MAX, SUM or AVG of a field."""

    function: str
    field: FieldRef
    at: int


Expression = FieldRef | Aggregate


@dataclass(frozen=True, slots=True)
class SelectItem:
    """One column of the answer."""

    expression: Expression
    alias: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator literal``; the operator in upper case."""

    left: Expression
    operator: str
    value: SoqlToken


@dataclass(frozen=True, slots=True)
class Membership:
    """``field [NOT] IN (literals)``."""

    left: Expression
    negated: bool
    values: tuple[SoqlToken, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """``NOT condition``."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND, or by OR."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | Membership | Negation | Junction


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One term of ORDER BY; nulls stand first unless the query says otherwise."""

    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One whole query. ``counts_rows`` says that it selects ``COUNT()`` and nothing else."""

    items: tuple[SelectItem, ...]
    counts_rows: bool
    object_name: str
    object_at: int
    alias: str
    where: Condition | None
    group_by: tuple[FieldRef, ...]
    having: Condition | None
    order_by: tuple[OrderItem, ...]
    limit: int | None
    offset: int

    @property
    def is_aggregate(self) -> bool:
        """Whether its rows are groups."""
        return bool(self.group_by) or any(
            isinstance(item.expression, Aggregate) for item in self.items
        )
