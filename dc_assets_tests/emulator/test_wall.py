"""SQL reaches rows and tables, and no file, setting or extension, whoever lets it in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dc_assets.emulator.stores.duck import DatabaseError, DuckDatabase
from dc_assets_tests.emulator.driver import Client

PLANTED = "planted-secret"
BY_ENGINE = (
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_json('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM parquet_metadata('{secret}')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{secret}'",
    'SELECT * FROM "{secret}"',
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM '/proc/self/environ'",
    "SELECT getenv('HOME')",
    "SELECT * FROM python_variable",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet' (FORMAT parquet)",
    "COPY taken FROM '{secret}'",
    "ATTACH '{folder}/other.duckdb' AS other",
    "ATTACH '{secret}' AS other (TYPE sqlite)",
    "EXPORT DATABASE '{folder}/export'",
    "IMPORT DATABASE '{folder}'",
    "INSTALL httpfs",
    "FORCE INSTALL json FROM community",
    "LOAD '{folder}/x.duckdb_extension'",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET GLOBAL lock_configuration = false",
    "RESET lock_configuration",
    "SET temp_directory = '{folder}/spill'",
    "SET allowed_directories = ['{folder}']",
    "PRAGMA threads = 1",
    "PRAGMA profiling_output = '{folder}/profile'",
    "SET log_query_path = '{folder}/log'",
    "CALL enable_logging(storage = 'file', storage_path = '{folder}/logs')",
    "CREATE PERSISTENT SECRET s (TYPE http)",
)
"""What the engine refuses by its settings."""

BY_KIND = (
    "ATTACH ':memory:' AS other",
    "LOAD json",
    "SET VARIABLE x = 1",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CHECKPOINT",
    "PREPARE x AS SELECT 1",
    "SELECT 1; LOAD json",
)
"""What the engine would do, harmless as it is, and the side door refuses."""

SOQL = (
    "SELECT COUNT() FROM read_text('{secret}')",
    "SELECT read_text('{secret}') FROM Account",
    "SELECT COUNT() FROM '{secret}'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with one file, which nobody reads and to which nothing is added."""
    (tmp_path / "secret.txt").write_text(PLANTED + "\n")
    yield tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
    assert (tmp_path / "secret.txt").read_text() == PLANTED + "\n"


def _filled(sql: str, folder: Path) -> str:
    return sql.format(secret=folder / "secret.txt", folder=folder)


def _assert_one_sentence(message: str) -> None:
    assert message
    assert "\n" not in message
    assert PLANTED not in message


@pytest.mark.parametrize("store", ["core", "data_cloud"])
def test_the_sql_of_the_side_door_reaches_no_file(client: Client, folder: Path, store: str) -> None:
    """Its owner could open the file, but a token that leaks must not."""
    for sql in (*BY_ENGINE, *BY_KIND):
        body = {"store": store, "sql": _filled(sql, folder)}
        answer = client.admin.post("/sql", json=body)
        assert answer.status_code == 400, (sql, answer.text)
        _assert_one_sentence(answer.json()[0]["message"])


def test_the_sql_of_a_fault_reaches_no_file(client: Client, folder: Path) -> None:
    """What the engine refuses only at work fails the call that it befalls."""
    for sql in (*BY_ENGINE, *BY_KIND):
        entry = {"what": "rows_change", "sql": _filled(sql, folder)}
        answer = client.admin.post("/faults", json={"faults": [entry]})
        if answer.status_code == 200:
            answer = client.sql("SELECT 1")
        assert answer.status_code in {400, 500}, (sql, answer.text)
        _assert_one_sentence(answer.json()[0]["message"])


def test_a_query_of_the_tenant_reaches_no_file(client: Client, folder: Path) -> None:
    """Its guard and the engine agree."""
    for sql in (*BY_ENGINE, *BY_KIND):
        answer = client.sql(_filled(sql, folder))
        assert answer.status_code == 400, (sql, answer.text)
        _assert_one_sentence(answer.json()["message"])


def test_soql_reaches_no_file(client: Client, folder: Path) -> None:
    """The org's language has no word for one."""
    for sql in SOQL:
        answer = client.org.get("/query", params={"q": _filled(sql, folder)})
        assert answer.status_code == 400, (sql, answer.text)
        assert PLANTED not in answer.text


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDatabase]:
    """A database with a table, and with little memory."""
    opened = DuckDatabase(tmp_path_factory.mktemp("duck") / "x.duckdb", memory_mb=40)
    with opened.session() as session:
        session.run("CREATE TABLE taken (a VARCHAR)")
    yield opened
    opened.close()


@pytest.mark.parametrize("sql", BY_ENGINE)
def test_the_engine_is_the_wall(database: DuckDatabase, folder: Path, sql: str) -> None:
    """With no guard before it."""
    python_variable = pl.DataFrame({"a": [PLANTED]})
    with database.session() as session, pytest.raises(DatabaseError) as caught:
        session.rows(_filled(sql, folder))
    assert PLANTED not in str(caught.value)
    assert len(python_variable) == 1


def test_rows_that_do_not_fit_in_memory_still_spill(database: DuckDatabase) -> None:
    """The folder to spill to is the database's own, wall or no wall."""
    with database.session() as session:
        session.run(
            "CREATE TEMP TABLE big AS SELECT range AS n, repeat(md5(range::VARCHAR), 4) AS text "
            "FROM range(300000)"
        )
        [spilled] = session.one("SELECT sum(size) FROM duckdb_temporary_files()")
        assert spilled > 0
        assert session.one("SELECT count(DISTINCT text) FROM big") == (300_000,)


def test_every_session_has_the_settings_of_hyper(database: DuckDatabase) -> None:
    """They are set once, before the lock."""
    names = ("TimeZone", "default_null_order", "integer_division", "python_enable_replacements")
    listed = ", ".join(f"current_setting('{name}')" for name in names)
    with database.session() as session:
        found = session.fork().one(f"SELECT {listed}")
    assert found == ("UTC", "NULLS_LAST_ON_ASC_FIRST_ON_DESC", True, False)
