"""What a database is refused for, in one sentence that holds no secret."""

from __future__ import annotations

import sqlite3
import traceback
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError, DcError, TransientRemoteError
from dc_assets.core.ranges import IdRange
from dc_assets.databases.source import DatabaseSource
from dc_assets_tests.fakes.database_tables import DatabaseTable
from dc_assets_tests.fakes.specs import KEY, small_spec

ALL = IdRange(None, None)
SECRET = "planted-in-a-url"
COLUMNS = [
    {"source": KEY, "target": "K"},
    {"source": "Title__c", "target": "T"},
]


def source_at(url: str, *, table: str = "Things", **changes: object) -> DatabaseSource:
    """Return the source of two columns of a table."""
    place = {"sql": {"url": "$THINGS_URL", "table": table}, "key": KEY, **changes}
    target = {"object": "Thing__c", "external_id": "K"}
    return DatabaseSource(small_spec(source=place, columns=COLUMNS, target=target), url)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite file with two rows."""
    url = f"sqlite:///{tmp_path}/things.db"
    DatabaseTable(url).holds(pl.DataFrame({KEY: ["a", "b"], "Title__c": ["x", None]}))
    return url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"no url {SECRET}", "THINGS_URL is not a database URL"),
        (f"postgresql://u:{SECRET}@h:port/db", "THINGS_URL is not a database URL"),
        (f"mysql://u:{SECRET}@h/db", "order of keys is not proved here: mysql"),
        ("sqlite:////nowhere/a.db", "names the file /nowhere/a.db, and there is none"),
        ("sqlite://", "and there is none"),
        (f"snowflake://u:{SECRET}@h/db", "pip install snowflake-sqlalchemy"),
        (f"postgresql+asyncpg://u:{SECRET}@h/db", "postgresql+asyncpg is not installed"),
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db", "does not answer for now: connection"),
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db?{SECRET}=1", "driver repeats parts of the URL"),
    ],
)
def test_a_url_that_opens_nothing_is_told_without_its_secret(url: str, said: str) -> None:
    """Neither the sentence nor what Dagster would store of it holds the password."""
    with pytest.raises(DcError) as caught:
        source_at(url).columns()
    assert said in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_is_away_may_come_back() -> None:
    """The reader waits and asks again."""
    with pytest.raises(TransientRemoteError):
        list(source_at("postgresql://u@127.0.0.1:1/db").pages(ALL))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": "Thing"}, "no such table: Thing"),
        ({"where": "Title__c = :x"}, "Correct source.sql, source.where or the source columns"),
        ({"where": "1 +"}, "syntax error"),
        ({"where": "\"Titel__c\" = 'x'"}, "no such column: Titel__c"),
    ],
)
def test_a_query_that_cannot_be_is_one_sentence(
    url: str, changes: dict[str, str], said: str
) -> None:
    """It has the database's own words, and the settings to look at."""
    with pytest.raises(ConfigError, match=said):
        source_at(url, **changes).check_columns()


def test_a_condition_has_colons_and_percent_signs_of_its_own(url: str) -> None:
    """They are no parameters."""
    where = "\"Title__c\" LIKE 'x%' AND ':a' = ':a' AND 5 % 2 = 1"
    assert source_at(url, where=where).count(ALL) == 1


def test_a_query_has_colons_and_percent_signs_of_its_own(url: str) -> None:
    """Nor are they parameters in a query, which may have several lines."""
    query = f'SELECT "{KEY}", \':a\' || \'%\' AS "Title__c" FROM "Things"\nWHERE 5 % 2 = 1'
    place = {"sql": {"url": "$THINGS_URL", "query": query}, "key": KEY}
    target = {"object": "Thing__c", "external_id": "K"}
    source = DatabaseSource(small_spec(source=place, columns=COLUMNS, target=target), url)
    source.prove()
    assert pl.concat(source.pages(ALL))["Title__c"].to_list() == [":a%", ":a%"]


def test_a_file_that_is_locked_may_come_free(url: str, tmp_path: Path) -> None:
    """Another program writes it: the reader comes back."""
    source = source_at(f"{url}?timeout=0")
    writer = sqlite3.connect(tmp_path / "things.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(TransientRemoteError, match="locked"):
            source.count(ALL)
    finally:
        writer.close()
    assert source.count(ALL) == 2


def test_a_column_of_a_file_that_is_called_like_a_connection_is_no_server(tmp_path: Path) -> None:
    """What the file refuses is refused at once, and not asked again and again."""
    url = f"duckdb:///{tmp_path}/things.duckdb"
    DatabaseTable(url).holds(pl.DataFrame({KEY: ["a"], "Title__c": ["x"]}))
    with pytest.raises(ConfigError, match="connected_at"):
        source_at(url, where="connected_at = 'timeout'").count(ALL)


def test_a_database_that_orders_otherwise_is_refused(tmp_path: Path) -> None:
    """SQLite compares the bytes of its own encoding, and those of UTF-16 stand otherwise."""
    file = tmp_path / "things.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute(f'CREATE TABLE "Things" ("{KEY}" TEXT, "Title__c" TEXT)')
    connection.close()
    with pytest.raises(ConfigError, match="does not order text by its bytes"):
        source_at(f"sqlite:///{file}").prove()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (pl.Float64(), "floating-point number, of which two may look alike"),
        (pl.Binary(), "holds bytes, and a load carries text"),
    ],
)
def test_a_key_that_has_no_one_text_is_refused(
    tmp_path: Path, kind: pl.DataType, said: str
) -> None:
    """It is told before a row is read."""
    url = f"duckdb:///{tmp_path}/things.duckdb"
    rows = pl.DataFrame({KEY: [], "Title__c": []}, schema={KEY: kind, "Title__c": pl.String})
    DatabaseTable(url).holds(rows)
    with pytest.raises(ConfigError, match=said):
        source_at(url).prove()
