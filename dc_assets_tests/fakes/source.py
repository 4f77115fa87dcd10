"""A source in memory that can break, stop early, or lie about order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from dc_assets.core.errors import TransientRemoteError
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import fingerprint
from dc_assets.load.preflight.measured import FieldRule
from dc_assets_tests.fakes.specs import KEY, text_frame

COLUMNS = [KEY, "Title__c", "Price__c", "ParentKey__c"]
SourceRow = dict[str, str | None]


def thing(key: str, parent: str | None = "p1", title: str | None = "a title") -> SourceRow:
    """Return one source row."""
    return {KEY: key, "Title__c": title, "Price__c": "1.50", "ParentKey__c": parent}


def things(count: int, *, parents: int) -> list[SourceRow]:
    """Return rows with ids in order whose parents go round."""
    return [thing(f"id{n:04}", f"p{n % parents}") for n in range(count)]


def _is_broken(rule: FieldRule, value: str) -> bool:
    """Judge a value by the rules that tests of this source have."""
    value = value.strip() if rule.strips else value
    match rule.kind:
        case "required":
            return value == ""
        case "length":
            return len(value) > rule.bound
        case "picklist":
            return value != "" and value not in rule.values
        case _:
            return False


@dataclass(slots=True)
class FakeSource:
    """Rows of one object; pages are counted from 1 over all queries.

    Attributes:
        breaks: pages whose stream breaks before they are yielded.
        empties: pages that an empty page comes before.
        early_ends: how many queries still to come end after their first page, as if complete.
        silent_behind: key behind which every query is answered as if the range ended there.
        backwards: whether pages come in descending order.
        surplus: rows that the count tells beyond the ones there are.
        queries: the ranges that were asked for, in order.
    """

    rows: list[SourceRow]
    page_rows: int = 3
    breaks: set[int] = field(default_factory=set[int])
    empties: set[int] = field(default_factory=set[int])
    early_ends: int = 0
    silent_behind: str | None = None
    backwards: bool = False
    surplus: int = 0
    queries: list[IdRange] = field(default_factory=list[IdRange])
    plans_made: int = 0
    _pages: int = 0

    def _in_range(self, id_range: IdRange) -> list[SourceRow]:
        found = [row for row in self.rows if id_range.contains(row[KEY] or "")]
        return sorted(found, key=lambda row: row[KEY] or "", reverse=self.backwards)

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut the rows of a range into nearly equal parts."""
        keys = sorted(row[KEY] or "" for row in self._in_range(id_range))
        return [keys[len(keys) * part // parts] for part in range(1, parts)]

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range."""
        found = self._in_range(id_range)
        return found[rows - 1][KEY] if len(found) >= rows else None

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range."""
        return len(self._in_range(id_range)) + self.surplus

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in pages."""
        self.queries.append(id_range)
        found = self._in_range(id_range)
        if self.silent_behind is not None:
            found = [row for row in found if (row[KEY] or "") <= self.silent_behind]
        ends_early = self.early_ends > 0
        self.early_ends -= ends_early
        for start in range(0, len(found), self.page_rows):
            self._pages += 1
            if self._pages in self.breaks:
                raise TransientRemoteError("the stream broke")
            if self._pages in self.empties:
                yield text_frame([], COLUMNS)
            yield text_frame(found[start : start + self.page_rows], COLUMNS)
            if ends_early:
                return

    def rows_total(self) -> tuple[int, int]:
        """Count all rows, and those without a key."""
        self.plans_made += 1
        return len(self.rows), sum(row[KEY] is None for row in self.rows)

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more rows than given."""
        counts = Counter(row["ParentKey__c"] for row in self.rows)
        return [(p, n) for p, n in counts.most_common() if p is not None and n > rows]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key."""
        keys = sorted(row[KEY] or "" for row in self.rows if row[KEY] is not None)
        return (keys[0], keys[-1]) if keys else None

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return how many parents have how many rows."""
        counts = Counter(row["ParentKey__c"] for row in self.rows)
        counts.pop(None, None)
        return sorted(Counter(counts.values()).items(), reverse=True)

    @property
    def calls(self) -> None:
        """Nothing: it takes as many as there are."""

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule."""
        return [
            sum(_is_broken(rule, row[rule.column] or "") for row in self.rows) for rule in rules
        ]

    def most_frequent(self, column: str, values_max: int) -> Sequence[tuple[str, int]]:
        """Return some values of a column, the most frequent first."""
        counts = Counter(row[column] for row in self.rows if row[column] is not None)
        return [(str(value), rows) for value, rows in counts.most_common(values_max)]

    def external_ids(self) -> Sequence[str]:
        """Return all keys."""
        return [row[KEY] or "" for row in self.rows if row[KEY] is not None]

    def ambiguous_keys(self, *, with_case: bool = False) -> Sequence[str]:
        """Return keys that stand twice, when their case is ignored or not."""
        keys = [row[KEY] or "" for row in self.rows]
        counts = Counter(keys if with_case else [key.lower() for key in keys])
        return [key for key, count in counts.items() if count > 1]

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by value."""
        return Counter(row[column] for row in self._in_range(id_range))

    def state(self, id_range: IdRange) -> str:
        """Return a text that differs when rows of a range changed."""
        rows = json.dumps(self._in_range(id_range))
        return fingerprint(len(self._in_range(id_range)), rows)
