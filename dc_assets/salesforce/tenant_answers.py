"""The shapes of answers of a Data Cloud tenant, by the same rules as those of an org.

Sources: "Query API V2", "Query API V3" and "Metadata API" of the Data 360 documentation.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from dc_assets.salesforce.answers import Answer, CamelAnswer, Named, StrictCount


class EntityList(Answer):
    """The objects of a Data Cloud tenant that our user sees."""

    metadata: list[Named]


class EntityField(CamelAnswer):
    """One field of an object in Data Cloud; its types are spelt in several ways."""

    name: str
    type: str | None = None
    business_type: str | None = None


class Entity(CamelAnswer):
    """An object of a Data Cloud tenant with its fields."""

    name: str
    fields_: list[EntityField] | None = Field(default=None, alias="fields")
    primary_keys: list[Named] | None = None


class Entities(Answer):
    """Objects of a Data Cloud tenant with their fields."""

    metadata: list[Entity]


class ColumnAnswer(CamelAnswer):
    """One column of a page; its place is left out by some servers."""

    place_in_order: StrictCount | None = None
    type: str | None = None


class DataPage(CamelAnswer):
    """One page of a query in Data Cloud; its cells are looked at by column.

    The parser unpacks the base64 of a stream while it reads it, which takes a third of the time.

    Attributes:
        row_count: of this page; None where it is left out.
    """

    model_config = ConfigDict(val_json_bytes="base64")

    row_count: StrictCount | None = None
    metadata: dict[str, ColumnAnswer]
    data: list[list[Any]] | None = None
    arrow_stream: bytes | None = None
    done: bool | None = None
    next_batch_id: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether no page follows; some servers say so by naming none."""
        return self.next_batch_id is None if self.done is None else self.done


def _unwrapped(value: object) -> object:
    """Take a status out of an answer that has it inside."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value).get("status") or cast("object", value)
    return value


def _plain(word: object) -> object:
    """Return a word without what differs between Query Connect API and Query API V3."""
    return word.lower().replace("_", "") if isinstance(word, str) else word


CompletionStatus = Annotated[
    Literal["running", "runningorunspecified", "resultsproduced", "finished"],
    BeforeValidator(_plain),
]


class QueryStatus(CamelAnswer):
    """How far a query of Query API V3 is; some versions write it inside of an answer.

    Attributes:
        chunk_count: chunks that can be read by now.
        row_count: rows of all chunks, once it has all of them.
    """

    query_id: str
    completion_status: CompletionStatus
    chunk_count: StrictCount = 0
    row_count: StrictCount = 0

    _inner = model_validator(mode="before")(_unwrapped)

    @property
    def has_all_rows(self) -> bool:
        """Whether no more chunks come; a query is finished some time after its last one."""
        return self.completion_status in {"resultsproduced", "finished"}


class NamedColumn(Answer):
    """One column of an answer of Query API V3."""

    name: str
    type: str | None = None


class ColumnList(Answer):
    """The columns of an answer, in the order of the query."""

    columns: list[NamedColumn]


class DescribedRows(Answer):
    """An answer of Query API V3 of which the columns are read."""

    metadata: ColumnList
