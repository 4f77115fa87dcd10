"""Every method of every adapter, given answers of every wrong shape: one error, and no other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dc_assets.core.errors import DcError, UnexpectedAnswer
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight.measured import FieldRule
from dc_assets.load.preflight.survey import NamedParent
from dc_assets.salesforce.auth import Token, TokenStore, fetch_tenant_token
from dc_assets.salesforce.bulk_ingest import BulkDeleteJobs, BulkIngestJobs, list_ingest_jobs
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.describe import described_target
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.org_facts import SalesforceFacts
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets_tests.fakes.specs import EXTERNAL_ID, small_spec

JOB = "750000000000001AAA"
USER = "005000000000001AAA"
ORG = "00D000000000001AAA"
ALL = IdRange(None, None)
PART = IdRange("a", "b")
RULE = FieldRule("Title__c", "Title__c", "length", bound=80)
PARENT = NamedParent("Parent__c", EXTERNAL_ID)
JSON = dict[str, Any]


class ImpatientHost(Host):
    """A host whose calls are tried once."""

    def patient(self) -> Host:
        """Return the same."""
        return self


class SameAnswer:
    """A host that answers each request with the same body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        client = httpx.Client(
            base_url="https://org.example", transport=httpx.MockTransport(self._answer)
        )
        self.host = ImpatientHost(client, lambda _: None, ladder_s=())
        tokens = TokenStore(lambda: Token("t", "https://org.example"))
        self.session = OrgSession(self.host, ORG, USER, tokens)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self._body)


def spec() -> LoadSpec:
    """Return the spec of all methods."""
    return small_spec()


def by_change() -> LoadSpec:
    """Return a spec whose states are source cursors."""
    return small_spec(refresh={"modified": "Changed__c"})


def by_chunks() -> LoadSpec:
    """Return a spec that is read by Query API V3."""
    return small_spec(source={"object": "Things__dlm", "key": "Key__c", "api": "v3"})


@dataclass(frozen=True)
class Method:
    """One method, and the right answer to the calls it makes.

    Attributes:
        is_asking: whether it reads the answer at all.
    """

    name: str
    call: Callable[[SameAnswer], object]
    right: Any
    is_asking: bool = True


def table(*row: object) -> JSON:
    """Return a page of one row in Data Cloud."""
    metadata = {f"c{n}": {"type": "VARCHAR", "placeInOrder": n} for n in range(len(row))}
    return {"metadata": metadata, "data": [list(row)], "done": True}


def source(at: SameAnswer, of: LoadSpec | None = None) -> DataCloudSource:
    """Return the source that a host is."""
    return DataCloudSource(at.host, of or spec())


def facts(at: SameAnswer) -> SalesforceFacts:
    """Return the facts of the org that a host is."""
    return SalesforceFacts(at.session, spec())


PAGE: JSON = {
    "metadata": {
        name: {"placeInOrder": n} for n, name in enumerate(c.source for c in spec().columns)
    },
    "data": [["a", "t", "1", "p"]],
    "done": True,
}
NEW = {"id": JOB, "state": "Open"}
STATE = {"id": JOB, "state": "InProgress", "numberRecordsProcessed": 1, "systemModstamp": None}
LINE = {
    "id": JOB,
    "state": "Open",
    "object": "Thing__c",
    "operation": "upsert",
    "externalIdFieldName": EXTERNAL_ID,
    "createdById": USER,
    "createdDate": "2026-01-31T10:00:00.000+0000",
}
LIST: JSON = {"done": True, "records": [LINE], "nextRecordsUrl": None}
LIMITS: JSON = {"DailyBulkApiBatches": {"Max": 1, "Remaining": 1}, "DailyApiRequests": {"Max": 1}}
FIELD: JSON = {
    "name": "Title__c",
    "type": "string",
    "length": 80,
    "createable": True,
    "nillable": False,
}
OBJECT: JSON = {
    "fields": [
        FIELD,
        {"name": EXTERNAL_ID, "externalId": True},
        {"name": "Price__c", "picklistValues": [{"value": "A", "active": True}]},
        {"name": "Parent__c", "relationshipName": "Parent__r", "referenceTo": ["Parent__c"]},
    ]
}
IDS = {"done": True, "records": [{"Id": JOB}]}
GROUPS = {"done": True, "records": [{"val": "a", "n": 1}]}
NAMES = {"done": True, "records": [{EXTERNAL_ID: "a"}]}
QUERY = {"id": JOB, "state": "Failed", "errorMessage": "no"}
CHUNKED: JSON = {"queryId": "q", "completionStatus": "FINISHED", "chunkCount": 0, "rowCount": 0}
DESCRIBED: JSON = {"metadata": {"columns": [{"name": "Key__c", "type": "varchar"}]}, "data": None}
TENANT = {"access_token": "t", "instance_url": "https://t.c360a.salesforce.com"}

