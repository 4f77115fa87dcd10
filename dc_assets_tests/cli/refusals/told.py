"""The calls and the shapes of refusals, and what has to come of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets_tests.fakes.between import Planted

TOKEN = r"^POST /services/oauth2/token$"
EXCHANGE = r"^POST /services/a360/token$"
TENANT = r"^POST /api/v2/query$"
DESCRIBE = r"^GET /services/data/v[0-9.]+/sobjects/Opportunity/describe$"
LIMITS = r"^GET /services/data/v[0-9.]+/limits$"
SOQL = r"^GET /services/data/v[0-9.]+/query$"
CREATE = r"^POST /services/data/v[0-9.]+/jobs/ingest$"
UPLOAD = r"^PUT /services/data/v[0-9.]+/jobs/ingest/\w+/batches$"
CLOSE = r"^PATCH /services/data/v[0-9.]+/jobs/ingest/\w+$"
POLL = r"^GET /services/data/v[0-9.]+/jobs/ingest/\w+$"
RESULTS = r"^GET /services/data/v[0-9.]+/jobs/ingest/\w+/successfulResults$"
QUERY_JOB = r"^POST /services/data/v[0-9.]+/jobs/query$"
QUERY_POLL = r"^GET /services/data/v[0-9.]+/jobs/query/\w+$"
QUERY_PAGE = r"^GET /services/data/v[0-9.]+/jobs/query/\w+/results$"

PLAN, RUN, CHECKS = "plan", "run --local", "reconcile"

PAGE_OF_HTML = "<html><body>Sign in to the guest network</body></html>"
HTML = {"Content-Type": "text/html"}
NEW_HOME = {"Location": "https://acme-new.my.salesforce.com/services/x"}
ELSEWHERE = {"Location": "https://portal.example/login"}


def error(code: str, message: str = "no reason") -> list[dict[str, str]]:
    """Return a refusal in the shape of the REST API."""
    return [{"message": message, "errorCode": code}]


def oauth(code: str, message: str = "") -> dict[str, str]:
    """Return a refusal in the shape of OAuth."""
    return {"error": code, "error_description": message}


def tenant(message: str, code: str = "COMMON_ERROR_GENERIC") -> dict[str, str]:
    """Return a refusal in the shape of Data Cloud."""
    return {"error": code, "message": message, "internalErrorCode": code}


@dataclass(frozen=True)
class Told:
    """One answer, and what has to come of it.

    Attributes:
        name: of the answer, for people.
        command: what is run; the answer is planted for it.
        says: parts of what the product prints; the cause and the remedy.
        code: how the command ends.
        never: what must not be said, such as the blame of somebody else.
        calls_max: of the call that was answered so.
        is_hunt: another line of the table has the same cause, and this one costs a whole load.
    """

    name: str
    command: str
    planted: Planted
    says: Sequence[str]
    code: int
    never: Sequence[str] = ()
    calls_max: int = 1_000
    is_hunt: bool = False


LIMIT = "REQUEST_LIMIT_EXCEEDED"
AT_ONCE = error(LIMIT, "ConcurrentPerOrgLongTxn Limit exceeded.")
THE_DAY = error(LIMIT, "TotalRequests Limit exceeded.")
NO_SPEC = ("source.object", "the spec")
MOVED_SAID = ("has moved to https://acme-new.my.salesforce.com", "SF_LOGIN_URL")
