"""From the header of an upload to the fields its columns fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets.emulator.schema import Field, ObjectType, Schema
from dc_assets.emulator.stores.jobs import StoredJob

HEADER_CHARACTERS_MAX = 32_000


class BatchError(Exception):
    """A reason for which a whole job fails; the text is the job's ``errorMessage``."""


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """One column of an upload.

    ``parents`` and ``parent_field`` are set when the cell names a parent record: by a key in a
    relationship column, which is of one object; by an id in a reference column, which may point to
    several.
    """

    number: int
    header: str
    field: Field
    parents: tuple[ObjectType, ...] = ()
    parent_field: Field | None = None

    @property
    def cell(self) -> str:
        """The column of the staged table with its text."""
        return f"c{self.number}"


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What a job does with its columns: fixed once its header is read."""

    job: StoredJob
    item: ObjectType
    columns: tuple[BoundColumn, ...]
    key: BoundColumn | None
    """The column that finds records; None for insert."""

    @property
    def written(self) -> tuple[BoundColumn, ...]:
        """Columns that fill a field: all but the key of an update or delete, and the field Id."""
        return tuple(c for c in self.columns if c.field.type != "id")

    @property
    def unique(self) -> tuple[BoundColumn, ...]:
        """Columns whose values no second record may have, without the key."""
        return tuple(c for c in self.written if c.field.unique and c is not self.key)


def plan_of(job: StoredJob, header: Sequence[str], schema: Schema) -> QueryPlan:
    """The plan of a job with this header.

    Raises:
        BatchError: there is no such object, or what `bind` raises.
    """
    item = schema.find(job.object)
    if item is None:
        raise BatchError(f"InvalidJob : Unable to find object: {job.object}")
    return bind(job, item, header, schema)


def bind(job: StoredJob, item: ObjectType, header: Sequence[str], schema: Schema) -> QueryPlan:
    """Find the field of each column.

    Raises:
        BatchError: a column names no field or one that was named before, the column of the key
            is not there, or a delete has another column beside it.
    """
    _check_header(job, header)
    columns = tuple(_column(n, text, item, schema) for n, text in enumerate(header))
    return QueryPlan(job, item, columns, _key(job, item, columns))


def _check_header(job: StoredJob, header: Sequence[str]) -> None:
    if sum(map(len, header)) + len(header) > HEADER_CHARACTERS_MAX:
        raise BatchError(f"InvalidBatch : The header has over {HEADER_CHARACTERS_MAX} characters")
    names = Counter(name.lower() for name in header)
    twice = next((name for name in header if names[name.lower()] > 1), None)
    if twice is not None:
        raise BatchError(f"InvalidBatch : Duplicate field name : {twice}")
    if job.operation == "delete" and [name for name in names if name != "id"]:
        raise BatchError("InvalidBatch : Delete batch must contain only ids")


def _column(number: int, text: str, item: ObjectType, schema: Schema) -> BoundColumn:
    path, dot, field_name = text.rpartition(".")
    if not dot:
        field = item.field(text)
        if field is None:
            raise BatchError(f"InvalidBatch : Field name not found : {text}")
        parents = schema.parents_of(field)
        return BoundColumn(number, text, field, parents, parents[0].id_field if parents else None)
    kind, _, relation_name = path.rpartition(":")
    reference = item.relation(relation_name)
    parent = _parent(reference, kind, schema) if reference is not None else None
    found = parent.field(field_name) if parent else None
    if reference is None or parent is None or found is None or not found.has_key:
        raise BatchError(f"InvalidBatch : Field name not found : {text}")
    return BoundColumn(number, text, reference, (parent,), found)


def _parent(reference: Field, kind: str, schema: Schema) -> ObjectType | None:
    """The object a relationship column leads to; a lookup to several wants its name, no other."""
    if bool(kind) != reference.is_polymorphic:
        return None
    parents = schema.parents_of(reference)
    return next((p for p in parents if kind.lower() in {"", p.name.lower()}), None)


def _key(job: StoredJob, item: ObjectType, columns: tuple[BoundColumn, ...]) -> BoundColumn | None:
    if job.operation == "insert":
        return None
    wanted = job.external_id_field if job.operation == "upsert" else item.id_field.name
    for column in columns:
        if column.header.lower() == wanted.lower():
            return column
    raise BatchError(f"InvalidBatch : Field name not found : {wanted}")
