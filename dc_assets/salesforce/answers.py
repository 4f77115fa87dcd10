"""The shapes of answers: the one place that turns text from a server into values we rely on.

A field that Salesforce may leave out has a default here; one without default has to be there.
Text of other fields is passed over. Those of a Data Cloud tenant are in `tenant_answers`. Sources:
REST API and Bulk API 2.0 Developer Guides v66.
"""

from __future__ import annotations

import codecs
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from dc_assets.core.errors import UnexpectedAnswer
from dc_assets.core.ingest_job import JobState
from dc_assets.salesforce.origins import RECORD_ID

T = TypeVar("T")
Row = TypeVar("Row")

NUMBER_MAX = 2**53
"""Whole numbers up to here are the same in every JSON reader."""

RecordId = Annotated[str, StringConstraints(strict=True, pattern=RECORD_ID)]
Secret = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,16384}$")]
"""A token: it stands in a header, so it has neither blanks nor line ends."""

Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]
"""A whole number; older versions write it as text."""


def _whole(value: object) -> object:
    """Return a number without the ``.0`` that some servers write behind whole ones."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


StrictCount = Annotated[StrictInt, Field(ge=0, le=NUMBER_MAX), BeforeValidator(_whole)]
Milliseconds = Annotated[float, Field(ge=0, le=NUMBER_MAX, allow_inf_nan=False)]
Cell = str | int | float | bool | None
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text that may be null."""

Zero = BeforeValidator(lambda value: 0 if value is None or value == "" else value)


def _is_datable(moment: datetime) -> datetime:
    """Refuse moments that other time zones cannot name."""
    if not 1970 <= moment.year <= 9998:  # noqa: PLR2004 - what time zones leave of the calendar
        raise ValueError("a year out of range")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_is_datable)]


class Answer(BaseModel):
    """JSON whose names are in snake case, as OAuth writes them."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)


class CamelAnswer(Answer):
    """JSON whose names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class NewJob(CamelAnswer):
    """A job that was opened, closed or aborted."""

    id: RecordId


class JobAnswer(CamelAnswer):
    """One ingest job; a number that is left out in a state is 0."""

    id: RecordId
    state: JobState
    number_records_failed: Annotated[Count, Zero] = 0
    api_active_processing_time: Annotated[Milliseconds, Zero] = 0.0
    total_processing_time: Annotated[Milliseconds, Zero] = 0.0
    error_message: Text = ""
    system_modstamp: Moment | None = None


class QueryJob(CamelAnswer):
    """One query job."""

    state: JobState
    error_message: Text = ""


class JobLine(CamelAnswer):
    """One line of the list of jobs, of any kind and user."""

    id: RecordId
    object: str
    operation: str
    state: str
    external_id_field_name: Text = ""
    created_by_id: Text = ""
    created_date: Moment | None = None
    system_modstamp: Moment | None = None


class RecordPage(CamelAnswer, Generic[Row]):
    """A page of a list or of a SOQL query."""

    records: list[Row]
    done: bool
    next_records_url: str | None = None


class Total(CamelAnswer):
    """The answer of SELECT COUNT()."""

    total_size: StrictCount


class Group(Answer):
    """One line of a GROUP BY."""

    val: Cell
    n: StrictCount


class Identified(Answer):
    """A record of which the id was asked."""

    id: RecordId = Field(alias="Id")


class OrganizationAnswer(Answer):
    """The one record of Organization."""

    name: Text = Field(default="", alias="Name")
    is_sandbox: bool | None = Field(default=None, alias="IsSandbox")
    instance: Text = Field(default="", alias="InstanceName")
    edition: Text = Field(default="", alias="OrganizationType")


class PicklistValue(CamelAnswer):
    """One value of a picklist."""

    value: str
    active: bool


class DescribedField(CamelAnswer):
    """One field of an object; what describe leaves out is None."""

    name: str
    type: str | None = None
    length: Annotated[Count, Zero] = 0
    precision: Count | None = None
    scale: Count | None = None
    createable: bool | None = None
    updateable: bool | None = None
    nillable: bool | None = None
    defaulted_on_create: bool | None = None
    calculated: bool | None = None
    auto_number: bool | None = None
    external_id: bool | None = None
    id_lookup: bool | None = None
    unique: bool | None = None
    case_sensitive: bool | None = None
    filterable: bool | None = None
    groupable: bool | None = None
    encrypted: bool | None = None
    restricted_picklist: bool | None = None
    relationship_name: str | None = None
    reference_to: list[str] | None = None
    picklist_values: list[PicklistValue] | None = None


class Description(CamelAnswer):
    """An object and its fields."""

    name: Text = ""
    fields_: list[DescribedField] = Field(alias="fields")
    createable: bool | None = None
    updateable: bool | None = None


class Named(Answer):
    """A thing of which the name is read."""

    name: str


class ObjectList(Answer):
    """The objects of an org that our user sees."""

    sobjects: list[Named]


class Limit(Answer):
    """What is left of one limit; a limit may be overdrawn."""

    left: int | None = Field(default=None, alias="Remaining", ge=-NUMBER_MAX, le=NUMBER_MAX)
    max: int | None = Field(default=None, alias="Max", ge=-NUMBER_MAX, le=NUMBER_MAX)


NO_LIMIT = Limit()


class Limits(Answer):
    """The limits we ask for, where our user may see them."""

    api_requests: Limit = Field(default=NO_LIMIT, alias="DailyApiRequests")
    batches: Limit = Field(default=NO_LIMIT, alias="DailyBulkApiBatches")
    storage_mb: Limit = Field(default=NO_LIMIT, alias="DataStorageMB")


@cache
def _reader(shape: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type that pydantic knows
    return TypeAdapter(shape)


def read(shape: type[T], body: bytes, place: str) -> T:
    """Read a JSON body into a shape; ``place`` says who answered which call.

    Depth, numbers and encoding are bounded by the parser.

    Raises:
        UnexpectedAnswer: it is no JSON, which may pass, or JSON of another shape.
    """
    try:
        return _reader(shape).validate_json(body.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            what = "nothing" if not body.strip() else "no JSON, or JSON that is cut off"
            raise unexpected(place, what, is_whole=False) from None
        where = ".".join(str(step) for step in first["loc"]) or "the whole of it"
        is_whole = first["type"] != "bytes_invalid_encoding"  # base64 that was cut off or altered
        what = f"{where[:100]}: {first['msg']}"
        raise unexpected(place, what, is_whole=is_whole) from None


def unexpected(place: str, what: str, *, is_whole: bool = True) -> UnexpectedAnswer:
    """Return the one error of a wrong shape: ``place`` is "HOST answered CALL".

    An answer that is not ``is_whole`` may be better when it is asked for again.
    """
    return UnexpectedAnswer(f"{place} in an unexpected shape: {what}.", is_whole=is_whole)
