"""Query API V3 by script: where its status stands, how its chunks come, and what goes wrong."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import polars as pl
import pytest

from dc_assets.core.errors import RejectedRequest, TransientRemoteError, UnexpectedAnswer
from dc_assets.core.ranges import IdRange
from dc_assets.salesforce.arrow_rows import read_arrow
from dc_assets.salesforce.data_chunks import POLLS_MAX
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets_tests.salesforce.test_queries import Script, two_columns

ARROW_TYPE = "application/vnd.apache.arrow.stream"
ENDED = {"completionStatus": "FINISHED", "chunkCount": 2, "rowCount": 3}
BEGUN = {"completionStatus": "RUNNING_OR_UNSPECIFIED"}
ALL = IdRange(None, None)


def arrow(*rows: tuple[str, str | None], names: tuple[str, str] = ("k", "v")) -> httpx.Response:
    """Return rows as a chunk."""
    sink = io.BytesIO()
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    frame.write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    return httpx.Response(200, headers={"Content-Type": ARROW_TYPE}, content=sink.getvalue())


def status(header: str = "x-hyperdb-status", **changes: object) -> httpx.Response:
    """Return an answer that says in a header how far a query is."""
    text = json.dumps({"queryId": "OjA_1/2", **ENDED, **changes})
    return httpx.Response(200, headers={header: text, "Content-Type": ARROW_TYPE})


FIRST, SECOND = arrow(("a", "1"), ("b", None)), arrow(("c", "🙂"))
GONE = httpx.Response(404, json={"error": "x", "message": "the requested query ID is unknown"})
DELETED = httpx.Response(204)


def source(script: Script) -> DataCloudSource:
    """Return a source that is read by chunks."""
    spec = two_columns()
    by_v3 = spec.source.model_copy(update={"api": "v3", "data_space": "sales"})
    return DataCloudSource(script.host, spec.model_copy(update={"source": by_v3}))


def rows_of(*answers: Any) -> list[tuple[str | None, ...]]:  # noqa: ANN401 - bodies or responses
    """Return the rows that a source makes of answers."""
    return [row for page in source(Script(*answers)).pages(ALL) for row in page.iter_rows()]


ROWS = [("a", "1"), ("b", None), ("c", "🙂")]


def test_a_range_is_one_query_read_by_chunks() -> None:
    """It is sent once and deleted at the end; each call says data space and whose it is."""
    script = Script(status(), FIRST, SECOND, DELETED)
    assert pl.concat(source(script).pages(ALL)).rows() == ROWS
    paths = [f"{one.method} {one.url.raw_path.decode()}" for one in script.requests]
    query = "/api/v3/query/OjA_1%2F2"
    assert paths == [
        "POST /api/v3/query",
        f"GET {query}/chunks/0",
        f"GET {query}/chunks/1",
        f"DELETE {query}",
    ]
    assert json.loads(script.requests[0].content)["transferMode"] == "ASYNC"
    assert {one.headers["ctx-dataspace-ds_name"] for one in script.requests} == {"sales"}
    assert {one.headers["x-hyperdb-workload"] for one in script.requests} == {"dc-assets"}


def test_chunks_are_read_as_they_come() -> None:
    """A query that is still running is asked about only when no chunk of it is unread."""
    script = Script(
        status(**BEGUN, chunkCount=0, rowCount=0),
        status(**BEGUN, chunkCount=0, rowCount=0),
        status(**BEGUN, chunkCount=1, rowCount=2),
        FIRST,
        status(completionStatus="RESULTS_PRODUCED"),
        SECOND,
        DELETED,
    )
    assert pl.concat(source(script).pages(ALL)).rows() == ROWS
    kinds = [one.url.path.rpartition("/")[2] for one in script.requests]
    assert kinds == ["query", "2", "2", "0", "2", "1", "2"]


def test_the_status_is_found_wherever_it_stands() -> None:
    """The documentation has two headers, a body, and a body with a status inside."""
    told = {"queryId": "OjA_1/2", **ENDED}
    forms: list[Any] = [
        status("x-hyperdb-status"),
        status("status"),
        told,
        {"status": told},
        status(completionStatus="Finished"),
    ]
    for form in forms:
        assert rows_of(form, FIRST, SECOND, DELETED) == ROWS


def test_a_chunk_that_is_cut_off_is_read_again() -> None:
    """Inside of a part it cannot be read; the chunks before it are not asked for again."""
    cut = httpx.Response(200, content=SECOND.content[:-40])
    assert rows_of(status(), FIRST, cut, SECOND, DELETED) == ROWS


def test_rows_that_are_missing_are_told() -> None:
    """A cut between two parts of a stream leaves one that can be read: the count tells."""
    with pytest.raises(UnexpectedAnswer, match="2 chunks of 2 rows, its rowCount says 3"):
        rows_of(status(), FIRST, arrow(), DELETED)


def test_a_query_that_is_gone_is_begun_anew() -> None:
    """By the caller: its status and its chunks are unknown from then on."""
    with pytest.raises(TransientRemoteError, match="query ID is unknown"):
        rows_of(status(), FIRST, GONE)
    with pytest.raises(TransientRemoteError, match="query ID is unknown"):
        rows_of(status(**BEGUN, chunkCount=0), GONE)


def test_a_query_that_fails_while_it_runs_is_refused() -> None:
    """Asking for it anew is no use: its own SQL is at fault."""
    failed = httpx.Response(400, json={"error": "x", "message": "division by zero"})
    with pytest.raises(RejectedRequest, match="division by zero"):
        rows_of(status(**BEGUN, chunkCount=0), failed)


def test_a_query_without_end_ends() -> None:
    """After an hour without a new chunk, and at so many chunks as no load has."""
    running = [status(**BEGUN, chunkCount=0) for _ in range(POLLS_MAX + 1)]
    with pytest.raises(TransientRemoteError, match="no new chunk after an hour"):
        rows_of(*running)


def test_what_is_no_id_is_put_into_no_path() -> None:
    """Nor is it asked for."""
    script = Script(status(queryId=".."))
    with pytest.raises(UnexpectedAnswer, match="queryId is no id"):
        list(source(script).pages(ALL))
    assert len(script.requests) == 1


def test_a_chunk_of_other_columns_is_refused() -> None:
    """Those of the query in another order are read by their names."""
    with pytest.raises(UnexpectedAnswer, match="columns of its Arrow stream"):
        rows_of(status(), *[arrow(("a", "1"), names=("k", "x"))] * 6)
    swapped = arrow(("1", "a"), names=("v", "k"))
    assert rows_of(status(chunkCount=1, rowCount=1), swapped, DELETED) == [("a", "1")]


def small(rows: int, *, told: int) -> httpx.Response:
    """Return a first answer with some of its rows."""
    answer = arrow(*[("3", None)] * rows, names=("rows", "other"))
    frame = pl.read_ipc_stream(io.BytesIO(answer.content)).select("rows")
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    told_of = {**ENDED, "completionStatus": "RESULTS_PRODUCED", "queryId": "q", "rowCount": told}
    head = {"x-hyperdb-status": json.dumps(told_of)}
    return httpx.Response(200, headers=head, content=sink.getvalue())


def test_a_small_answer_is_one_call() -> None:
    """It stands whole in the first answer; one that does not is read by chunks."""
    script = Script(small(1, told=1))
    assert source(script).count(ALL) == 3
    assert json.loads(script.requests[0].content)["transferMode"] == "ADAPTIVE"
    assert len(script.requests) == 1
    in_chunks = Script(small(0, told=1), small(0, told=1), small(1, told=1), DELETED)
    assert source(in_chunks).count(ALL) == 3
    assert [one.method for one in in_chunks.requests] == ["POST", "GET", "GET", "DELETE"]


def test_a_type_that_polars_cannot_read_is_one_error() -> None:
    """Hyper writes the zone of its times as `Utc`, over which Polars panics; ours are texts."""
    sink = io.BytesIO()
    moments = pl.Series("rows", [0], dtype=pl.Datetime("us", "UTC"))
    moments.to_frame().write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    content = sink.getvalue().replace(b"UTC", b"Utc")
    with pytest.raises(UnexpectedAnswer, match="types that cannot be read"):
        read_arrow(content, 1, "t.example answered POST /api/v3/query")
