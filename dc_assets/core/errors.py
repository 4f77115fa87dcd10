"""The error tree, split by what the caller can do.

::

    DcError
    ├── ConfigError            the operator fixes a setting; nothing was changed
    │   └── SpoolLost              rows are on no disk any more, and cannot be read again
    ├── RemoteError            a server, or the way to it
    │   ├── TransientRemoteError   the same call may work later
    │   │   ├── AuthExpired            refused with a new token too; a later one may be accepted
    │   │   ├── TooManyAtOnce          a limit of the moment: the org takes more when others end
    │   │   └── UnexpectedAnswer       not an answer to this call: an outage, another server
    │   ├── LimitReached           a limit of the day: the same command works later
    │   └── RejectedRequest        the server understood and said no: the same call never works
    │       └── HostRefuses            no call of ours would work: not what was asked is at fault
    │           ├── AccessRefused          the user or the app lacks a permission
    │           ├── WrongHost              no org or tenant answers there, or somebody in between
    │           └── OrgMoved               the org has another address now
    ├── SourceIncomplete       the source gave fewer or more rows than it counted
    ├── SourceOutOfOrder       a page is not ordered by key, or leaves its range
    ├── UnsettledJob           the org's answers do not account for every row of a job
    ├── LedgerConflict         another run owns what this one wanted to write
    │   └── ParentsTaken           another load writes children of the same parents; wait for it
    ├── LedgerAway             the ledger does not answer; the same command resumes later
    ├── RunStopped             stopped on purpose; running again resumes where it stopped
    │   ├── BreakerOpened          jobs fail or rows are refused; sending more of the same is no use
    │   ├── BudgetReached          the org's daily allowance is down to the reserve
    │   ├── HostSilent             a host gave no good answer for a long time
    │   └── StoppedByOperator      `dc-assets stop`
    └── RowsPending            the run ended and rows have no outcome yet

A row that the org refuses is data, not an exception: see `core.row_outcomes`.
"""

from __future__ import annotations

ERROR = "error"
"""Metadata of a failed step: the class of `core.errors`, by which `dc-assets run` ends with 5."""


class DcError(Exception):
    """Anything that ends a run with one sentence instead of a traceback."""


class ConfigError(DcError):
    """A setting, spec or environment variable is missing or wrong."""


class SpoolLost(ConfigError):
    """The spool does not hold rows as they were written to it; whoever needs them reads again."""


class RemoteError(DcError):
    """A call to Salesforce did not give a usable answer."""


class TransientRemoteError(RemoteError):
    """The same call may succeed later: network failure, HTTP 429 or 5xx, an unreadable body.

    Attributes:
        retry_after_s: what the server asked for; it wins over every ladder.
        after_ladder: whether asking again at once is no use: the call was repeated up to the last
            rung already, or its answer was whole and will be the same again.
        code: Salesforce's errorCode of an HTTP 500: the org is there, and this call may be what it
            cannot bear. "" for everything else.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, code: str = "") -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.code = code
        self.after_ladder = False


class AuthExpired(TransientRemoteError):
    """A new token was refused too (HTTP 401 INVALID_SESSION_ID)."""


class TooManyAtOnce(TransientRemoteError):
    """The org has as many requests under way as it takes (HTTP 403, ``Concurrent…``)."""


class UnexpectedAnswer(TransientRemoteError):
    """A good status with a body of another shape, size or origin than the call can have."""

    def __init__(self, message: str, *, is_whole: bool = True) -> None:
        super().__init__(message)
        self.after_ladder = is_whole


class LimitReached(RemoteError):
    """The org's calls or jobs of the day are used up (HTTP 403 REQUEST_LIMIT_EXCEEDED)."""


class RejectedRequest(RemoteError):
    """The server refused the request for good; `code` is Salesforce's errorCode, maybe empty."""

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class HostRefuses(RejectedRequest):
    """The host says no to whatever is asked: the spec is not at fault."""


class AccessRefused(HostRefuses):
    """The integration user or the External Client App lacks a permission."""


class WrongHost(HostRefuses):
    """What answered is no org or tenant, or stands between us and it."""


class OrgMoved(HostRefuses):
    """The org has another address; no secret was sent there."""


FAILED_QUERY_JOB = "FAILED_QUERY_JOB"
"""Our own code of a query that the org took as a job and ended as Failed or Aborted."""

TOO_MUCH = frozenset(
    {"QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED", FAILED_QUERY_JOB}
)
"""Codes of a query that was too big for the org, whatever the HTTP status was: a smaller one may
work, the same one never does."""


class SourceIncomplete(DcError):
    """The rows read from a range are not as many as the source counts in it."""


class SourceOutOfOrder(DcError):
    """A page of the source is not in ascending key order, or holds a key outside its range."""


class UnsettledJob(DcError):
    """A finished job's result files do not name every row that was uploaded."""


class LedgerConflict(DcError):
    """Another run holds the partition, or took it over while this one was working."""


class ParentsTaken(LedgerConflict):
    """Another load in this org writes children of the same parents."""


class LedgerAway(DcError):
    """The ledger's database did not answer for as long as the run could be sure of its lease."""


class RunStopped(DcError):
    """The run stopped on purpose, in good order; its message names what continues it."""


class BreakerOpened(RunStopped):
    """The org fails whole jobs or refuses too many rows: more of the same is no use."""


class BudgetReached(RunStopped):
    """API calls or daily batches are down to the reserve of the spec."""


class HostSilent(RunStopped):
    """A host gave no good answer for `limits.silence_s_max`."""


class StoppedByOperator(RunStopped):
    """Somebody ordered the load to stop: `dc-assets stop`."""


class ParentsIncomplete(RunStopped):
    """A load that comes before this one has partitions that never landed and were proved."""


class RowsPending(DcError):
    """A partition run came to its end with rows that neither landed nor were refused."""


STOPPING = (RunStopped, LimitReached, TooManyAtOnce, OrgMoved)
"""Errors after which the same command works later: nothing that it needs is wrong on our side."""
