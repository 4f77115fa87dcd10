"""What a plan asks of the org: rules of fields, limits, jobs running.

Source: sObject Describe and Limits, REST API Developer Guide. What describe leaves out gives no
rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dc_assets.core.errors import LimitReached, RejectedRequest
from dc_assets.core.ingest_job import TERMINAL, JobState
from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetPath
from dc_assets.load.preflight import FieldRule, OrgLimits
from dc_assets.salesforce import soql
from dc_assets.salesforce.answers import Limits, RecordPage, unexpected
from dc_assets.salesforce.bulk_ingest import list_ingest_jobs
from dc_assets.salesforce.describe import locked_object
from dc_assets.salesforce.session import API, OrgSession

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url"})

KEPT_AS_THEY_ARE = frozenset({"text", "picklist", "reference"})
"""Types of columns whose blanks are sent, unless the spec strips them."""

PARENTS_A_QUERY = 20
"""A URL may have 16,384 bytes (REST API Developer Guide), an external id 255 characters."""


class SalesforceFacts:
    """The facts of one org for one load spec."""

    def __init__(self, session: OrgSession, spec: LoadSpec, described: TargetDescription) -> None:
        self._session = session
        self._spec = spec
        self._described = described

    @property
    def parent_object(self) -> str:
        """The object whose records are locked with the rows."""
        return locked_object(self._described, self._spec)

    def rules(self) -> Sequence[FieldRule]:
        """Return the rules of the fields that columns of the spec fill."""
        return [rule for column in self._spec.columns for rule in self._rules_of(column)]

    def unfilled_fields(self) -> Sequence[str]:
        """Return required fields that no column fills: every new record would be refused."""
        filled = {
            path.relationship or path.field
            for path in (column.path for column in self._spec.columns)
        }
        return [
            name
            for name, field in self._described.object.fields.items()
            if field.is_required and not {name, field.relationship_name} & filled
        ]

    def absent_parents(self, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org does not have; none if it cannot be asked."""
        path = TargetPath.of(self._spec.parent_target or "")
        if not path.relationship:
            return []
        field = path.field
        found: set[str] = set()
        for start in range(0, len(names), PARENTS_A_QUERY):
            listed = ", ".join(soql.text(name) for name in names[start : start + PARENTS_A_QUERY])
            query = f"SELECT {field} FROM {self.parent_object} WHERE {field} IN ({listed})"  # noqa: S608 - SOQL, and every value is quoted
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

    def _values(self, query: str, field: str) -> set[str]:
        """Return the values of a field that a query of one page finds, in lower case."""
        org = self._session.org
        answer = org.ask("GET", soql.QUERY_URL, RecordPage[dict[str, object]], params={"q": query})
        values = [record.get(field) for record in answer.records]
        if not all(isinstance(value, str) for value in values):
            raise unexpected(org.replayed("GET", soql.QUERY_URL), f"a record without {field}")
        return {str(value).casefold() for value in values}

    def _rules_of(self, column: ColumnSpec) -> Iterator[FieldRule]:
        filled = self._described.filled_by(column.target)
        field = filled.field
        if field is None:
            return
        strips = column.blanks == "strip" or column.type not in KEPT_AS_THEY_ARE
        if field.is_required:
            yield FieldRule(column.source, column.target, "required", strips=strips)
        if filled.path.relationship:
            return
        length, values = field.length, field.restricted_values
        if field.type in TEXT_TYPES and length:
            yield FieldRule(column.source, column.target, "length", length=length, strips=strips)
        if field.type == "picklist" and values:
            yield FieldRule(column.source, column.target, "picklist", values=values, strips=strips)
