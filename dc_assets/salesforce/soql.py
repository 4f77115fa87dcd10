"""The target, asked in SOQL.

Counts go through REST /query: Bulk query jobs allow no aggregates (Bulk API 2.0 Developer Guide).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from dc_assets.core.errors import ConfigError, HostRefuses, RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.answers import Cell, Group, Total
from dc_assets.salesforce.bulk_query import query_records
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql_queries import TargetQueries


class SOQLTarget:
    """The spec's object in the org."""

    def __init__(self, session: OrgSession, spec: LoadSpec) -> None:
        self._org = session.org.patient()
        self._query_url = f"{self._org.api}/query"
        self._org_id = session.org_id
        self._spec = spec
        self._queries = TargetQueries(spec)

    @property
    def org_id(self) -> str:
        """The org's own id; it starts with 00D."""
        return self._org_id

    def count(self, id_range: IdRange) -> int:
        """Count the target rows whose external id lies in a range."""
        query = self._queries.count(id_range)
        return self._org.ask("GET", self._query_url, Total, params={"q": query}).total_size

    def check_scope(self) -> None:
        """Ask for no records under the spec's scope.

        Raises:
            ConfigError: the org refuses it.
        """
        scope = self._spec.target.scope
        params = {"q": self._queries.scope()}
        try:
            self._org.ask("GET", self._query_url, Total, params=params)
        except HostRefuses:
            raise
        except RejectedRequest as error:
            raise ConfigError(
                f"The org refuses the condition {scope}: {error}. Correct target.scope of the spec "
                f"{self._spec.name}: it is SOQL over {self._spec.target.object}."
            ) from error

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the target rows of a range by the value of a field."""
        query = self._queries.value_counts(field_name, id_range)
        groups = self._org.ask_pages(self._query_url, Group, params={"q": query})
        return {_as_text(group.val): group.n for group in groups}

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the target rows of a range: the spec's target fields, as text, in any order."""
        names = {column.path.queried: column.target for column in self._spec.columns}
        for page in query_records(self._org, self._queries.records(id_range), list(names)):
            if not page.is_empty():
                yield page.rename(names)


def _as_text(value: Cell) -> str | None:
    """Return a JSON value as the text that an ingest job would take."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
