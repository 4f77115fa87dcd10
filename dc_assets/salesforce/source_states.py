"""States of a data model object, asked for by one aggregate query.

The sum over parts of each row's MD5 does not depend on the order of the rows. `md5`, `substring`
and `ascii` are functions of Data 360 SQL (developer.salesforce.com, Data 360 SQL reference).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from dc_assets.core.errors import ConfigError, RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceCursor, SourceLook, fingerprint
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce import sql
from dc_assets.salesforce.data_pages import SmallAnswers

Rows = Sequence[tuple[str | None, ...]]

MD5_CHARS = 5
"""Hexadecimal characters in one sum: 7 bits each, so that 2^28 rows fit into 64 bits."""

SUMS = 3
BETWEEN_COLUMNS = "\x1f"
NO_VALUE = "\x1e"


class SourceStates:
    """The states of one object, seen through a load spec."""

    def __init__(self, spec: LoadSpec, answers: SmallAnswers) -> None:
        self._spec = spec
        self._answers = answers

    def of(self, id_range: IdRange) -> str:
        """Return the state of one range."""
        if self._spec.refresh.modified is None:
            return self.look({"range": id_range}, {}).states["range"]
        newest = self._one(f"SELECT CAST(MAX({self._modified}) AS text) AS newest", id_range)
        cursor = SourceCursor(newest, rows=0)
        since = cursor.since(self._spec.refresh.overlap_s)
        if since is None:
            return cursor.text
        counted = self._one("SELECT COUNT(*) AS n", id_range, f"{self._modified} >= {_text(since)}")
        return SourceCursor(cursor.newest, self._answers.whole(counted)).text

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges by one query; those of known cursors are comparable."""
        if self._spec.refresh.modified is None:
            return self._fingerprints(ranges)
        return self._cursors(ranges, known)

    def _fingerprints(self, ranges: Mapping[str, IdRange]) -> SourceLook:
        row = "||".join(
            f"COALESCE(CAST({sql.name(column.source)} AS text), {_text(NO_VALUE)})"
            f"||{_text(BETWEEN_COLUMNS)}"
            for column in self._spec.columns
        )
        sums = ", ".join(f"CAST(SUM({_number(part)}) AS text) AS s{part}" for part in range(SUMS))
        part = _part_of(ranges, self._key)
        answer = self._query(
            f"SELECT part, CAST(COUNT(*) AS text) AS n, {sums} FROM "
            f"(SELECT {part} AS part, md5({row}) AS digest FROM {self._object}"
            f"{self._where(ranges)}) AS digests GROUP BY part",
            2 + SUMS,
        )
        found = {str(line[0]): line for line in answer}
        states: dict[str, str] = {}
        for number, key in enumerate(ranges):
            line = found.get(str(number), (None, "0", *[None] * SUMS))
            states[key] = fingerprint(
                self._answers.whole(line[1]), " ".join(str(one) for one in line[2:])
            )
        return SourceLook(states, sum(self._answers.whole(line[1]) for line in answer))

    def _cursors(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        recent = " OR ".join(
            f"({' AND '.join(terms)})"
            for key, id_range in ranges.items()
            if (terms := [*sql.bounds(id_range, self._key), *self._since(known.get(key))])
        )
        part = _part_of(ranges, self._key)
        answer = self._query(
            f"SELECT {part} AS part, CAST(MAX({self._modified}) AS text) AS newest, "
            f"CAST(COUNT(*) AS text) AS n FROM {self._object}"
            f"{sql.also(self._where(ranges), f'({recent})') if recent else self._where(ranges)} "
            "GROUP BY 1",
            3,
        )
        found = {str(line[0]): line for line in answer}
        states = dict.fromkeys(ranges, SourceCursor(None, 0).text)
        for number, key in enumerate(ranges):
            if (line := found.get(str(number))) is not None:
                states[key] = SourceCursor(line[1], self._answers.whole(line[2])).text
        return SourceLook(states, sum(self._answers.whole(line[2]) for line in answer))

    def _since(self, known: str | None) -> list[str]:
        cursor = SourceCursor.of(known) if known is not None else None
        since = cursor.since(self._spec.refresh.overlap_s) if cursor is not None else None
        return [
            f"{self._modified} IS NOT NULL"
            if since is None
            else f"{self._modified} >= {_text(since)}"
        ]

    def _one(self, select: str, id_range: IdRange, term: str = "") -> str | None:
        """Return the one value of an aggregate."""
        where = sql.where(self._spec, id_range)
        query = f"{select} FROM {self._object}{sql.also(where, term) if term else where}"
        with self._refusals():
            return self._answers.one_row(query, 1)[0]

    def _query(self, query: str, width: int) -> Rows:
        with self._refusals():
            return self._answers.rows(query, width)

    @contextmanager
    def _refusals(self) -> Generator[None]:
        try:
            yield
        except RejectedRequest as error:
            raise ConfigError(
                f"Data Cloud refuses to tell what changed in {self._spec.source.place}: {error}. "
                f"Look at source.where and refresh.modified of the spec {self._spec.name}."
            ) from error

    def _where(self, ranges: Mapping[str, IdRange]) -> str:
        """Select the rows of all ranges; those of one range alone are bounded by it."""
        whole = IdRange(after=None, upto=None)
        return sql.where(self._spec, next(iter(ranges.values())) if len(ranges) == 1 else whole)

    @property
    def _key(self) -> str:
        return sql.name(self._spec.source.key)

    @property
    def _modified(self) -> str:
        assert self._spec.refresh.modified is not None
        return sql.name(self._spec.refresh.modified)

    @property
    def _object(self) -> str:
        return sql.source_object(self._spec)


def _text(value: str) -> str:
    return sql.text(value)


def _part_of(ranges: Mapping[str, IdRange], key: str) -> str:
    """Return the number of the range that a row lies in, NULL for none of them."""
    cases = " ".join(
        f"WHEN {' AND '.join(sql.bounds(id_range, key)) or '1 = 1'} THEN {number}"
        for number, id_range in enumerate(ranges.values())
    )
    return f"CASE {cases} END"


def _number(part: int) -> str:
    """Return a part of the digest as a number below 2^35."""
    first = 1 + part * MD5_CHARS
    places = (
        f"CAST(ascii(substring(digest, {first + place}, 1)) AS bigint) * {128**place}"
        for place in range(MD5_CHARS)
    )
    return " + ".join(places)
