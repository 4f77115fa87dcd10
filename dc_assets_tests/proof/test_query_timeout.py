"""An org that finds a range too slow is asked for its halves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl
import pytest

from dc_assets.core.errors import RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.load.both_sides import HALVINGS_MAX, halving
from dc_assets_tests.fakes.source import FakeSource, things

EVERYTHING = IdRange(after=None, upto=None)


@dataclass
class SlowTarget:
    """A target that answers QUERY_TIMEOUT for ranges of more rows than it bears."""

    keys: list[str]
    rows_max: int
    code: str = "QUERY_TIMEOUT"
    asked: list[IdRange] = field(default_factory=list[IdRange])

    @property
    def org_id(self) -> str:
        """The org's own id."""
        return "00D000000000001AAA"

    def _found(self, id_range: IdRange) -> list[str]:
        self.asked.append(id_range)
        found = [key for key in self.keys if id_range.contains(key)]
        if len(found) > self.rows_max:
            raise RejectedRequest("Your query request was running for too long.", code=self.code)
        return found

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range."""
        return len(self._found(id_range))

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the last sign of their key."""
        found = pl.DataFrame({field_name: [key[-1] for key in self._found(id_range)]})
        return {value: int(rows) for value, rows in found.group_by(field_name).len().iter_rows()}

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the keys of a range."""
        yield pl.DataFrame({"key": self._found(id_range)}, schema={"key": pl.String})


@pytest.fixture
def source() -> FakeSource:
    """A source of a hundred rows."""
    return FakeSource(things(100, parents=3))


def keys_of(source: FakeSource) -> list[str]:
    """Return the keys of a source."""
    return [str(row["Key__c"]) for row in source.rows]


@pytest.mark.parametrize("rows_max", [100, 50, 13, 2])
def test_halves_add_up_to_the_whole(source: FakeSource, rows_max: int) -> None:
    """Whatever the org bears, the parts hold every row once."""
    target = SlowTarget(keys_of(source), rows_max)
    assert sum(halving(source, EVERYTHING, target.count)) == 100
    parts = halving(source, EVERYTHING, lambda ids: list(target.records(ids)))
    read = [key for part in parts for page in part for key in page.get_column("key").to_list()]
    assert read == keys_of(source)


def test_a_bounded_range_stays_within_its_bounds(source: FakeSource) -> None:
    """The halves of a partition hold no row of its neighbours."""
    target = SlowTarget(keys_of(source), rows_max=7)
    ids = IdRange(after="id0009", upto="id0059")
    assert sum(halving(source, ids, target.count)) == 50
    counts = halving(source, ids, lambda part: target.value_counts("Field__c", part))
    assert sum(sum(part.values()) for part in counts) == 50


def test_a_range_that_is_not_too_slow_is_asked_once(source: FakeSource) -> None:
    """Nothing is halved before the org says that it must be."""
    target = SlowTarget(keys_of(source), rows_max=100)
    halving(source, EVERYTHING, target.count)
    assert target.asked == [EVERYTHING]


def test_an_org_that_bears_nothing_is_given_up(source: FakeSource) -> None:
    """A range that cannot be cut any more ends with the org's own words, and soon."""
    target = SlowTarget(keys_of(source), rows_max=-1)
    with pytest.raises(RejectedRequest, match="too long"):
        halving(source, EVERYTHING, target.count)
    assert len(target.asked) <= HALVINGS_MAX + 1


def test_another_refusal_is_not_asked_again(source: FakeSource) -> None:
    """Only a time-out is a matter of size."""
    target = SlowTarget(keys_of(source), rows_max=10, code="MALFORMED_QUERY")
    with pytest.raises(RejectedRequest):
        halving(source, EVERYTHING, target.count)
    assert target.asked == [EVERYTHING]
