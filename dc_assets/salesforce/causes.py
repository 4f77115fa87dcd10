"""What a refusal means: by its status, its code and its words, whose fault it is and what helps.

One table, read from the top: the first line that fits decides. What no line fits was understood and
refused: the request itself is at fault. Codes: REST API Developer Guide v67 "Status Codes and Error
Responses", OAuth answers of Salesforce help, Query API of Data Cloud "Status Codes".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets.core.errors import (
    TOO_MUCH,
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

LOGIN_PATH = "/services/oauth2/token"
USER_INFO_PATH = "/services/oauth2/userinfo"
EXCHANGE_PATH = "/services/a360/token"
REST_PREFIX = "/services/data/"
"""Requests below it count against DailyApiRequests; logins and token exchanges do not."""
TENANT_PREFIX = "/api/"

CLOCK_OFF_S_MAX = 150.0
"""An assertion is good for three minutes, and is on its way for some seconds of them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no 2xx.

    Attributes:
        code: Salesforce's own; "" for an answer that is not in its shapes, such as a page of HTML.
        calls_left: what the host last said is left of its day; None if it never did.
        clock_off_s: by how much the host's clock and ours differ, as far as it told its time.
    """

    path: str
    status: int
    code: str
    message: str
    calls_left: int | None = None
    clock_off_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cause:
    """One line of the table: an answer that is all of this is of this kind.

    Attributes:
        statuses: empty for any.
        codes: empty for any; {""} for an answer without one.
        says: a pattern in code or message, without regard to case.
        at: a pattern that the path begins with.
        has_calls_left: whether the host must have said that its day is not used up.
        has_clock_off: whether the clocks must differ by more than an assertion bears.
        remedy: what is said behind the answer.
    """

    kind: type[RemoteError]
    remedy: str = ""
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    says: str = ""
    at: str = ""
    has_calls_left: bool = False
    has_clock_off: bool = False

    def fits(self, refusal: Refusal) -> bool:
        """Tell whether an answer is of this cause."""
        words = f"{refusal.code} {refusal.message}"
        return (
            (not self.statuses or refusal.status in self.statuses)
            and (not self.codes or refusal.code in self.codes)
            and re.match(self.at, refusal.path) is not None
            and (not self.says or re.search(self.says, words, re.IGNORECASE) is not None)
            and (not self.has_calls_left or (refusal.calls_left or 0) > 0)
            and (not self.has_clock_off or refusal.clock_off_s > CLOCK_OFF_S_MAX)
        )


def _any(*values: int) -> frozenset[int]:
    return frozenset(values)


UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY = 401, 403, 404, 429
NOT_THERE = _any(NOT_FOUND, 405, 410)
TRANSIENT_STATUSES = _any(420, TOO_MANY, 500, 502, 503, 504)
LIMIT = frozenset({"REQUEST_LIMIT_EXCEEDED"})
OF_A_DAY = frozenset({"EXCEEDEDQUOTA", "LIMIT_EXCEEDED"})
NO_API = frozenset({"API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG"})
UNREADABLE = frozenset({""})

DAY_IS_USED_UP = (
    "The org takes no more API calls now; its day is a rolling 24 hours. Run the same command "
    "again later: it resumes where it stopped."
)
JOBS_ARE_USED_UP = (
    "The org takes no more jobs of this kind now; its day is a rolling 24 hours. Run the same "
    "command again later: it resumes where it stopped."
)
TOO_MANY_AT_ONCE = (
    "That is too many requests at once, of all users of the org together, and not its day: it "
    "takes more when some of them end."
)
NO_API_ACCESS = "Give the integration user a profile or permission set with API Enabled."
NO_PERMISSION = (
    "Give the integration user (the app's Run As user) the permission on what was asked, and the "
    "app the scope api."
)
NO_DATA_CLOUD_PERMISSION = (
    "Give the app the scope cdp_query_api, and its Run As user access to Data Cloud and to the "
    "object's data space."
)
IN_BETWEEN = (
    "Salesforce's own refusals are JSON with a code, and this one is not: a proxy or firewall may "
    "have answered. Check the network, and the IP ranges that the user's profile allows."
)
NO_ORG = "Nothing of Salesforce answers there. Check SF_LOGIN_URL: it is the org's My Domain."
NO_TENANT = (
    "No Query API of Data Cloud answers there. Check that the org of SF_LOGIN_URL is the one with "
    "Data Cloud, and that its tenant is not being moved."
)
NO_QUERY_V3 = (
    "No Query API V3 of Data Cloud answers there. Set source.api of the spec to v2. If that is not "
    "answered either, check that the org of SF_LOGIN_URL is the one with Data Cloud."
)
NO_DATA_CLOUD = (
    "The org has no Data Cloud tenant. Check that SF_LOGIN_URL is the org with Data Cloud, and "
    "that it is set up there."
)
CHECK_THE_LOGIN = (
    "Check SF_LOGIN_URL (the org's My Domain), SF_CLIENT_ID, SF_CLIENT_SECRET or SF_PRIVATE_KEY, "
    "and the user of the External Client App."
)


POLICIES = "In Setup, External Client App Manager > the app > Policies > Edit"
APP_SETTINGS = "In Setup, External Client App Manager > the app > Settings > OAuth Settings"

WRONG_CLOCK = (
    "An assertion is good for three minutes, and this machine's clock is not the org's: set the "
    "clock (NTP), and run the same command again."
)
SF_HAS_A_DEAD_SESSION = (
    "The org takes the session of the sf CLI no more, and sf could not renew it. Sign in again: "
    "sf org login web --alias NAME, with the name in SF_CLI_ORG."
)


def _login(says: str, remedy: str) -> Cause:
    return Cause(RejectedRequest, remedy, at=LOGIN_PATH, says=says)


SIGNING_IN: Sequence[Cause] = (
    _login(
        "invalid_client_id|client identifier invalid",
        f"Correct SF_CLIENT_ID: it is the consumer key of the app. {APP_SETTINGS} > Consumer Key "
        "and Secret. A new app takes ten minutes until the org knows it.",
    ),
    _login(
        r"invalid_client\b|invalid client credentials",
        f"Correct SF_CLIENT_SECRET: it is the consumer secret of the app. {APP_SETTINGS} > "
        "Consumer Key and Secret.",
    ),
    _login(
        "no client credentials user",
        f"{POLICIES}: select Enable Client Credentials Flow, and name a Run As user.",
    ),
    _login(
        "not supported on this domain",
        "Correct SF_LOGIN_URL: the client credentials flow works at the org's My Domain alone, "
        "https://….my.salesforce.com. In Setup, My Domain shows it.",
    ),
    _login(
        "unsupported_grant_type|grant type not supported",
        f"{APP_SETTINGS} > Flow Enablement: select Enable Client Credentials Flow, or Enable JWT "
        "Bearer Flow if SF_PRIVATE_KEY is set.",
    ),
    Cause(
        RejectedRequest, WRONG_CLOCK, says="invalid assertion", has_clock_off=True, at=LOGIN_PATH
    ),
    _login("expired authorization code", WRONG_CLOCK),
    _login(
        "invalid assertion",
        "SF_PRIVATE_KEY is not the key of the app's certificate. "
        f"{APP_SETTINGS} > Enable JWT Bearer Flow: upload the certificate that was made with it.",
    ),
    _login(
        "audience is invalid",
        "Correct SF_JWT_AUDIENCE: it is https://login.salesforce.com, or for a sandbox "
        "https://test.salesforce.com. Unset, it is taken from SF_LOGIN_URL.",
    ),
    _login(
        "approved this consumer",
        "Check SF_USERNAME: a user that is not there is answered alike, and in a sandbox the name "
        f"ends with that of the sandbox. {POLICIES}: set Permitted Users to Admin approved users "
        "are pre-authorized, and select a permission set that the user has.",
    ),
    _login(
        "not admin approved|invalid_app_access",
        f"{POLICIES}: select a permission set that the Run As user has, among those whose users "
        "are pre-authorized.",
    ),
    _login(
        "inactive_user|user is inactive",
        "In Setup, Users: activate the user that signs in (the app's Run As user, or SF_USERNAME), "
        "or name another one.",
    ),
    _login(
        "ip restricted|ip not allowed",
        "Allow this machine's address in the profile's login IP ranges, or relax IP restrictions: "
        f"{POLICIES} > IP Relaxation.",
    ),
    _login(
        "inactive_org|org is locked", "The org is inactive or being moved: ask its administrator."
    ),
)
"""What a login is refused with, and what helps, in Setup's own words."""

