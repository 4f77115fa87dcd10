"""What the org lets us do: host, clock, sign-in, scopes, version, permissions, limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dc_assets.core.api_version import API_VERSION, TESTED_VERSION
from dc_assets.core.errors import RejectedRequest
from dc_assets.core.examination import Seen, not_asked, ok, red, warned
from dc_assets.core.run_events import unheard
from dc_assets.ledger.clock import SystemClock
from dc_assets.salesforce.answers import Limit
from dc_assets.salesforce.causes import CLOCK_OFF_S_MAX, NO_API_ACCESS
from dc_assets.salesforce.jwt_bearer import JwtBearer
from dc_assets.salesforce.org_access import (
    API_SCOPE,
    DATA_CLOUD_SCOPE,
    data_spaces,
    first_jobs,
    has_scope,
    limits_of,
    permissions_of,
    scopes_of,
)
from dc_assets.salesforce.org_facts import organization
from dc_assets.salesforce.reach import Reached, reach
from dc_assets.salesforce.served_versions import check_version
from dc_assets.salesforce.session import OrgSession
from dc_assets.wiring.doctor.subject import NOT_ASKED, Subject, opened

RETRY_WAIT_S_MAX = 0.2
"""Somebody waits for the examination: calls are tried again at once, and not for minutes."""

SCOPES_ARE_SET = (
    "In Setup, External Client App Manager > the app > Settings > OAuth Settings > OAuth Scopes: "
)
SCOPE_NAMES = {
    API_SCOPE: "Manage user data via APIs (api)",
    DATA_CLOUD_SCOPE: "Perform ANSI SQL queries on Data Cloud data (cdp_query_api)",
}
"""As Setup calls them."""

LOW_SHARE = 0.1
PERMISSIONS_ARE_SET = (
    "In Setup, Permission Sets > the integration user's > System Permissions: select "
)
PERMISSIONS = {"ApiEnabled": "API Enabled", "ViewSetup": "View Setup and Configuration"}
"""Names of UserPermissionAccess, and of Setup. The Bulk API asks for no other than API Enabled."""


def login_host(subject: Subject) -> Iterator[Seen]:
    """Reach the host that is signed in at; no secret is sent."""
    url = opened(subject.seen.login).login_url
    subject.seen.reached = reach(url)
    yield ok(_reached(subject.seen.reached))


def _reached(found: Reached) -> str:
    return f"{found.host} answers ({found.way})"


def clock(subject: Subject) -> Iterator[Seen]:
    """Compare our clock with the login host's: an assertion is good for three minutes."""
    ahead_s = opened(subject.seen.reached).clock_ahead_s
    if ahead_s is None:
        yield not_asked("The login host does not tell its time.")
    elif abs(ahead_s) <= CLOCK_OFF_S_MAX:
        yield ok(f"{abs(ahead_s):.0f} s from the org's")
    else:
        way = "behind" if ahead_s > 0 else "ahead of"
        text = f"This machine's clock is {abs(ahead_s):,.0f} s {way} the org's."
        is_jwt = isinstance(opened(subject.seen.login).credential, JwtBearer)
        remedy = "Set the clock (NTP): timedatectl set-ntp true"
        yield red(text, remedy) if is_jwt else warned(text, remedy)


def sign_in(subject: Subject) -> Iterator[Seen]:
    """Sign in; the version of the API is looked at apart from it."""
    login = replace(opened(subject.seen.login), api_version=TESTED_VERSION)
    session = OrgSession.connect(login, sleep=_briefly, note=unheard)
    subject.cleanup.enter_context(session)
    subject.seen.session = session
    yield ok(f"org {session.org_id}, user {session.user_id}")


def _briefly(seconds: float) -> None:
    SystemClock().sleep(min(seconds, RETRY_WAIT_S_MAX))


def api_scope(subject: Subject) -> Iterator[Seen]:
    """Look for the scope of REST and Bulk API."""
    yield _scope(subject, API_SCOPE)


def data_cloud_scope(subject: Subject) -> Iterator[Seen]:
    """Look for the scope of Data Cloud's queries."""
    if not subject.data_spaces:
        yield not_asked(NOT_ASKED)
        return
    yield _scope(subject, DATA_CLOUD_SCOPE)


def _scope(subject: Subject, name: str) -> Seen:
    scopes = scopes_of(opened(subject.seen.session))
    if not scopes:
        return not_asked("The sign-in does not tell the scopes of its token.")
    if has_scope(scopes, name):
        return ok("granted")
    return red(
        f"The app has the scopes {', '.join(sorted(scopes))}.",
        f"{SCOPES_ARE_SET}add {SCOPE_NAMES[name]}, and wait ten minutes.",
    )


