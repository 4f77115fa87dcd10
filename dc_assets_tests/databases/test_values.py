"""What a database holds becomes one text, and a time one that can be compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceCursor
from dc_assets.databases.source import DatabaseSource
from dc_assets_tests.fakes.database_tables import DatabaseTable
from dc_assets_tests.fakes.specs import small_spec

ALL = IdRange(None, None)


def sqlite_of(
    folder: Path, kinds: str, rows: Sequence[tuple[object, object]], **changes: object
) -> DatabaseSource:
    """Return a source of the columns k and v, declared and filled so."""
    file = folder / "things.db"
    with sqlite3.connect(file) as connection:
        connection.execute(f"CREATE TABLE things ({kinds})")
        connection.executemany("INSERT INTO things VALUES (?, ?)", rows)
    connection.close()
    return source_of(f"sqlite:///{file}", **changes)


def source_of(url: str, **changes: object) -> DatabaseSource:
    """Return a source of the columns k and v of a table."""
    spec = small_spec(
        source={"sql": {"url": "$THINGS_URL", "table": "things"}, "key": "k"},
        columns=[{"source": "k", "target": "K"}, {"source": "v", "target": "V"}],
        target={"object": "Thing__c", "external_id": "K"},
        **changes,
    )
    return DatabaseSource(spec, url)


def values(source: DatabaseSource) -> list[str | None]:
    """Return the values in key order."""
    return pl.concat(source.pages(ALL))["v"].to_list()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (0.1 + 0.2, "0.30000000000000004"),
        (2.0**53, "9007199254740992.0"),
        (7, "7"),
        ("7", "7"),
        (b"\x00\xff", "00FF"),
        (None, None),
        ("", ""),
        (" x ", " x "),
    ],
)
def test_a_value_without_a_type_has_one_text(
    tmp_path: Path, value: object, text: str | None
) -> None:
    """SQLite keeps what it is given: a number loses no digit, bytes are written as hex."""
    assert values(sqlite_of(tmp_path, "k TEXT, v", [("a", value)])) == [text]


def test_numbers_as_keys_are_ordered_as_text(tmp_path: Path) -> None:
    """A range of them holds what it says."""
    source = sqlite_of(tmp_path, "k INTEGER PRIMARY KEY, v", [(n, f"{n}") for n in range(1, 13)])
    assert values(source) == sorted(f"{n}" for n in range(1, 13))
    assert source.count(IdRange("1", "2")) == len(["10", "11", "12", "2"])
    assert source.key_ends() == ("1", "9")


@pytest.mark.parametrize(
    "letters", [("ä", "Ä"), ("a", "A"), ("ø", "Ø")], ids=["umlaut", "ascii", "stroke"]
)
def test_ids_that_differ_in_case_are_found(tmp_path: Path, letters: tuple[str, str]) -> None:
    """Also those of letters that the database cannot lower-case."""
    source = sqlite_of(tmp_path, "k TEXT COLLATE NOCASE, v", [(one, "x") for one in letters])
    assert source.ambiguous_keys() == [letters[0]]
    assert source.ambiguous_keys(with_case=True) == []


@pytest.mark.parametrize(
    ("other", "newest"),
    [
        ("2026-01-02T00:00:00Z", "2026-01-02 00:00:00.000"),
        ("2026-01-02 05:00:00+05:00", "2026-01-02 00:00:00.000"),
        ("2026-01-01 22:30:00-02:00", "2026-01-02 00:30:00.000"),
        ("2026-01-01", "2026-01-01 10:00:00.000"),
    ],
)
def test_times_of_text_are_compared_as_times(tmp_path: Path, other: str, newest: str) -> None:
    """However each is written, the newest one is found."""
    lines = [("a", "2026-01-01T10:00:00"), ("b", other)]
    source = sqlite_of(tmp_path, "k TEXT, v DATETIME", lines, refresh={"modified": "v"})
    assert SourceCursor.of(source.state(ALL)) == SourceCursor(newest, 1)


@pytest.mark.parametrize("wrong", ["yesterday", 1_767_225_600, ""])
def test_a_modification_time_that_is_none_is_refused(tmp_path: Path, wrong: object) -> None:
    """Passed over, it would be a change that no refresh ever sees."""
    lines = [("a", "2026-01-01 10:00:00"), ("b", wrong)]
    source = sqlite_of(tmp_path, "k TEXT, v", lines, refresh={"modified": "v"})
    with pytest.raises(ConfigError, match="holds 1 values that are no time"):
        source.state(ALL)
    assert source.look({"one": IdRange(None, "a")}, {}).rows_scanned == 1


@pytest.mark.parametrize("database", ["sqlite", "duckdb"])
def test_a_fingerprint_tells_every_change(tmp_path: Path, database: str) -> None:
    """A value that moves to the next column or row, a null for an empty text, a row more."""
    tables = [
        [("a", "bc"), ("d", None)],
        [("ab", "c"), ("d", None)],
        [("a", "bc"), ("d", "")],
        [("a", None), ("d", "bc")],
        [("a", "bc")],
        [],
    ]
    url = f"{database}:///{tmp_path}/things.{database}"
    states: list[str] = []
    for rows in tables:
        frame = pl.DataFrame(rows, {"k": pl.String, "v": pl.String}, orient="row")
        DatabaseTable(url, "things").holds(frame)
        source = source_of(url)
        states.append(source.state(ALL))
        source.close()
    assert len(set(states)) == len(tables)
