"""The error tree, split by what the caller can do.

::

    DcError
    ├── ConfigError            the operator mends a setting; nothing was changed
    ├── RemoteError            a server, or the way to it
    │   ├── TransientRemoteError   the same call may work later
    │   ├── AuthExpired            a new token, then the same call
    │   ├── LimitReached           wait for the org, then the same call
    │   └── RejectedRequest        the server understood and said no: the same call never works
    ├── SourceIncomplete       the source gave fewer or more rows than it counted
    ├── SourceOutOfOrder       a page is not ordered by key, or leaves its range
    ├── UnsettledJob           the org's answers do not account for every row of a job
    ├── LedgerConflict         another run owns what this one wanted to write
    ├── JobsFailing            the org ended jobs as Failed; sending more of the same is no use
    └── RowsPending            the run ended and rows have no outcome yet

A row that the org refuses is data, not an exception: see `core.row_outcomes`.
"""

from __future__ import annotations


class DcError(Exception):
    """Anything that ends a run with one sentence instead of a traceback."""


class ConfigError(DcError):
    """A setting, spec or environment variable is missing or wrong."""


class RemoteError(DcError):
    """A call to Salesforce did not give a usable answer."""


class TransientRemoteError(RemoteError):
    """The same call may succeed later: network failure, HTTP 429 or 5xx, an unreadable body."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AuthExpired(RemoteError):
    """The token is not valid any more (HTTP 401 INVALID_SESSION_ID)."""


class LimitReached(RemoteError):
    """The org is over a limit (HTTP 403 REQUEST_LIMIT_EXCEEDED)."""


class RejectedRequest(RemoteError):
    """The server refused the request for good; `code` is Salesforce's errorCode, maybe empty."""

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class SourceIncomplete(DcError):
    """The rows read from a range are not as many as the source counts in it."""


class SourceOutOfOrder(DcError):
    """A page of the source is not in ascending key order, or holds a key outside its range."""


class UnsettledJob(DcError):
    """A finished job's result files do not name every row that was uploaded."""


class LedgerConflict(DcError):
    """Another run holds the partition, or took it over while this one was working."""


class JobsFailing(DcError):
    """The org fails whole jobs: for a reason that no retry mends, or several times in a row."""


class RowsPending(DcError):
    """A partition run came to its end with rows that neither landed nor were refused."""
