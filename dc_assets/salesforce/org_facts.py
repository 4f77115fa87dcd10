"""What a plan asks of the org: rules of fields, limits, jobs running.

Source: sObject Describe and Limits, REST API Developer Guide. What describe leaves out gives no
rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from dc_assets.core.errors import LimitReached, RejectedRequest
from dc_assets.core.ingest_job import TERMINAL, JobState
from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.load.preflight import FieldRule, OrgLimits
from dc_assets.salesforce import soql
from dc_assets.salesforce.answers import DescribedField, Limits, RecordPage, unexpected
from dc_assets.salesforce.bulk_ingest import list_ingest_jobs
from dc_assets.salesforce.describe import fields_of
from dc_assets.salesforce.session import API, OrgSession

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url"})

KEPT_AS_THEY_ARE = frozenset({"text", "picklist", "reference"})
"""Types of columns whose blanks are sent, unless the spec strips them."""

PARENTS_A_QUERY = 20
"""A URL may have 16,384 bytes (REST API Developer Guide), an external id 255 characters."""


class SalesforceFacts:
    """The facts of one org for one load spec."""

    def __init__(self, session: OrgSession, spec: LoadSpec, parent_object: str) -> None:
        self._session = session
        self._spec = spec
        self._parent_object = parent_object

    @property
    def parent_object(self) -> str:
        """The object whose records are locked with the rows."""
        return self._parent_object

    def rules(self) -> Sequence[FieldRule]:
        """Return the rules of the fields that columns of the spec fill."""
        return [rule for column in self._spec.columns for rule in self._rules_of(column)]

    def unfilled_fields(self) -> Sequence[str]:
        """Return required fields that no column fills: every new record would be refused."""
        filled = {column.target.partition(".")[0] for column in self._spec.columns}
        return [
            name
            for name, field in self._fields.items()
            if _is_required(field) and not {name, field.relationship_name} & filled
        ]

    def absent_parents(self, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org does not have; none if it cannot be asked."""
        _, dot, field = (self._spec.parent_target or "").partition(".")
        if not dot:
            return []
        found: set[str] = set()
        for start in range(0, len(names), PARENTS_A_QUERY):
            listed = ", ".join(soql.text(name) for name in names[start : start + PARENTS_A_QUERY])
            query = f"SELECT {field} FROM {self._parent_object} WHERE {field} IN ({listed})"  # noqa: S608 - SOQL, and every value is quoted
            try:
                found |= self._values(query, field)
            except RejectedRequest:
                return []
        return [name for name in names if name.casefold() not in found]

    def limits(self) -> OrgLimits:
        """Ask what is left; without the permission View Setup only the API calls are known."""
        org = self._session.org
        try:
            limits = org.ask("GET", f"{API}/limits", Limits)
        except (LimitReached, RejectedRequest):
            return OrgLimits(api_calls_left=org.usage.api_calls_left)
        return OrgLimits(
            api_calls_left=limits.api_requests.left,
            api_calls_max=limits.api_requests.max,
            batches_left=limits.batches.left,
            batches_max=limits.batches.max,
            storage_left_mb=limits.storage_mb.left,
        )

    def jobs_at_work(self) -> Mapping[str, int]:
        """Count the ingest jobs of any user on the target object that are not over, by state."""
        over = {state.value for state in TERMINAL} | {JobState.OPEN.value}
        jobs, _ = list_ingest_jobs(self._session)
        target = self._spec.target.object
        return Counter(j.state for j in jobs if j.object_name == target and j.state not in over)

    @cached_property
    def _fields(self) -> Mapping[str, DescribedField]:
        return {field.name: field for field in fields_of(self._session, self._spec.target.object)}

    def _values(self, query: str, field: str) -> set[str]:
        """Return the values of a field that a query of one page finds, in lower case."""
        org = self._session.org
        answer = org.ask("GET", soql.QUERY_URL, RecordPage[dict[str, object]], params={"q": query})
        values = [record.get(field) for record in answer.records]
        if not all(isinstance(value, str) for value in values):
            raise unexpected(org.replayed("GET", soql.QUERY_URL), f"a record without {field}")
        return {str(value).casefold() for value in values}

    def _rules_of(self, column: ColumnSpec) -> Iterator[FieldRule]:
        relationship, dot, _ = column.target.partition(".")
        field = self._relation(relationship) if dot else self._fields.get(column.target)
        if field is None:
            return
        strips = column.blanks == "strip" or column.type not in KEPT_AS_THEY_ARE
        if _is_required(field):
            yield FieldRule(column.source, column.target, "required", strips=strips)
        if dot:
            return
        length = field.length
        if field.type in TEXT_TYPES and length:
            yield FieldRule(column.source, column.target, "length", length=length, strips=strips)
        values = tuple(entry.value for entry in field.picklist_values or () if entry.active)
        if field.type == "picklist" and field.restricted_picklist and values:
            yield FieldRule(column.source, column.target, "picklist", values=values, strips=strips)

    def _relation(self, relationship: str) -> DescribedField | None:
        found = (f for f in self._fields.values() if f.relationship_name == relationship)
        return next(found, None)


def _is_required(field: DescribedField) -> bool:
    """Tell whether a new record is refused without a value for a field."""
    return bool(field.createable) and field.nillable is False and field.defaulted_on_create is False
