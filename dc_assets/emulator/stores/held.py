"""A result that is computed once and handed out piece by piece: all pieces are one snapshot."""
# ruff: noqa: S608  the only names are those of the temporary table and of its columns

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import polars as pl

from dc_assets.emulator.stores.duck import DuckDatabase, Row, Session, quoted

RESULTS_HELD_MAX = 256
"""Results kept at once; the one untouched for longest goes first."""


class Result:
    """The rows of one query in a temporary table of a session of its own.

    ``names`` are those of the columns, if they are not the names the query gives; ``label`` is
    whatever the owner wants to find again with the rows.
    """

    def __init__(
        self, session: Session, sql: str, values: list[object], names: Sequence[str] = ()
    ) -> None:
        self._session = session
        self._lock = Lock()
        self.label: object = None
        self.is_kept = False
        """Whether a later answer needs the rows too; `close` does nothing then."""
        listed = f"({', '.join(map(quoted, names))})" if names else ""
        session.run(f"CREATE TEMP TABLE held{listed} AS {sql}", *values)
        described = session.rows("DESCRIBE held")
        self.columns = {str(row[0]): str(row[1]) for row in described}
        self.row_count = int(session.one("SELECT count(*) FROM held")[0])

    def rows(self, start: int, count: int) -> list[Row]:
        """Rows ``start`` to ``start + count`` as tuples."""
        with self._lock:
            return self._session.rows(f"SELECT * FROM held {_piece(start, count)}")

    def texts(self, expression: str, start: int, count: int) -> str:
        """One text per row by this SQL expression, joined by commas."""
        with self._lock:
            texts = self._session.frame(
                f"SELECT {expression} AS t FROM held {_piece(start, count)}"
            )
        return ",".join(texts["t"].to_list())

    def frame(self, start: int, count: int) -> pl.DataFrame:
        """The same rows as columns."""
        with self._lock:
            return self._session.frame(f"SELECT * FROM held {_piece(start, count)}")

    def close(self) -> None:
        """Free the rows."""
        if self.is_kept:
            return
        with self._lock:
            self._session.close()


def _piece(start: int, count: int) -> str:
    # The engine keeps the order in which rows were put in; to sort them again is dear.
    return f"WHERE rowid >= {start} AND rowid < {start + count}"


class Shelf:
    """Results by key; it frees the least used when there are too many."""

    def __init__(self, database: DuckDatabase, held_max: int = RESULTS_HELD_MAX) -> None:
        self._database = database
        self._held_max = held_max
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._lock = Lock()

    def compute(
        self, sql: str, values: list[object] | None = None, names: Sequence[str] = ()
    ) -> Result:
        """Run the query; the result is not on the shelf yet."""
        session = self._database.open_session()
        try:
            return Result(session, sql, values or [], names)
        except BaseException:
            session.close()
            raise

    def put(self, key: str, result: Result) -> None:
        """Keep a result under a key."""
        dropped: list[Result] = []
        with self._lock:
            self._results[key] = result
            while len(self._results) > self._held_max:
                dropped.append(self._results.popitem(last=False)[1])
        _close_all(dropped)

    def get(self, key: str) -> Result | None:
        """The result of the key, or None when it is gone."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def drop(self, key: str) -> None:
        """Free the result of the key, if there is one."""
        with self._lock:
            result = self._results.pop(key, None)
        _close_all([result] if result else [])

    def clear(self) -> None:
        """Free all results."""
        with self._lock:
            results = list(self._results.values())
            self._results.clear()
        _close_all(results)


def _close_all(results: list[Result]) -> None:
    for result in results:
        result.close()
