"""A PostgreSQL server as a source: rows come as they are read, it goes away, it refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dc_assets.core.errors import AccessRefused, ConfigError, TransientRemoteError
from dc_assets.core.ranges import IdRange
from dc_assets.databases.connection import PAGE_ROWS
from dc_assets.databases.source import DatabaseSource
from dc_assets_tests.fakes.database_tables import DatabaseTable
from dc_assets_tests.fakes.specs import small_spec

pytestmark = pytest.mark.postgres

ALL = IdRange(None, None)
ROWS = 2 * PAGE_ROWS + 1
NUMBERS = (
    f"SELECT to_char(n, 'FM000000') AS k, n::float8 / 3 AS v FROM generate_series(1, {ROWS}) n"
)


def source_of(url: str, **place: str) -> DatabaseSource:
    """Return a source of the columns k and v."""
    spec = small_spec(
        source={"sql": {"url": "$THINGS_URL", **place}, "key": "k"},
        columns=[{"source": "k", "target": "K"}, {"source": "v", "target": "V", "type": "number"}],
        target={"object": "Thing__c", "external_id": "K"},
    )
    return DatabaseSource(spec, url)


def test_a_stream_that_broke_is_read_on_behind_its_last_key(postgres_url: str) -> None:
    """Pages come while the query runs; when the server ends it, the reader may come back."""
    source = source_of(postgres_url, query=NUMBERS)
    pages = source.pages(ALL)
    first = next(pages)
    assert first.height == PAGE_ROWS
    with DatabaseTable(postgres_url).begin() as connection:
        others = "pid <> pg_backend_pid() AND state = 'idle in transaction'"
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
        connection.exec_driver_sql(ended)
    with pytest.raises(TransientRemoteError, match=r"\$THINGS_URL does not answer for now"):
        list(pages)
    rest = list(source.pages(IdRange(first["k"][-1], None)))
    assert [one.height for one in rest] == [PAGE_ROWS, 1]
    assert all(a["k"][-1] < b["k"][0] for a, b in pairwise([first, *rest]))
    source.close()


def test_nothing_is_written_to_a_source(postgres_url: str) -> None:
    """Not even by a function in a query."""
    with DatabaseTable(postgres_url).begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE IF NOT EXISTS counted")
    source = source_of(postgres_url, query="SELECT nextval('counted')::text AS k, 1 AS v")
    with pytest.raises(ConfigError, match="read-only transaction"):
        source.count(ALL)
    source.close()


def test_a_user_without_rights_is_told_what_to_grant(postgres_url: str) -> None:
    """The spec is not at fault."""
    with DatabaseTable(postgres_url).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS secret; DROP ROLE IF EXISTS reader")
        connection.exec_driver_sql("CREATE ROLE reader LOGIN; CREATE TABLE secret (k text, v int)")
    url = postgres_url.replace("postgres:@", "reader:@")
    source = source_of(url, table="public.secret")
    with pytest.raises(AccessRefused, match=r"permission denied for table secret.*grant SELECT"):
        source.prove()
    source.close()
