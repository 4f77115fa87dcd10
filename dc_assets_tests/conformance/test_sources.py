"""One set of rows, six ways to read it: Query API V2 and V3, a file, and three databases."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dc_assets.core.errors import ConfigError, TransientRemoteError
from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import unheard
from dc_assets.databases.source import DatabaseSource
from dc_assets.files import FileSource
from dc_assets.frames.canon import canonical
from dc_assets.load.ports import Source
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.data_chunks import ask_v3
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.acceptance.stage import Org, emulated_org, short_folder
from dc_assets_tests.fakes.database_tables import DatabaseTable
from dc_assets_tests.fakes.specs import KEY, small_spec
from dc_assets_tests.salesforce.test_sql_forms import CALLS

ALL = IdRange(None, None)
WITH_A_KEY = IdRange("", None)
PAGE_ROWS = 3
COLLATIONS = {"sqlite": "NOCASE", "duckdb": "NOCASE"}
Other = Callable[..., Any]
ODD_SESSION = "&options=-ctimezone=Asia/Tokyo+-cdatestyle=German+-cextra_float_digits=-9"
"""What a server or a user may have as a default: how it writes times and numbers."""

POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
SCHEMA = {
    KEY: pl.String,
    "Title__c": pl.String,
    "Price__c": pl.Decimal(18, 2),
    "ParentKey__c": pl.String,
    "Born__c": pl.Date,
    "ModifiedAt__c": pl.Datetime("us", "UTC"),
    "Rate__c": pl.Float64,
    "Open__c": pl.Boolean,
}
TITLES = (
    "",
    " b ",
    None,
    "a\r\n\tb",
    "Müller 東京 🙂",
    "x" * 40_000,
    "'\"\\",
    "NULL",
    "1e5",
    "\x7f",
)
KEYS = ("Z", "a", "a", "b", "b'", "c", "é", "ｚ", "😀", None)  # noqa: RUF001 - beyond UTF-16's order


def table(rows: Sequence[tuple[str | None, str | None]]) -> pl.DataFrame:
    """Return typed rows of keys and titles."""
    moment = datetime(2026, 1, 31, 10, 0, 0, 123_000, tzinfo=UTC)
    lines = [
        (key, title, Decimal(n), f"p{n % 2}", date(2026, 1, 1), moment, n / 3, n % 2 == 0)
        for n, (key, title) in enumerate(rows)
    ]
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class Tenant:
    """An emulated tenant, and the ways to read one object of it."""

    org: Org
    host: Host
    folder: Path

    def holds(self, frame: pl.DataFrame) -> None:
        """Put rows into its only object, and into a file beside it."""
        frame.write_parquet(self.file)
        self.org.tell("source", path=str(self.file))

    @property
    def file(self) -> Path:
        """The file of the same rows."""
        return self.folder / "Things.parquet"

    def by(self, api: str, **changes: object) -> Any:  # noqa: ANN401 - a source of either class
        """Return the source by an API, or of the file."""
        place: dict[str, object] = {"key": KEY, "parent": "ParentKey__c"}
        if api == "files":
            return FileSource(small_spec(source={**place, "files": str(self.file)}, **changes))
        source = {**place, "object": "Things__dlm", "api": api}
        return DataCloudSource(self.host, small_spec(source=source, **changes))


@pytest.fixture(scope="module")
def tenant() -> Generator[Tenant]:
    """A tenant whose pages and chunks are of three rows."""
    with short_folder() as folder, emulated_org(folder) as org:
        org.tell("options", page_rows=PAGE_ROWS)
        names = ("base_url", "client_id", "client_secret")
        login = Login(ClientCredentials(*(org.ready[name] for name in names)))
        with OrgSession.connect(login, sleep=lambda _: None, note=unheard) as session:
            host = session.tenant()
            with host.client:
                found = Tenant(org, host, folder)
                found.holds(table(list(zip(KEYS, TITLES, strict=True))))
                yield found


def said(answer: object) -> object:
    """Return an answer in a form that can be compared."""
    if isinstance(answer, pl.DataFrame):  # rows of one key stand in any order
        return answer.schema, answer.to_series().to_list(), sorted(answer.rows(), key=str)
    if isinstance(answer, Mapping):
        return dict(sorted(cast("Mapping[str, object]", answer).items(), key=str))
    if isinstance(answer, list | tuple):
        return [said(one) for one in cast("Sequence[object]", answer)]
    return answer


@pytest.mark.parametrize("modified", [None, "ModifiedAt__c"], ids=["fingerprints", "cursors"])
def test_every_question_has_one_answer(tenant: Tenant, modified: str | None) -> None:
    """Whichever API is asked: values, order and types, in pages of the same size."""
    for name, call in CALLS.items():
        v2, v3 = (
            said(call(tenant.by(api, refresh={"modified": modified}))) for api in ("v2", "v3")
        )
        assert v2 == v3, name


OF_ALL: Mapping[str, Callable[[Source], object]] = {
    "pages": lambda source: pl.concat(source.pages(WITH_A_KEY)).select(
        KEY, "Title__c", "ParentKey__c"
    ),
    "count": lambda source: source.count(IdRange("a", "é")),
    "rows_total": lambda source: source.rows_total(),
    "parents_above": lambda source: source.parents_above(1),
    "ambiguous_keys": lambda source: source.ambiguous_keys(with_case=True),
    "key_quantiles": lambda source: source.key_quantiles(3, WITH_A_KEY),
    "key_at": lambda source: source.key_at(WITH_A_KEY, 4),
    "value_counts": lambda source: source.value_counts("Title__c", WITH_A_KEY),
}
"""Questions of the port whose answers do not hang on how a source writes a number."""


@pytest.fixture(scope="module", params=["files", "sqlite", "duckdb", POSTGRES])
def other(request: pytest.FixtureRequest, tenant: Tenant) -> Generator[Other]:
    """Another source of the tenant's rows; a database, whose texts have an awkward collation."""
    place: dict[str, object] = {"key": KEY, "parent": "ParentKey__c"}
    if request.param == "files":
        files = {**place, "files": str(tenant.file)}
        yield partial(_of_files, files)
        return
    url = f"{request.param}:///{tenant.folder}/things.{request.param}"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    rows = DatabaseTable(url, collation=COLLATIONS.get(request.param))
    rows.holds(table(list(zip(KEYS, TITLES, strict=True))))
    url += ODD_SESSION if request.param == "postgres" else ""
    sql = {**place, "sql": {"url": "$THINGS", "table": rows.name}}
    with ExitStack() as cleanup:

        def opened(**changes: object) -> DatabaseSource:
            source = DatabaseSource(small_spec(source=sql, **changes), url)
            cleanup.callback(source.close)
            return source

        opened().prove()
        yield opened


