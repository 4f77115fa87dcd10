"""Where the rows of a load come from and go to, in Dagster's words: assets, columns, links.

Dagster accepts several definitions of one external asset only when they are equal. So what defines
a source names nothing of the load that reads it, except in a code location that knows all loads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import dagster as dg

from dc_assets.core.printable import markdown_code, printable
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE, SourceSpec
from dc_assets.core.spec import ColumnSpec, LoadSpec

if TYPE_CHECKING:
    import httpx

GROUP = "sources"
KINDS = {"datacloud": "datacloud", "files": "file", "database": "sql"}
"""Of a source, by the first part of its key."""

SCHEMA, LINEAGE = "dagster/column_schema", "dagster/column_lineage"
ROWS, URI = "dagster/row_count", "dagster/uri"
KEY = dg.TableColumnConstraints(nullable=False, unique=True)

Metadata = Mapping[str, dg.MetadataValue]


def source_key(source: SourceSpec) -> dg.AssetKey:
    """Return the key of what a load reads.

    Files are called like the last part of their path that names one, whatever folder it is in.

    >>> source_key(SourceSpec(object="Things__dlm", key="Key__c")).to_user_string()
    'datacloud/Things__dlm'
    >>> source_key(SourceSpec(files="/data/places/*.parquet", key="id")).to_user_string()
    'files/places'
    >>> text = '{"sql": {"url": "$WAREHOUSE_URL", "table": "sales.accounts"}, "key": "id"}'
    >>> source_key(SourceSpec.model_validate_json(text)).to_user_string()
    'database/sales_accounts'
    """
    if source.sql is not None:
        return dg.AssetKey(
            ["database", _fit(source.sql.table or _query_name(source.sql.query or ""))]
        )
    if source.object is None:
        parts = PurePath(source.files or "").parts
        named = [part for part in parts if not set("*?[") & set(part)] or ["files"]
        return dg.AssetKey(["files", _fit(PurePath(named[-1]).stem)])
    space = [] if source.data_space == DEFAULT_DATA_SPACE else [source.data_space]
    return dg.AssetKey(["datacloud", *space, _fit(source.object)])


def _query_name(query: str) -> str:
    """Return a name of a query, which has none: another query is another source."""
    return f"query_{hashlib.sha256(query.encode()).hexdigest()[:8]}"


def _fit(name: str) -> str:
    """Return a name in the signs that Dagster has for names."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def source_assets(specs: Iterable[LoadSpec], *, know_all: bool = False) -> Sequence[dg.AssetSpec]:
    """Return one external asset for each source of some loads.

    It has the columns that the loads read when they ``know_all`` loads of the code location.
    """
    readers: dict[dg.AssetKey, list[LoadSpec]] = {}
    for spec in specs:
        readers.setdefault(source_key(spec.source), []).append(spec)
    return [
        dg.AssetSpec(
            key,
            group_name=GROUP,
            kinds={KINDS[key.path[0]]},
            description=f"{markdown_code(key.path[-1])} as loads read it. Their sensors "
            "`<load>_changes` tell its rows, and a new version of it when they see that rows "
            "changed; nothing is told while they are stopped.",
            metadata=source_columns(of) if know_all else {},
        )
        for key, of in readers.items()
    ]


def source_columns(readers: Sequence[LoadSpec]) -> Metadata:
    """Return the columns of a source as far as the loads that read it know them."""
    types: dict[str, set[str]] = {}
    uses: dict[str, list[str]] = {}
    for spec in readers:
        for column in spec.columns:
            types.setdefault(column.source, set()).add(column.type)
            used = markdown_code(f"{spec.target.object}.{column.target}")
            uses.setdefault(column.source, []).append(f"{used} of {spec.name}")
        if spec.refresh.modified is not None:
            types.setdefault(spec.refresh.modified, set()).add("datetime")
            uses.setdefault(spec.refresh.modified, []).append(f"time of a change, to {spec.name}")
    columns = [
        dg.TableColumn(printable(name), " or ".join(sorted(of)), description=", ".join(uses[name]))
        for name, of in types.items()
    ]
    return {SCHEMA: dg.MetadataValue.table_schema(dg.TableSchema(columns))}


def target_columns(spec: LoadSpec) -> Metadata:
    """Return the fields that a load fills, and the column of the source that each comes from."""
    source = source_key(spec.source)
    lineage = {
        printable(column.target): [dg.TableColumnDep(source, printable(column.source))]
        for column in spec.columns
    }
    fields = [_field(spec, column) for column in spec.columns]
    return {
        SCHEMA: dg.MetadataValue.table_schema(dg.TableSchema(fields)),
        LINEAGE: dg.MetadataValue.column_lineage(dg.TableColumnLineage(lineage)),
    }


def _field(spec: LoadSpec, column: ColumnSpec) -> dg.TableColumn:
    is_key = column.target == spec.target.external_id
    return dg.TableColumn(
        printable(column.target),
        column.type,
        description=f"from {markdown_code(column.source)}",
        constraints=KEY if is_key else None,
    )


def records_uri(org_url: httpx.URL, spec: LoadSpec) -> dg.MetadataValue:
    """Return the address of the list view of the target object, in the org of a run."""
    return dg.MetadataValue.url(str(org_url.join(f"/lightning/o/{_fit(spec.target.object)}/list")))
