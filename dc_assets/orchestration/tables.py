"""Tables of the Dagster UI."""

from collections.abc import Mapping, Sequence

import dagster as dg

from dc_assets.core.printable import printable


def table_of(lines: Sequence[Mapping[str, str | int]]) -> dg.TableMetadataValue:
    """Return lines as a table of the UI; their texts show their controls."""
    records = [
        dg.TableRecord({k: printable(v) if isinstance(v, str) else v for k, v in line.items()})
        for line in lines
    ]
    return dg.MetadataValue.table(records)
