"""What SOQL refuses though each of its words is right: clauses that do not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dc_assets.emulator.engines.soql.tokens import fail
from dc_assets.emulator.engines.soql.tree import Aggregate, Query


def check_shape(soql: str, query: Query) -> None:
    """Hold a query against the rules.

    Raises:
        APIError: MALFORMED_QUERY; the place is that of the object.
    """
    for breaks, text in RULES:
        if breaks(query):
            fail(soql, query.object_at, text)


def _aggregates(query: Query) -> Iterator[Aggregate]:
    for entry in query.items:
        if isinstance(entry.expression, Aggregate):
            yield entry.expression


def _counts_groups(query: Query) -> bool:
    return query.counts_rows and bool(query.group_by)


def _counts_in_order(query: Query) -> bool:
    return query.counts_rows and bool(query.order_by)


def _names_a_field(query: Query) -> bool:
    return not query.is_aggregate and any(entry.alias for entry in query.items)


def _cuts_the_whole(query: Query) -> bool:
    return not query.group_by and any(_aggregates(query)) and query.limit is not None


def _orders_the_whole(query: Query) -> bool:
    by_aggregate = any(isinstance(term.expression, Aggregate) for term in query.order_by)
    return by_aggregate and not query.group_by


RULES: tuple[tuple[Callable[[Query], bool], str], ...] = (
    (_counts_groups, "COUNT() can not be used with GROUP BY; use COUNT(fieldName)"),
    (_counts_in_order, "COUNT() can not be used with ORDER BY; use COUNT(fieldName)"),
    (_names_a_field, "only aggregate expressions use field aliasing"),
    (
        _cuts_the_whole,
        "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
    ),
    (
        _orders_the_whole,
        "Non-grouped query that uses overall aggregate functions cannot also use ORDER BY",
    ),
)
"""Shapes of a query that are refused, and what is said of each."""
