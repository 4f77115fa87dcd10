"""Text of SQL and SOQL, and the answers of Data Cloud and of ingest jobs."""

from __future__ import annotations

import base64
import io
from typing import Any

import duckdb
import httpx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.errors import FAILED_QUERY_JOB, RejectedRequest, TransientRemoteError
from dc_assets.core.ingest_job import JobState
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce import soql_queries, sql
from dc_assets.salesforce.auth import Token, TokenStore
from dc_assets.salesforce.bulk_ingest import BulkIngestJobs
from dc_assets.salesforce.bulk_query import query_records
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, small_spec

USER = "005000000000001AAA"
JOB = "750000000000001AAA"
ROWS = [["a", "1"], ["b", None]]
NO_TOKENS = TokenStore(lambda: Token("", ""))


class Script:
    """A host that gives its answers one after the other and keeps the requests."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 - JSON bodies or whole responses
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)
        client = httpx.Client(
            base_url="https://org.example", transport=httpx.MockTransport(self._next)
        )
        self.host = Host(client, lambda _: None)

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def metadata(*names: str) -> dict[str, Any]:
    """Return the metadata of columns, its keys in the opposite order."""
    return {n: {"type": "VARCHAR", "placeInOrder": i} for i, n in reversed([*enumerate(names)])}


def arrow(rows: list[list[Any]]) -> str:
    """Return rows as an Arrow stream whose columns are in another order."""
    sink = io.BytesIO()
    frame = pl.DataFrame(rows, schema={"k": pl.String, "v": pl.String}, orient="row")
    frame.select("v", "k").write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    return base64.b64encode(sink.getvalue()).decode()


def two_columns() -> LoadSpec:
    """Return a spec whose source has the columns k and v."""
    source = {"object": "Things__dlm", "key": "k"}
    columns = [{"source": "k", "target": EXTERNAL_ID}, {"source": "v", "target": "Title__c"}]
    return small_spec(source=source, columns=columns)


def pages(*answers: Any) -> list[pl.DataFrame]:  # noqa: ANN401 - JSON bodies or whole responses
    """Return the pages that a source makes of answers."""
    source = DataCloudSource(Script(*answers).host, two_columns())
    return list(source.pages(IdRange(None, None)))


@given(value=st.text())
def test_a_sql_text_is_one_value(value: str) -> None:
    """A database reads back exactly what was quoted, whatever stands in it."""
    if "\0" not in value:
        answer = duckdb.sql(f"SELECT {sql.text(value)}")
        assert answer is not None
        assert answer.fetchall() == [(value,)]


def test_an_injection_stays_a_value() -> None:
    """A quote in an id ends nothing, in neither language."""
    nasty = "x' OR '1'='1"
    spec, id_range = small_spec(), IdRange(nasty, None)
    assert sql.where(spec, id_range) == """ WHERE "Key__c" > 'x'' OR ''1''=''1'"""
    assert soql_queries.text(nasty) == r"'x\' OR \'1\'=\'1'"
    assert soql_queries.text("\\' OR") == r"'\\\' OR'"


def test_a_name_cannot_leave_its_quotes() -> None:
    """A quote in a name is doubled."""
    assert sql.name('a" FROM b') == '"a"" FROM b"'


def test_the_condition_of_a_spec_stands_in_brackets() -> None:
    """An OR in it does not open the range."""
    source = {"object": "Things__dlm", "key": KEY, "where": "a = 1 OR b = 2"}
    spec = small_spec(source=source)
    assert sql.where(spec, IdRange("a", "b")) == (
        """ WHERE (a = 1 OR b = 2) AND "Key__c" > 'a' AND "Key__c" <= 'b'"""
    )


def test_json_and_arrow_answers_are_read_alike() -> None:
    """Names come from the metadata by their place, not by the order of its keys."""
    head = {"metadata": metadata("k", "v"), "done": True}
    [plain] = pages({**head, "data": ROWS})
    [packed] = pages({**head, "arrowStream": arrow(ROWS)})
    assert plain.equals(packed)
    assert plain.columns == ["k", "v"]
    assert plain.rows() == [("a", "1"), ("b", None)]


def test_an_empty_answer_has_columns_and_no_rows() -> None:
    """No data and no stream is an empty page."""
    [page] = pages({"metadata": metadata("k", "v"), "done": True, "arrowStream": None})
    assert (page.columns, page.height) == (["k", "v"], 0)


def test_batches_are_followed_to_the_end() -> None:
    """An empty batch in the middle is not the end, and a missing `done` is."""
    head = {"metadata": metadata("k", "v")}
    script = Script(
        {**head, "data": ROWS, "done": False, "nextBatchId": "b/1"},
        {**head, "data": [], "done": False, "nextBatchId": "b2"},
        {**head, "data": ROWS},
    )
    found = list(DataCloudSource(script.host, two_columns()).pages(IdRange(None, None)))
    assert [page.height for page in found] == [2, 0, 2]
    assert [r.url.raw_path for r in script.requests[1:]] == [
        b"/api/v2/query/b%2F1",
        b"/api/v2/query/b2",
    ]


def test_a_page_that_names_another_is_not_the_last() -> None:
    """Without `done`, the next batch says that there is more."""
    head = {"metadata": metadata("k", "v")}
    assert len(pages({**head, "data": ROWS, "nextBatchId": "b"}, {**head, "data": ROWS})) == 2


def test_a_lost_batch_asks_for_a_new_query() -> None:
    """The id of a batch works once, so the caller reads on behind its last key."""
    first = {"metadata": metadata("k", "v"), "data": [["a"]], "done": False, "nextBatchId": "b"}
    with pytest.raises(TransientRemoteError, match="a batch of the query was lost"):
        pages(first, httpx.Response(404, json={"error": "NOT_FOUND", "message": "expired"}))


def test_an_answer_that_is_not_done_and_has_no_next_is_not_the_end() -> None:
    """A range is exhausted only when the server says so."""
    with pytest.raises(TransientRemoteError, match="names no next batch"):
        pages({"metadata": metadata("k", "v"), "data": [["a"]], "done": False})


def test_an_answer_that_is_cut_off_is_transient() -> None:
    """Half a body is no answer, and it is asked for again as often as any other."""
    halves = [httpx.Response(200, text='{"data":[["a') for _ in range(6)]
    with pytest.raises(TransientRemoteError, match="cut off") as caught:
        pages(*halves)
    assert caught.value.after_ladder


def test_two_counts_are_never_the_same_text() -> None:
    """An equal query may be answered from a cache."""
    answer = {"metadata": metadata("rows"), "data": [[7]], "done": True}
    script = Script(answer, answer)
    source = DataCloudSource(script.host, small_spec())
    assert [source.count(IdRange(None, "b")) for _ in range(2)] == [7, 7]
    assert script.requests[0].content != script.requests[1].content


def listed(job_id: str, **changes: str) -> dict[str, Any]:
    """Return a job as the list shows it; ours unless changed."""
    ours = {
        "id": f"75000000000000{job_id}",
        "state": "Open",
        "object": "Thing__c",
        "operation": "upsert",
        "externalIdFieldName": EXTERNAL_ID,
        "createdById": USER[:15],
    }
    return {**ours, **changes}


def jobs_of(script: Script) -> BulkIngestJobs:
    """Return the jobs of a session whose org follows a script."""
    session = OrgSession(script.host, "00D000000000001AAA", USER, NO_TOKENS)
    return BulkIngestJobs(session, small_spec())


def test_open_jobs_are_read_from_all_pages() -> None:
    """Only jobs of our user with our object, operation and field are ours."""
    first = [listed("1"), listed("2", state="JobComplete"), listed("3", object="Other__c")]
    second = [
        listed("4", createdById="005000000000009"),
        listed("5", operation="insert"),
        listed("6", externalIdFieldName="Other__c"),
        listed("7"),
    ]
    script = Script(
        {"done": False, "records": first, "nextRecordsUrl": "/services/data/next"},
        {"done": True, "records": second, "nextRecordsUrl": None},
    )
    assert [job.job_id for job in jobs_of(script).open_jobs()] == [
        f"75000000000000{number}" for number in "17"
    ]
    assert script.requests[1].url.path == "/services/data/next"


def test_a_job_is_read_in_every_state() -> None:
    """What the org leaves out is 0 or empty, and milliseconds become seconds."""
    failed = {
        "id": JOB,
        "state": "Failed",
        "numberRecordsProcessed": 4,
        "numberRecordsFailed": 1,
        "totalProcessingTime": 170,
        "apiActiveProcessingTime": 65,
        "errorMessage": "InvalidBatch : Field name not found : X",
    }
    jobs = jobs_of(Script({"id": JOB, "state": "Open"}, failed))
    opened, ended = jobs.job(JOB), jobs.job(JOB)
    assert (opened.state, opened.failed_rows, opened.error_message) == (JobState.OPEN, 0, "")
    assert (ended.failed_rows, ended.total_s, ended.active_s) == (1, 0.17, 0.065)
    assert ended.error_message.startswith("InvalidBatch")


def test_a_query_job_that_failed_is_known_by_its_own_code() -> None:
    """Whatever the org says of the reason, a smaller range may be asked for."""
    failed = {"id": JOB, "state": "Failed", "errorMessage": "InternalServerError : oops"}
    script = Script({"id": JOB, "state": "UploadComplete"}, failed)
    with pytest.raises(RejectedRequest, match="is Failed: InternalServerError : oops") as caught:
        list(query_records(script.host, "SELECT Id FROM Thing__c", ["Id"]))
    assert caught.value.code == FAILED_QUERY_JOB
