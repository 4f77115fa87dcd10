"""What the words and codes of a database driver say: whether to come back, and nothing secret."""

from __future__ import annotations

from collections.abc import Iterable

_PASSING_STATES = ("08", "40001", "40P01", "53300", "57P01", "57P02", "57P03", "25P03", "57P05")
"""SQLSTATE of lost connections, of servers that stop or start, of deadlocks and time limits."""

_PASSING_WORDS = (
    "starting up",
    "shutting down",
    "recovery",
    "not yet accepting connections",
    "too many clients",
    "remaining connection slots",
    "terminating connection",
)
"""What a server that refuses a connection says while it will take one soon."""


def is_passing_state(state: str) -> bool:
    """Tell whether a SQLSTATE says that the server may answer later."""
    return state.startswith(_PASSING_STATES)


def is_passing_refusal(said: str) -> bool:
    """Tell whether a connection that was not made may be made later.

    The driver gives no SQLSTATE then. FATAL is an answer of the server: it is there, and means it.

    >>> is_passing_refusal('connection to server at "db" (10.0.0.7) failed: Connection refused')
    True
    >>> is_passing_refusal('FATAL:  the database system is starting up')
    True
    >>> is_passing_refusal('FATAL:  password authentication failed for user "dc"')
    False
    """
    is_meant = "FATAL:" in said and not any(words in said for words in _PASSING_WORDS)
    return not is_meant and ("connect" in said or "FATAL:" in said or "timeout" in said)


def without_secrets(said: str, secrets: Iterable[str]) -> str:
    """Return the first line of a driver's words, or none of them if they repeat a secret.

    >>> without_secrets("invalid option s3cret", ["s3cret"])
    'the driver repeats parts of the URL, so its words are not shown'
    """
    line = next(iter(said.strip().splitlines()), "")
    if any(secret and secret in line for secret in secrets):
        return "the driver repeats parts of the URL, so its words are not shown"
    return line
