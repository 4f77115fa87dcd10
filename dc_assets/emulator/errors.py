"""Errors of the wire: each knows its status and its body."""

from __future__ import annotations

from collections.abc import Mapping

NOT_FOUND_MESSAGE = "The requested resource does not exist"
SESSION_MESSAGE = "Session expired or invalid"


class WireError(Exception):
    """An answer that is no success: a status and a JSON body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class APIError(WireError):
    """The array every REST error of the org comes in."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, [{"errorCode": code, "message": message}])
        self.code = code
        self.message = message


class OAuthError(WireError):
    """The object every OAuth error comes in."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(status, {"error": error, "error_description": description})


class TenantError(WireError):
    """The object an error of the Data Cloud query service comes in.

    Args:
        status: HTTP status.
        message: text for people.
        sqlstate: five characters, empty when it is no SQL error.
        position: line and column of a query, empty when there is none.
    """

    def __init__(
        self, status: int, message: str, *, sqlstate: str = "", position: str = ""
    ) -> None:
        told = {"sqlState": sqlstate, "position": position}
        details: Mapping[str, str] = {name: value for name, value in told.items() if value}
        body: dict[str, object] = {
            "timestamp": "",
            "error": TENANT_CODES.get(status, "COMMON_ERROR_GENERIC"),
            "message": message,
            "path": "",
            "tenantId": "",
            "internalErrorCode": TENANT_CODES.get(status, "COMMON_ERROR_GENERIC"),
            "details": details,
        }
        super().__init__(status, body)
        self.message = message
        self.sqlstate = sqlstate
        self._told = body

    def placed(self, path: str, moment: str) -> TenantError:
        """The same error with the path that was asked and the moment of the answer."""
        self._told.update(path=path, timestamp=moment)
        return self


TENANT_CODES = {
    401: "COMMON_ERROR_UNAUTHENTICATED",
    403: "COMMON_ERROR_FORBIDDEN",
    404: "COMMON_ERROR_NOT_FOUND",
}


def not_found() -> APIError:
    """404 as the org says it."""
    return APIError(404, "NOT_FOUND", NOT_FOUND_MESSAGE)


def invalid_session() -> APIError:
    """401 as the org says it."""
    return APIError(401, "INVALID_SESSION_ID", SESSION_MESSAGE)
