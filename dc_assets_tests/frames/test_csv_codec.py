"""The CSV that is sent and the CSV that comes back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.errors import UnsettledJob
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import canonical
from dc_assets.frames.csv_codec import NULL_TEXT, decode, encode, not_representable

SPEC = LoadSpec.model_validate_json("""{
  "name": "typed",
  "source": {"object": "T__dlm", "key": "k"},
  "target": {"object": "T__c", "external_id": "K"},
  "columns": [
    {"source": "k", "target": "K"},
    {"source": "t", "target": "T"},
    {"source": "kept", "target": "Kept", "when_null": "unchanged"},
    {"source": "n", "target": "N", "type": "number"},
    {"source": "b", "target": "B", "type": "boolean"},
    {"source": "d", "target": "D", "type": "date"},
    {"source": "m", "target": "M", "type": "datetime"}
  ],
  "partitions": {"scheme": 1, "upper_bounds": []}
}""")

NASTY = ['"', ",", "\r", "\n", "\r\n", "\u2028", "\u0085", " ", "😀", "'", "a", "é", "\t", "\x0b"]
TEXTS = st.none() | st.lists(st.sampled_from(NASTY) | st.characters(codec="utf-8")).map("".join)
ROWS = st.fixed_dictionaries(
    {
        "k": st.text('aé,"\n 😀\u2028\u0085', min_size=1),
        "t": TEXTS,
        "kept": TEXTS,
        "n": st.none() | st.decimals(-(10**9), 10**9, places=3).map(str),
        "b": st.none() | st.booleans().map(str),
        "d": st.none() | st.dates(min_value=date(1700, 1, 1)).map(str),
        "m": st.none()
        | st.datetimes(datetime(1700, 1, 1), datetime(4000, 1, 1), timezones=st.just(UTC)).map(str),  # noqa: DTZ001 - the strategy wants naive bounds
    }
)


def sendable(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    """Return the rows as canonical text, without those that no CSV cell can carry."""
    names = [c.source for c in SPEC.columns]
    frame = canonical(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)), SPEC)
    return frame.filter(
        ~pl.any_horizontal(not_representable(c) for c in frame.columns).fill_null(value=False)
    )


def foreign_read(payload: bytes) -> list[list[str]]:
    """Read a payload with the standard library's reader."""
    return list(csv.reader(io.StringIO(payload.decode(), newline="")))


@given(rows=st.lists(ROWS, max_size=6))
def test_what_is_sent_is_read_back(rows: list[dict[str, str | None]]) -> None:
    """Any value of any type survives the way through CSV, nulls by their own marks."""
    sent = sendable(rows)
    expected = sent.with_columns(
        pl.col("Kept").fill_null(""), pl.exclude("K", "Kept").fill_null(NULL_TEXT)
    )
    assert decode(encode(sent, SPEC)).rows() == expected.rows()


@given(rows=st.lists(ROWS, max_size=6))
def test_another_csv_reader_reads_the_same(rows: list[dict[str, str | None]]) -> None:
    """The payload is plain CSV: a reader that shares no code with ours agrees."""
    sent = sendable(rows)
    payload = encode(sent, SPEC)
    assert foreign_read(payload)[1:] == [list(row) for row in decode(payload).rows()]


@given(rows=st.lists(ROWS, max_size=6))
def test_a_payload_has_lf_line_ends_only(rows: list[dict[str, str | None]]) -> None:
    """One CR anywhere fails the whole job as ClientInputError."""
    assert b"\r" not in encode(sendable(rows), SPEC)


def test_the_header_names_the_target_fields() -> None:
    """A payload without rows is its header."""
    assert encode(sendable([]), SPEC) == b"K,T,Kept,N,B,D,M\n"


def test_updates_begin_with_record_ids() -> None:
    """Their external ids can be left out, which a user may not be allowed to write."""
    rows = sendable([]).with_columns(Id=pl.lit("1"))
    assert encode(rows, SPEC) == b"Id,K,T,Kept,N,B,D,M\n"
    assert encode(rows, SPEC, with_keys=False) == b"Id,T,Kept,N,B,D,M\n"


@pytest.mark.parametrize("value", ["#N/A", "a\0b", "1\r2"])
def test_some_values_have_no_cell(value: str) -> None:
    """NUL, CR and the mark of null itself cannot be told apart in a file, so they are found."""
    frame = pl.DataFrame({"T": [value, "#n/a", "x #N/A", None]})
    assert frame.select(not_representable("T")).to_series().to_list() == [True, False, False, None]


@pytest.mark.parametrize("body", [b"", b"\n", b"  \r\n"])
def test_an_empty_body_has_no_rows(body: bytes) -> None:
    """A result file may be nothing at all."""
    assert decode(body).is_empty()


def test_a_result_file_is_text_only() -> None:
    """Nothing is guessed: leading zeros, true and empty cells stay what they are."""
    body = b'"sf__Id","sf__Created",K\n"006000000000001AAA","true","007"\n"","false",""\n'
    assert decode(body).rows() == [("006000000000001AAA", "true", "007"), ("", "false", "")]


@pytest.mark.parametrize(
    "body", [b'"a","b"\n"1","tr', b"a,b\n1,2,3\n", b"a\n\xff\n"], ids=["cut", "ragged", "not UTF-8"]
)
def test_a_file_that_is_not_whole_is_said_to_be_so(body: bytes) -> None:
    """A cut-off file is an error that has it read again, not a fault of our own."""
    with pytest.raises(UnsettledJob, match="cut off or not CSV"):
        decode(body)