CAUSES: Sequence[Cause] = (
    # Signing in: the org knows which of our settings, or of its own, is wrong.
    Cause(TransientRemoteError, at=LOGIN_PATH, says="retry your request|unknown_error"),
    *SIGNING_IN,
    Cause(RejectedRequest, SF_HAS_A_DEAD_SESSION, at=USER_INFO_PATH, statuses=_any(401, 403)),
    # Limits.
    Cause(TransientRemoteError, statuses=_any(TOO_MANY)),
    Cause(TooManyAtOnce, TOO_MANY_AT_ONCE, codes=LIMIT, says="Concurrent"),
    Cause(LimitReached, DAY_IS_USED_UP, codes=LIMIT, says="TotalRequests"),
    Cause(TooManyAtOnce, TOO_MANY_AT_ONCE, codes=LIMIT, has_calls_left=True),
    Cause(LimitReached, DAY_IS_USED_UP, codes=LIMIT),
    Cause(LimitReached, JOBS_ARE_USED_UP, codes=OF_A_DAY),
    # A query that is too big, whatever the status.
    Cause(RejectedRequest, codes=TOO_MUCH),
    # What passes.
    Cause(TransientRemoteError, statuses=TRANSIENT_STATUSES),
    Cause(TransientRemoteError, says=r"try again|temporarily|SERVER_UNAVAILABLE"),
    # Somebody else's words.
    Cause(WrongHost, NO_ORG, at=LOGIN_PATH, statuses=NOT_THERE),
    Cause(WrongHost, NO_DATA_CLOUD, at=EXCHANGE_PATH, statuses=NOT_THERE),
    Cause(WrongHost, NO_DATA_CLOUD, at=EXCHANGE_PATH, says="find CDP tenant"),
    Cause(WrongHost, NO_TENANT, at=f"{TENANT_PREFIX}v2/query$", statuses=NOT_THERE),
    Cause(WrongHost, NO_QUERY_V3, at=f"{TENANT_PREFIX}v3/query$", statuses=NOT_THERE),
    Cause(AccessRefused, IN_BETWEEN, statuses=_any(FORBIDDEN), codes=UNREADABLE),
    # Never "the job is not there": Salesforce says 404 with a code.
    Cause(UnexpectedAnswer, IN_BETWEEN, at=REST_PREFIX, statuses=_any(NOT_FOUND), codes=UNREADABLE),
    # Tokens and permissions.
    Cause(RejectedRequest, CHECK_THE_LOGIN, at=LOGIN_PATH),
    Cause(RejectedRequest, NO_DATA_CLOUD_PERMISSION, at=EXCHANGE_PATH),
    Cause(AccessRefused, NO_API_ACCESS, codes=NO_API),
    Cause(AccessRefused, NO_API_ACCESS, says="not valid for use with the REST API"),
    Cause(AuthExpired, statuses=_any(UNAUTHORIZED)),
    Cause(AccessRefused, NO_DATA_CLOUD_PERMISSION, at=TENANT_PREFIX, statuses=_any(FORBIDDEN)),
    Cause(AccessRefused, NO_PERMISSION, statuses=_any(FORBIDDEN)),
)

UNKNOWN = Cause(RejectedRequest)


def cause_of(refusal: Refusal) -> Cause:
    """Return the first cause that fits an answer; it was understood and refused if none does."""
    return next((cause for cause in CAUSES if cause.fits(refusal)), UNKNOWN)