def _of_files(source: Mapping[str, object], **changes: object) -> FileSource:
    return FileSource(small_spec(source=source, **changes))


def test_another_source_has_the_same_answers(tenant: Tenant, other: Other) -> None:
    """As both APIs have, for its texts."""
    for name, call in OF_ALL.items():
        answers = [said(call(one)) for one in (tenant.by("v2"), tenant.by("v3"), other())]
        assert answers[0] == answers[1] == answers[2], name


def test_another_source_has_the_same_values(tenant: Tenant, other: Other) -> None:
    """Numbers, times and truth values too, in the canonical text in which rows are sent."""
    columns = [
        {"source": KEY, "target": "K"},
        {"source": "Price__c", "target": "P", "type": "number"},
        {"source": "Rate__c", "target": "R", "type": "number"},
        {"source": "Open__c", "target": "O", "type": "boolean"},
        {"source": "Born__c", "target": "B", "type": "date"},
        {"source": "ModifiedAt__c", "target": "M", "type": "datetime"},
        {"source": "ParentKey__c", "target": "Parent__r.K"},
    ]
    changes = {"columns": columns, "target": {"object": "Thing__c", "external_id": "K"}}
    spec = small_spec(**changes)
    found = [
        canonical(pl.concat(one.pages(WITH_A_KEY)), spec).sort(pl.all())
        for one in (tenant.by("v2", **changes), other(**changes))
    ]
    assert found[0].equals(found[1])


