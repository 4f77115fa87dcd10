"""What the real engine sends by chunks is read as what the emulated tenant sends."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from dc_assets.core.errors import UnexpectedAnswer
from dc_assets.salesforce.arrow_rows import read_arrow
from dc_assets_tests.hyper.chunks import ADAPTIVE, ASYNC, ChunkedHyper, chunked_hyper
from dc_assets_tests.hyper.conftest import NO_HYPER
from dc_assets_tests.hyper.engine import is_there

pytestmark = pytest.mark.hyper

ROWS = 150_000
NAMES = ("Key__c", "Day__c", "Amount__c", "Rate__c", "Moment__c", "Title__c", "None__c")
TEXTS = ("k0000001", "2026-01-01", "1.00", "0.333333333333333", "2026-01-31 10:00:00.123")
TITLE = "ü🙂" + "x" * 100
RUNNING, PRODUCED, FINISHED = range(3)
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
COLUMNS = (
    "'k' || lpad(cast(n as varchar), 7, '0')",
    "date '2026-01-01'",
    "cast(n as numeric(18,2))",
    "n / 3.0e0",
    "timestamp '2026-01-31 10:00:00.123'",
    f"'ü🙂' || '{'x' * 100}'",
    "cast(null as varchar)",
)
CAST = ", ".join(
    f'CAST({value} AS varchar) AS "{name}"' for name, value in zip(NAMES, COLUMNS, strict=True)
)
QUERY = f"SELECT {CAST} FROM generate_series(1, {ROWS}) AS s(n) ORDER BY 1"
"""Every column as text, as the reader asks for it."""


@pytest.fixture(scope="module")
def hyper() -> Iterator[ChunkedHyper]:
    """An engine that keeps its results."""
    if not is_there():
        pytest.skip(NO_HYPER)
    with chunked_hyper() as engine:
        yield engine


def test_chunks_are_read_as_text_again_and_again(hyper: ChunkedHyper) -> None:
    """In order, all of them, and none of their streams ends with a mark."""
    begun = hyper.submitted(QUERY, ASYNC)
    assert read_arrow(begun.content, NAMES, "the engine").height == 0
    ended = hyper.ended(begun.query_id)
    assert (ended.completion, ended.rows) == (FINISHED, ROWS)
    assert ended.chunks > 1
    contents = [hyper.chunk(begun.query_id, number) for number in range(ended.chunks)]
    assert not any(content.endswith(END_OF_STREAM) for content in contents)
    frame = pl.concat(read_arrow(content, NAMES, "the engine") for content in contents)
    assert frame.height == ROWS
    assert frame["Key__c"].is_sorted()
    assert frame.row(0) == (*TEXTS, TITLE, None)
    assert hyper.chunk(begun.query_id, 0) == contents[0]


def test_a_small_answer_has_produced_all_its_rows(hyper: ChunkedHyper) -> None:
    """It is not finished then: whoever waits for that asks twice for nothing."""
    for sql, rows in (('SELECT 7 AS "n"', [("7",)]), ('SELECT 7 AS "n" LIMIT 0', [])):
        told = hyper.submitted(sql, ADAPTIVE)
        assert (told.completion, told.rows) in {(PRODUCED, len(rows)), (FINISHED, len(rows))}
        assert read_arrow(told.content, 1, "the engine").rows() == rows


def test_a_time_with_its_zone_is_one_error(hyper: ChunkedHyper) -> None:
    """Polars does not know the zone `Utc`; the reader asks for texts."""
    told = hyper.submitted("SELECT timestamptz '2026-01-31 10:00:00+00' AS \"t\"", ADAPTIVE)
    with pytest.raises(UnexpectedAnswer, match="types that cannot be read"):
        read_arrow(told.content, 1, "the engine")