def api_version(subject: Subject) -> Iterator[Seen]:
    """Look for our version in the org's list."""
    session, login = opened(subject.seen.session), opened(subject.seen.login)
    asked = replace(session, org=replace(session.org, version=login.api_version))
    check_version(asked.org)
    subject.seen.session = asked
    if login.api_version == TESTED_VERSION:
        yield ok(f"{TESTED_VERSION}, the tested one")
    else:
        yield warned(
            f"{login.api_version} is served, and {TESTED_VERSION} is the tested version.",
            f"Unset {API_VERSION} unless you need the other one.",
        )


def api_access(subject: Subject) -> Iterator[Seen]:
    """Make the first call with the token."""
    org = opened(subject.seen.session).org
    org.ask("GET", org.api, dict[str, object])
    yield ok("REST calls are let in")


def org(subject: Subject) -> Iterator[Seen]:
    """Say which org it is."""
    found = organization(opened(subject.seen.session))
    subject.seen.organization = found
    name = f" {found.name!r}" if found.name else ""
    text = f"{found}{name}{f' on {found.instance}' if found.instance else ''}"
    if found.kind.is_production:
        yield warned(text, "A load into it asks once: dc-assets run --production")
    else:
        yield ok(text)


def permissions(subject: Subject) -> Iterator[Seen]:
    """Ask for the system permissions of the user who signs in."""
    try:
        found = permissions_of(opened(subject.seen.session), list(PERMISSIONS))
    except RejectedRequest:
        yield not_asked("The org does not tell them (UserPermissionAccess).")
        return
    if found.get("ApiEnabled") is False:
        yield red("Our user lacks API Enabled.", NO_API_ACCESS)
    if found.get("ViewSetup") is False:
        yield warned(
            "Our user lacks View Setup and Configuration: what is left of the org's day is seen "
            "of API calls alone.",
            f"{PERMISSIONS_ARE_SET}View Setup and Configuration.",
        )
    if had := [PERMISSIONS[name] for name, has in found.items() if has]:
        yield ok(", ".join(had))


def limits(subject: Subject) -> Iterator[Seen]:
    """Ask what is left of the org's day, and of its storage."""
    session = opened(subject.seen.session)
    try:
        found = limits_of(session)
    except RejectedRequest:
        left = session.org.usage.api_calls_left
        known = "" if left is None else f" {left:,} API calls are left."
        yield not_asked(f"Only a user with View Setup and Configuration sees them.{known}")
        return
    yield _left("API calls of the day", found.api_requests)
    yield _left("ingest batches of the day", found.batches)
    yield _left("MB of data storage", found.storage_mb)


def _left(what: str, limit: Limit) -> Seen:
    if limit.left is None:
        return not_asked(f"The org does not tell its {what}.")
    most = "" if limit.max is None else f" of {limit.max:,}"
    text = f"{limit.left:,}{most} {what} are left"
    remedy = "Wait until the rolling 24 hours have passed, or buy more (Company Information)."
    if "storage" in what:
        remedy = "Free storage, or buy more: Setup, Storage Usage. A record takes 2 KB."
    if limit.left <= 0:
        return red(f"{text}.", remedy)
    if limit.max is not None and limit.left < limit.max * LOW_SHARE:
        return warned(f"{text}.", remedy)
    return ok(text)


def bulk_api(subject: Subject) -> Iterator[Seen]:
    """List the ingest jobs of the org: the first call of the Bulk API, and it opens none."""
    yield ok(f"jobs can be listed, {first_jobs(opened(subject.seen.session)):,} on the first page")


def data_space(subject: Subject) -> Iterator[Seen]:
    """Look for the data spaces of the specs among those that our user sees."""
    wanted = subject.data_spaces
    if not wanted:
        yield not_asked(NOT_ASKED)
        return
    there = data_spaces(opened(subject.seen.session))
    if there is None:
        yield not_asked("The org does not list its data spaces: the exchange of tokens tells.")
        return
    known = {name.casefold() for name in there}
    for name in wanted:
        if name.casefold() in known:
            yield ok(name)
        else:
            listed = ", ".join(sorted(there)) or "none"
            yield red(
                f"Our user sees no data space {name}; it sees {listed}.",
                "Correct source.data_space of the spec, or in Data Cloud Setup, Data Spaces > "
                f"{name} > Permission Sets: add the integration user's.",
            )
