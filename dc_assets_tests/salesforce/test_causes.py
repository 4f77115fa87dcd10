"""Each line of the table of causes, met by an answer of its own."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dc_assets.core.errors import (
    AccessRefused,
    AuthExpired,
    LimitReached,
    RejectedRequest,
    RemoteError,
    TooManyAtOnce,
    TransientRemoteError,
    UnexpectedAnswer,
    WrongHost,
)
from dc_assets.salesforce.causes import CAUSES, UNKNOWN, Refusal, cause_of

LOGIN, EXCHANGE = "/services/oauth2/token", "/services/a360/token"
USER_INFO = "/services/oauth2/userinfo"
REST, TENANT = "/services/data/v64.0/query", "/api/v2/query"
LIMIT = "REQUEST_LIMIT_EXCEEDED"
NOT_REST = "This session is not valid for use with the REST API"

ANSWERS: Mapping[Refusal, tuple[type[RemoteError], str]] = {
    Refusal(LOGIN, 400, "unknown_error", "retry your request"): (TransientRemoteError, ""),
    Refusal(LOGIN, 400, "invalid_grant", "invalid assertion", clock_off_s=7200.0): (
        RejectedRequest,
        "set the clock",
    ),
    Refusal(LOGIN, 400, "invalid_client_id", "m"): (RejectedRequest, "consumer key"),
    Refusal(LOGIN, 401, "invalid_client", "m"): (RejectedRequest, "consumer secret"),
    Refusal(LOGIN, 400, "invalid_grant", "no client credentials user enabled"): (
        RejectedRequest,
        "name a Run As user",
    ),
    Refusal(LOGIN, 400, "invalid_grant", "request not supported on this domain"): (
        RejectedRequest,
        "My Domain alone",
    ),
    Refusal(LOGIN, 400, "unsupported_grant_type", "m"): (RejectedRequest, "Flow Enablement"),
    Refusal(LOGIN, 400, "invalid_grant", "expired authorization code"): (
        RejectedRequest,
        "set the clock",
    ),
    Refusal(LOGIN, 400, "invalid_grant", "invalid assertion", clock_off_s=100.0): (
        RejectedRequest,
        "SF_PRIVATE_KEY is not the key",
    ),
    Refusal(LOGIN, 400, "invalid_grant", "audience is invalid"): (
        RejectedRequest,
        "Correct SF_JWT_AUDIENCE",
    ),
    Refusal(LOGIN, 400, "invalid_grant", "user hasn't approved this consumer"): (
        RejectedRequest,
        "Admin approved users are pre-authorized",
    ),
    Refusal(LOGIN, 400, "invalid_app_access", "user is not admin approved to access this app"): (
        RejectedRequest,
        "permission set that the Run As user has",
    ),
    Refusal(LOGIN, 400, "inactive_user", "m"): (RejectedRequest, "activate the user"),
    Refusal(LOGIN, 400, "invalid_grant", "ip restricted"): (RejectedRequest, "IP ranges"),
    Refusal(LOGIN, 400, "inactive_org", "m"): (RejectedRequest, "administrator"),
    Refusal(USER_INFO, 403, "", "Forbidden"): (RejectedRequest, "sf org login web"),
    Refusal(REST, 429, LIMIT, "TotalRequests Limit exceeded."): (TransientRemoteError, ""),
    Refusal(REST, 403, LIMIT, "ConcurrentPerOrgLongTxn Limit exceeded.", 0): (
        TooManyAtOnce,
        "at once",
    ),
    Refusal(REST, 403, LIMIT, "TotalRequests Limit exceeded.", 9): (LimitReached, "24 hours"),
    Refusal(REST, 403, LIMIT, "Limit exceeded.", 9): (TooManyAtOnce, "at once"),
    Refusal(REST, 403, LIMIT, "Limit exceeded.", 0): (LimitReached, "24 hours"),
    Refusal(REST, 400, "LIMIT_EXCEEDED", "m"): (LimitReached, "jobs"),
    Refusal(REST, 503, "QUERY_TIMEOUT", "m"): (RejectedRequest, ""),
    Refusal(REST, 503, "", "Service Unavailable"): (TransientRemoteError, ""),
    Refusal(TENANT, 400, "E", "Please try again later"): (TransientRemoteError, ""),
    Refusal(LOGIN, 404, "", "Not Found"): (WrongHost, "SF_LOGIN_URL"),
    Refusal(EXCHANGE, 404, "NOT_FOUND", "m"): (WrongHost, "no Data Cloud tenant"),
    Refusal(EXCHANGE, 400, "E", "Couldn't find CDP tenant ID"): (WrongHost, "no Data Cloud tenant"),
    Refusal(TENANT, 404, "NOT_FOUND", "m"): (WrongHost, "Query API"),
    Refusal("/api/v3/query", 404, "NOT_FOUND", "m"): (WrongHost, "source.api of the spec to v2"),
    Refusal("/api/v3/query/q", 404, "NOT_FOUND", "m"): (RejectedRequest, ""),
    Refusal(REST, 403, "", "Forbidden"): (AccessRefused, "proxy or firewall"),
    Refusal(REST, 404, "", "Not Found"): (UnexpectedAnswer, "proxy or firewall"),
    Refusal(LOGIN, 401, "E", "m"): (RejectedRequest, "SF_CLIENT_ID, SF_CLIENT_SECRET"),
    Refusal(EXCHANGE, 401, "invalid_grant", "m"): (RejectedRequest, "cdp_query_api"),
    Refusal(REST, 403, "API_DISABLED_FOR_ORG", "m"): (AccessRefused, "API Enabled"),
    Refusal(REST, 401, "INVALID_SESSION_ID", NOT_REST): (AccessRefused, "API Enabled"),
    Refusal(REST, 401, "INVALID_SESSION_ID", "m"): (AuthExpired, ""),
    Refusal(TENANT, 403, "E", "m"): (AccessRefused, "cdp_query_api"),
    Refusal(REST, 403, "INSUFFICIENT_ACCESS", "m"): (AccessRefused, "permission"),
    Refusal(REST, 404, "NOT_FOUND", "m"): (RejectedRequest, ""),
    Refusal(f"{TENANT}/batch", 404, "NOT_FOUND", "m"): (RejectedRequest, ""),
    Refusal(REST, 400, "MALFORMED_QUERY", "m"): (RejectedRequest, ""),
}


@pytest.mark.parametrize("refusal", ANSWERS, ids=str)
def test_an_answer_is_of_its_cause(refusal: Refusal) -> None:
    """Kind and remedy, by status, code, words and path."""
    kind, remedy = ANSWERS[refusal]
    cause = cause_of(refusal)
    assert cause.kind is kind
    assert remedy in cause.remedy
    assert bool(remedy) is bool(cause.remedy)


def test_every_line_of_the_table_is_met() -> None:
    """A line that no answer reaches is hidden by another one, or was never tried."""
    met = [cause_of(refusal) for refusal in ANSWERS]
    assert [cause for cause in CAUSES if cause not in met] == []
    assert UNKNOWN in met
