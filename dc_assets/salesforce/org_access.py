"""What the signed-in user may do in the org, and what the org has of Data Cloud; all is read.

Sources: UserPermissionAccess, Object Reference for the Salesforce Platform (the permissions of the
user who asks); Dataspace, as the query drivers of Data Cloud ask for it; OAuth scopes, Salesforce
help "OAuth Tokens and Scopes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dc_assets.core.errors import HostRefuses, RejectedRequest
from dc_assets.salesforce.answers import Answer, Description, JobLine, Limits, RecordPage
from dc_assets.salesforce.session import OrgSession

API_SCOPE, DATA_CLOUD_SCOPE = "api", "cdp_query_api"
FULL_SCOPE = "full"
"""Holds all others but the one for refresh tokens."""


def scopes_of(session: OrgSession) -> frozenset[str]:
    """Return the scopes of the session; empty if whoever gave it did not say."""
    return frozenset(session.tokens.token().scope.split())


def has_scope(scopes: frozenset[str], name: str) -> bool:
    """Tell whether a scope is among those of a token.

    >>> has_scope(frozenset({"full"}), "api"), has_scope(frozenset({"id"}), "api")
    (True, False)
    """
    return bool({name, FULL_SCOPE} & scopes)


class _Record(Answer, extra="allow"):
    """Any record of a query."""


def _records(session: OrgSession, query: str) -> Sequence[Mapping[str, Any]]:
    org = session.org
    found = org.ask_pages(f"{org.api}/query", _Record, params={"q": query})
    return [one.model_extra or {} for one in found]


def permissions_of(session: OrgSession, wanted: Sequence[str]) -> Mapping[str, bool]:
    """Return those of some permissions that the org knows, and whether our user has them."""
    org = session.org
    url = f"{org.api}/sobjects/UserPermissionAccess/describe"
    known = {one.name for one in org.ask("GET", url, Description).fields_}
    fields = [f"Permissions{name}" for name in wanted if f"Permissions{name}" in known]
    if not fields:
        return {}
    query = f"SELECT {', '.join(fields)} FROM UserPermissionAccess"  # noqa: S608 - SOQL of names
    for record in _records(session, query):
        return {name.removeprefix("Permissions"): record.get(name) is True for name in fields}
    return {}


def data_spaces(session: OrgSession) -> Sequence[str] | None:
    """Return the names of the data spaces that our user sees; None if the org does not tell."""
    try:
        found = _records(session, "SELECT Name FROM Dataspace")
    except HostRefuses:
        raise
    except RejectedRequest:
        return None
    return [str(record.get("Name") or "") for record in found]


def first_jobs(session: OrgSession) -> int:
    """Count the ingest jobs on the first page of their list, of any user: up to 1,000."""
    org = session.org
    return len(org.ask("GET", f"{org.api}/jobs/ingest", RecordPage[JobLine]).records)


def limits_of(session: OrgSession) -> Limits:
    """Ask what is left of the org's day and storage.

    Raises:
        RejectedRequest: our user lacks View Setup and Configuration.
    """
    return session.org.ask("GET", f"{session.org.api}/limits", Limits)
