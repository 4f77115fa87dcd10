"""States of a data model object, asked for by one aggregate query.

The sum over parts of each row's MD5 does not depend on the order of the rows. `md5`, `substring`
and `ascii` are functions of Data 360 SQL (developer.salesforce.com, Data 360 SQL reference).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceCursor, SourceLook, fingerprint
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.small_answers import SmallAnswers, correctable
from dc_assets.salesforce.source_queries import SUMS, SourceQueries

Rows = Sequence[tuple[str | None, ...]]


class SourceStates:
    """The states of one object, seen through a load spec."""

    def __init__(self, spec: LoadSpec, answers: SmallAnswers) -> None:
        self._spec = spec
        self._queries = SourceQueries(spec)
        self._answers = answers

    def of(self, id_range: IdRange) -> str:
        """Return the state of one range."""
        if self._spec.refresh.modified is None:
            return self.look({"range": id_range}, {}).states["range"]
        cursor = SourceCursor(self._one(self._queries.newest(id_range)), rows=0)
        since = cursor.since(self._spec.refresh.overlap_s)
        if since is None:
            return cursor.text
        counted = self._one(self._queries.count_since(id_range, since))
        return SourceCursor(cursor.newest, self._answers.whole(counted)).text

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges by one query; those of known cursors are comparable."""
        if self._spec.refresh.modified is None:
            return self._fingerprints(ranges)
        return self._cursors(ranges, known)

    def _fingerprints(self, ranges: Mapping[str, IdRange]) -> SourceLook:
        answer = self._query(self._queries.fingerprints(ranges), 2 + SUMS)
        found = {str(line[0]): line for line in answer}
        states: dict[str, str] = {}
        for number, key in enumerate(ranges):
            line = found.get(str(number), (None, "0", *[None] * SUMS))
            states[key] = fingerprint(
                self._answers.whole(line[1]), " ".join(str(one) for one in line[2:])
            )
        rows = sum(self._answers.whole(line[1]) for line in answer)
        return SourceLook(states, rows, rows)

    def _cursors(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        since = {key: self._since(known.get(key)) for key in ranges}
        answer = self._query(self._queries.cursors(ranges, since), 4)
        found = {str(line[0]): line for line in answer}
        states = dict.fromkeys(ranges, SourceCursor(None, 0).text)
        for number, key in enumerate(ranges):
            if (line := found.get(str(number))) is not None:
                states[key] = SourceCursor(line[1], self._answers.whole(line[2])).text
        rows = sum(self._answers.whole(line[3]) for line in answer)
        return SourceLook(states, rows, rows)

    def _since(self, known: str | None) -> str | None:
        cursor = SourceCursor.of(known) if known is not None else None
        return cursor.since(self._spec.refresh.overlap_s) if cursor is not None else None

    def _one(self, query: str) -> str | None:
        """Return the one value of an aggregate."""
        with self._refusals():
            return self._answers.one_row(query, 1)[0]

    def _query(self, query: str, width: int) -> Rows:
        with self._refusals():
            return self._answers.rows(query, width)

    def _refusals(self) -> AbstractContextManager[None]:
        return correctable(
            f"to tell what changed in {self._spec.source.place}",
            f"Look at source.where and refresh.modified of the spec {self._spec.name}.",
        )
