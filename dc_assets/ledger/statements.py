"""Statements of the ledger, compiled once a process: each tick of a sensor opens it anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import LRUCache

STATEMENTS_MAX = 1_000
"""The ledger has a few hundred, whatever its size."""


class Statements(LRUCache[Any, Any]):
    """Compiled statements, by the kind of database and not by the engine that met them first."""

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - keys of SQLAlchemy
        """Return a compiled statement, or None."""
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401
        """Keep a compiled statement."""
        super().__setitem__(_of_kind(key), value)


def _of_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a key without the dialect of one engine, which comes first in it."""
    dialect, *statement = key
    return (dialect.name, dialect.driver, dialect.server_version_info, *statement)


STATEMENTS = Statements(STATEMENTS_MAX)
"""What every engine of the ledger in this process has compiled."""
