"""What we ask of the org: which one it is, keys and parents that are there, limits, jobs running.

Source: Query and Limits, REST API Developer Guide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from dc_assets.core.errors import AccessRefused, HostRefuses, LimitReached, RejectedRequest
from dc_assets.core.ingest_job import TERMINAL, JobState
from dc_assets.core.organization import Organization, OrgKind, kind_of
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight.survey import NamedParent, OrgLimits
from dc_assets.salesforce.answers import Limits, OrganizationAnswer, unexpected
from dc_assets.salesforce.bulk_ingest import list_ingest_jobs
from dc_assets.salesforce.bulk_query import query_records
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql_queries import TargetQueries, parents_named, text

LIST_CHARS_MAX = 12_000
"""A URL may have 16,384 bytes (REST API Developer Guide)."""

PAGED_MAX = 20_000
"""Records that are read in pages of 2,000; more are read by a query job."""


ORGANIZATION = "SELECT Id, Name, IsSandbox, InstanceName, OrganizationType FROM Organization"


def organization(session: OrgSession) -> Organization:
    """Ask which org this is, by one query; one that does not say is taken for production.

    Source: Organization, Object Reference for the Salesforce Platform.
    """
    org = session.org
    try:
        url = f"{org.api}/query"
        found = list(org.ask_pages(url, OrganizationAnswer, params={"q": ORGANIZATION}))
    except RejectedRequest as error:
        if isinstance(error, HostRefuses) and not isinstance(error, AccessRefused):
            raise
        found = []
    told = found[0] if found else OrganizationAnswer()
    kind = OrgKind.UNREADABLE
    if told.is_sandbox is not None:
        kind = kind_of(is_sandbox=told.is_sandbox, edition=told.edition)
    host = org.client.base_url.host
    return Organization(session.org_id, host, kind, told.name, told.instance)


class SalesforceFacts:
    """The facts of one org for one load spec."""

    def __init__(self, session: OrgSession, spec: LoadSpec) -> None:
        self._session = session
        self._spec = spec

    def absent(self, parent: NamedParent, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org does not have; none if it cannot be asked."""
        try:
            found = self._found(parent, names)
        except RejectedRequest:
            return []
        return [name for name in names if name.casefold() not in found]

    def present(self, parent: NamedParent, names: Sequence[str]) -> Sequence[str]:
        """Return those of some parents that the org has; none if it cannot be asked."""
        try:
            found = self._found(parent, names)
        except RejectedRequest:
            return []
        return [name for name in names if name.casefold() in found]

    def _found(self, parent: NamedParent, names: Sequence[str]) -> set[str]:
        field, found = parent.field, set[str]()
        for listed in _in_queries(names):
            query = parents_named(parent.object, field, listed)
            found |= {key.casefold() for key in self._values(query, field)}
        return found

    def external_ids(self, records: int) -> Sequence[str]:
        """Return the external ids of our records; of many by a query job, which costs few calls."""
        key, query = self._spec.target.external_id, TargetQueries(self._spec).external_ids()
        if records <= PAGED_MAX:
            return list(self._values(query, key))
        pages = query_records(self._session.org.patient(), query, [key])
        return [one for page in pages for one in page.get_column(key)]

    def limits(self) -> OrgLimits:
        """Ask what is left; without the permission View Setup only the API calls are known."""
        org = self._session.org
        try:
            limits = org.ask("GET", f"{org.api}/limits", Limits)
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

    def _values(self, query: str, field: str) -> Iterator[str]:
        """Yield the values of a field that a query finds."""
        org = self._session.org
        url = f"{org.api}/query"
        for record in org.ask_pages(url, dict[str, object], params={"q": query}):
            value = record.get(field)
            if not isinstance(value, str):
                raise unexpected(org.replayed("GET", url), f"a record without {field}")
            yield value


def _in_queries(names: Sequence[str]) -> Iterator[str]:
    """Yield lists of quoted names, each as long as a URL may be."""
    listed, chars = list[str](), 0
    for name in names:
        quoted = text(name)
        chars += len(quote(quoted)) + len(quote(", "))
        if listed and chars > LIST_CHARS_MAX:
            yield ", ".join(listed)
            listed, chars = [], len(quote(quoted))
        listed.append(quoted)
    if listed:
        yield ", ".join(listed)