@pytest.mark.parametrize("modified", [None, "ModifiedAt__c"], ids=["fingerprints", "cursors"])
def test_another_source_answers_every_question(other: Other, modified: str | None) -> None:
    """Also those of plans, of doctor and of refreshes; a state is of its kind, and stays."""
    source = other(refresh={"modified": modified})
    answers = {name: call(source) for name, call in CALLS.items()}
    assert answers["state"] == CALLS["state"](source)
    looked = source.look({"all": ALL}, {}).states["all"]
    assert looked.startswith("fingerprint 10 " if modified is None else "cursor 10 2026-01-31 10:")
    assert source.look({"all": ALL}, {"all": looked}).states == {"all": looked}


ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SOME_ROWS = st.lists(
    st.tuples(ODD | st.sampled_from(["a", "A", "ä"]), ODD | st.none()), min_size=1, max_size=8
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=SOME_ROWS)
def test_odd_values_are_the_same_by_both(
    tenant_of_odd_values: Tenant, rows: list[tuple[str, str | None]]
) -> None:
    """Rows, order and types; rows of one key stand in any order."""
    tenant_of_odd_values.holds(table(rows))
    v2, v3 = (pl.concat(tenant_of_odd_values.by(api).pages(ALL)) for api in ("v2", "v3"))
    assert v3[KEY].to_list() == v2[KEY].to_list() == sorted(key for key, _ in rows)
    assert v3.sort(v3.columns).equals(v2.sort(v2.columns))
    assert v3.schema == v2.schema


@pytest.fixture
def tenant_of_odd_values(tenant: Tenant) -> Generator[Tenant]:
    """The tenant, which holds its own rows again afterwards."""
    yield tenant
    tenant.holds(table(list(zip(KEYS, TITLES, strict=True))))


FAULTS: Mapping[str, Mapping[str, object]] = {
    "an answer is lost": {"what": "reset", "when": "after"},
    "an answer is torn": {"what": "reset", "when": "during"},
    "an answer is cut off": {"what": "truncate", "honest": True},
    "an answer is cut off with a length that fits": {"what": "truncate", "honest": False},
    "the host is down": {"what": "status", "status": 503, "body": "html"},
    "the token expires": {"what": "expire_tenant_token"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_chunk_that_was_lost_is_read_again(tenant: Tenant, name: str) -> None:
    """The query is not sent a second time, and no row comes twice."""
    whole = pl.concat(tenant.by("v3").pages(ALL))
    queries = tenant.org.calls("data_cloud_query")
    fault = {**FAULTS[name], "calls": ["data_cloud_batch"], "times": 2, "after": 1}
    tenant.org.tell("faults", faults=[fault])
    try:
        found = pl.concat(tenant.by("v3").pages(ALL))
        assert tenant.org.ask("faults")["faults"][0]["fired"] == 2
    finally:
        tenant.org.tell("faults", faults=[])
    assert found.equals(whole)
    assert tenant.org.calls("data_cloud_query") == queries + 1


def test_a_query_that_is_gone_is_begun_anew_behind_the_last_key(tenant: Tenant) -> None:
    """A reader is told so, as of a lost batch of V2."""
    pages = tenant.by("v3").pages(ALL)
    first = next(pages)
    tenant.org.tell("faults", faults=[{"what": "lose_batch", "calls": ["data_cloud_batch"]}])
    with pytest.raises(TransientRemoteError, match="query was lost"):
        list(pages)
    rest = pl.concat(tenant.by("v3").pages(IdRange(first[KEY][-1], None)))
    assert [*first[KEY], *rest[KEY]] == sorted(key for key in KEYS if key is not None)


def test_a_query_is_deleted_when_it_was_read(tenant: Tenant) -> None:
    """Also one that nobody reads to its end: status, one chunk, DELETE."""
    before = tenant.org.calls("data_cloud_batch")
    pages = cast("Generator[pl.DataFrame]", tenant.by("v3").pages(ALL))
    next(pages)
    pages.close()
    assert tenant.org.calls("data_cloud_batch") == before + 3


def test_an_object_that_is_not_there_is_named(tenant: Tenant) -> None:
    """By V3 as by V2."""
    for api in ("v2", "v3"):
        spec = small_spec(source={"object": "Thing__dlm", "key": KEY, "api": api})
        with pytest.raises(ConfigError, match=r"Thing__dlm.*Things__dlm"):
            DataCloudSource(tenant.host, spec).columns()


def test_v3_can_be_asked_whether_it_answers(tenant: Tenant) -> None:
    """By one call; a tenant without it says so, and which setting helps."""
    before = tenant.org.calls("data_cloud_query")
    ask_v3(tenant.host, "default")
    assert tenant.org.calls("data_cloud_query") == before + 1
    absent = httpx.MockTransport(lambda _: httpx.Response(404))
    with (
        httpx.Client(base_url="https://t.example", transport=absent) as client,
        pytest.raises(Exception, match=r"Set source\.api of the spec to v2"),
    ):
        ask_v3(Host(client, lambda _: None), "default")