METHODS = [
    Method("exchange", lambda at: fetch_tenant_token(at.host, at.session.tokens), TENANT),
    Method("create", lambda at: BulkIngestJobs(at.session, spec()).create(), NEW),
    Method("upload", lambda at: BulkIngestJobs(at.session, spec()).upload(JOB, b"x"), {}, False),
    Method("close", lambda at: BulkIngestJobs(at.session, spec()).close(JOB), NEW),
    Method("abort", lambda at: BulkIngestJobs(at.session, spec()).abort(JOB), NEW),
    Method("job", lambda at: BulkIngestJobs(at.session, spec()).job(JOB), STATE),
    Method(
        "results", lambda at: BulkIngestJobs(at.session, spec()).results(JOB, "failed"), 0, False
    ),
    Method("open_jobs", lambda at: BulkIngestJobs(at.session, spec()).open_jobs(), LIST),
    Method("allowance", lambda at: BulkIngestJobs(at.session, spec()).allowance(), LIMITS),
    Method("create_delete", lambda at: BulkDeleteJobs(at.session, spec()).create(), NEW),
    Method("still_there", lambda at: BulkDeleteJobs(at.session, spec()).still_there([JOB]), IDS),
    Method("list_ingest_jobs", lambda at: list_ingest_jobs(at.session), LIST),
    Method("described_target", lambda at: described_target(at.session, spec()), OBJECT),
    Method("absent", lambda at: facts(at).absent(PARENT, ["a"]), NAMES),
    Method("target_keys", lambda at: facts(at).external_ids(1), NAMES),
    Method("limits", lambda at: facts(at).limits(), LIMITS),
    Method("jobs_at_work", lambda at: facts(at).jobs_at_work(), LIST),
    Method("target_count", lambda at: SOQLTarget(at.session, spec()).count(ALL), {"totalSize": 6}),
    Method(
        "target_values", lambda at: SOQLTarget(at.session, spec()).value_counts("A__c", ALL), GROUPS
    ),
    Method("target_records", lambda at: list(SOQLTarget(at.session, spec()).records(ALL)), QUERY),
    Method("columns", lambda at: source(at).columns(), PAGE),
    Method("most_frequent", lambda at: source(at).most_frequent("Title__c", 3), table("a", 1)),
    Method("external_ids", lambda at: source(at).external_ids(), table("a")),
    Method("check_columns", lambda at: source(at).check_columns(), PAGE),
    Method("pages", lambda at: list(source(at).pages(ALL)), PAGE),
    Method("columns of V3", lambda at: source(at, by_chunks()).columns(), DESCRIBED),
    Method("chunks", lambda at: list(source(at, by_chunks()).pages(ALL)), CHUNKED),
    Method("count", lambda at: source(at).count(ALL), table("6")),
    Method("rows_total", lambda at: source(at).rows_total(), table("6", 6)),
    Method("parents_above", lambda at: source(at).parents_above(1), table("p", 2)),
    Method("key_ends", lambda at: source(at).key_ends(), table("a", "b")),
    Method("rows_per_parent", lambda at: source(at).rows_per_parent(), table(1, 2)),
    Method("count_breaking", lambda at: source(at).count_breaking([RULE]), table(1)),
    Method("ambiguous_keys", lambda at: source(at).ambiguous_keys(), table("a")),
    Method("key_quantiles", lambda at: source(at).key_quantiles(3, ALL), table("6")),
    Method("key_at", lambda at: source(at).key_at(ALL, 3), table("a")),
    Method("value_counts", lambda at: source(at).value_counts("Title__c", ALL), table("a", 1)),
    Method(
        "fingerprint", lambda at: source(at).look({"r": PART}, {}), table("0", "1", "2", "3", "4")
    ),
    Method("state", lambda at: source(at).state(PART), table("0", "1", "2", "3", "4")),
    Method(
        "cursors",
        lambda at: source(at, by_change()).look({"r": PART}, {}),
        table("0", "2026-01-01 00:00:00+00", "3", "4"),
    ),
    Method("cursor", lambda at: source(at, by_change()).state(PART), table(None)),
]

VALUES: list[Any] = [None, [], {}, "", "x", "600.0", 600.5, -1, 10**30, True, [[]], {"a": None}]
DEEP = "[" * 100_000 + "]" * 100_000
NO_JSON = [
    b"",
    b" ",
    b"<html><body>Down for maintenance</body></html>",
    b'{"data":[["a',
    b"\xff\xfe",
    b"NaN",
    b"1e999999",
    b"9" * 10_000,
    DEEP.encode(),
    b'{"a":' * 100_000,
    b'"\\ud800"',
    b"\x1f\x8b\x08",
]
WHOLE: list[Any] = [None, [], {}, [1], [[]], "", "x", 0, 1.5, True, [None], [{}], {"x": 1}]
WRONG = [*NO_JSON, *(json.dumps(one).encode() for one in WHOLE)]


