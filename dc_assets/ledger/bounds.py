"""Which bounds each scheme of a spec had: the same key never means other rows.

Why: `docs/adr/0044-the-life-of-a-load.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.tables import load, scheme_bounds


class OtherBounds(ConfigError):
    """The spec has other bounds than the ledger knows under the same scheme."""


def keep_bounds(connection: Connection, spec: LoadSpec) -> None:
    """Keep the bounds of a scheme with its first load.

    Raises:
        OtherBounds: the scheme had other ones.
    """
    refuse_other_bounds(connection, spec)
    if _bounds(connection, spec) is None:
        _insert(connection, spec.name, spec.partitions.scheme, spec.partitions.upper_bounds)


def refuse_other_bounds(connection: Connection, spec: LoadSpec) -> None:
    """Let nobody ask or send under a key that meant other rows.

    Raises:
        OtherBounds: the ledger knows other bounds under the scheme of the spec.
    """
    known = _bounds(connection, spec)
    if known is not None and known != list(spec.partitions.upper_bounds):
        raise OtherBounds(_sentence(spec, known))


def remember_bounds(connection: Connection) -> None:
    """Take the bounds of loads of an older program from the specs that it kept with them."""
    rows = connection.execute(
        sa.select(load.c.spec_name, load.c.spec_json)
        .where(load.c.spec_json.is_not(None))
        .order_by(load.c.opened_at)
    )
    newest: dict[tuple[str, int], list[str]] = {}
    for row in rows:
        partitions = json.loads(row.spec_json)["partitions"]
        newest[row.spec_name, partitions["scheme"]] = partitions["upper_bounds"]
    for (spec_name, scheme), bounds in newest.items():
        _insert(connection, spec_name, scheme, bounds)


def _insert(connection: Connection, spec_name: str, scheme: int, bounds: Sequence[str]) -> None:
    values = {"spec_name": spec_name, "scheme": scheme, "bounds": json.dumps(list(bounds))}
    connection.execute(scheme_bounds.insert().values(values))


def _bounds(connection: Connection, spec: LoadSpec) -> list[str] | None:
    kept = connection.execute(
        sa.select(scheme_bounds.c.bounds)
        .where(scheme_bounds.c.spec_name == spec.name)
        .where(scheme_bounds.c.scheme == spec.partitions.scheme)
    ).scalar()
    return None if kept is None else json.loads(kept)


def _sentence(spec: LoadSpec, known: Sequence[str]) -> str:
    scheme = spec.partitions.scheme
    return (
        f"Scheme {scheme} of {spec.name} had other bounds in its earlier loads ({_told(known)}), "
        f"so a key such as r{scheme}-01 would mean other rows. Put those bounds back, or write "
        f"scheme: {scheme + 1} above the new ones: dc-assets plan {spec.name} --write-ranges N "
        "does that."
    )


def _told(bounds: Sequence[str]) -> str:
    """Name the first bounds.

    >>> _told(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    first = ", ".join(repr(bound) for bound in bounds[:3])
    more = len(bounds) - 3
    return f"{first} and {more} more" if more > 0 else first or "none"