def changed(right: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    """Yield the answers that differ from the right one in a single place."""
    if isinstance(right, dict):
        known = cast("JSON", right)
        for key in known:
            yield {k: v for k, v in known.items() if k != key}
            yield {(k.swapcase() if k == key else k): v for k, v in known.items()}
            for inner in (*VALUES, *changed(known[key])):
                yield {**known, key: inner}
    if isinstance(right, list):
        listed = cast("list[Any]", right)
        yield listed + listed
        for place, value in enumerate(listed):
            yield [*listed[:place], *listed[place + 1 :]]
            for inner in (*VALUES, *changed(value)):
                yield [*listed[:place], inner, *listed[place + 1 :]]


def shapes(right: Any) -> list[bytes]:  # noqa: ANN401 - any JSON
    """Return at least 200 bodies that are not the right one."""
    numbers = (b'{"totalSize":%d.5,"id":%d,"state":%d}' % (n, n, n) for n in range(40))
    near = (json.dumps(one).encode() for one in changed(right))
    kinds = ([a, b] for a, b in itertools.product(VALUES, VALUES))
    mixed = (
        json.dumps({"records": k, "done": k[0], "data": k, "fields": k, "id": k}).encode()
        for k in kinds
    )
    return list(dict.fromkeys([*WRONG, *numbers, *near, *mixed]))


def outcome(method: Method, body: bytes) -> DcError | None:
    """Call a method; any error that is not of our tree goes through and fails the test."""
    try:
        method.call(SameAnswer(body))
    except DcError as error:
        return error
    return None


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_wrong_shape_is_one_error(method: Method) -> None:
    """Never a KeyError or an error of a library; the sentence names the host and the call."""
    assert not isinstance(outcome(method, json.dumps(method.right).encode()), UnexpectedAnswer)
    bodies = shapes(method.right)
    assert len(bodies) >= 200
    for body in bodies:
        error = outcome(method, body)
        if isinstance(error, UnexpectedAnswer):
            assert str(error).startswith("org.example answered ")
            assert "in an unexpected shape: " in str(error)


@pytest.mark.parametrize("method", [m for m in METHODS if m.is_asking], ids=lambda m: m.name)
def test_what_is_no_answer_at_all_is_never_taken_for_one(method: Method) -> None:
    """HTML, nothing, half a body, depth without end."""
    for body in NO_JSON:
        assert isinstance(outcome(method, body), UnexpectedAnswer), body[:40]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(method=st.sampled_from(METHODS), body=st.binary(max_size=200))
def test_bytes_of_nobody_are_one_error_or_none(method: Method, body: bytes) -> None:
    """Whatever comes, no error but one of our own tree leaves an adapter."""
    outcome(method, body)


FROM_THE_FIELD: list[tuple[str, JSON]] = [
    ("job", {"state": "Dreaming"}),
    ("target_count", {"totalSize": 600.5}),
    ("target_count", {"totalSize": "600"}),
    ("exchange", {"instance_url": None}),
    ("exchange", {"access_token": None}),
    ("exchange", {"access_token": "a\r\nHost: b"}),
    ("create", {"id": "../../x"}),
    ("count", {"data": [["600.5"]]}),
    ("count", {"rowCount": 2}),
    ("pages", {"data": [], "rowCount": 1}),
    ("pages", {"data": None, "rowCount": 1}),
    ("rows_total", {"metadata": {"rows": {}, "keys": {}}}),
    ("close", {"id": None}),
    ("count", {"data": [["1", "2"]]}),
    ("count", {"metadata": {}}),
    ("pages", {"data": [["a", "t", "1", "p", "q"]]}),
    ("pages", {"metadata": {name: {} for name in reversed(PAGE["metadata"])}}),
    ("pages", {"metadata": {**PAGE["metadata"], next(iter(PAGE["metadata"])): {}}}),
    ("open_jobs", {"records": {}}),
]


@pytest.mark.parametrize(("name", "change"), FROM_THE_FIELD)
def test_a_shape_that_was_seen_in_the_field_is_refused(name: str, change: JSON) -> None:
    """A right answer with one wrong place."""
    method = next(method for method in METHODS if method.name == name)
    body = json.dumps({**method.right, **change}).encode()
    assert isinstance(outcome(method, body), UnexpectedAnswer)


UNDERSTOOD: list[tuple[str, JSON]] = [
    ("target_count", {"totalSize": 600.0}),
    ("target_values", {"records": [{"val": "a", "n": 1.0}]}),
    ("count", {"data": [["600.0"]]}),
    ("count", {"data": [[600.0]]}),
    ("count", {"data": [["600"]], "rowCount": 1.0}),
    ("pages", {"metadata": {name: {} for name in PAGE["metadata"]}}),
    ("pages", {"metadata": {name.upper(): {} for name in PAGE["metadata"]}}),
]


@pytest.mark.parametrize(("name", "change"), UNDERSTOOD)
def test_a_harmless_variant_is_understood(name: str, change: JSON) -> None:
    """A whole number with decimals, columns that stand in the order of the query anyway."""
    method = next(method for method in METHODS if method.name == name)
    assert outcome(method, json.dumps({**method.right, **change}).encode()) is None


def test_legal_variants_are_read() -> None:
    """Columns in other letter case, and a row without the nulls at its end."""
    metadata = {name.lower(): place for name, place in PAGE["metadata"].items()}
    body = json.dumps({**PAGE, "metadata": metadata, "data": [["a"]]}).encode()
    [page] = source(SameAnswer(body)).pages(ALL)
    assert page.columns == [column.source for column in spec().columns]
    assert page.rows() == [("a", None, None, None)]
