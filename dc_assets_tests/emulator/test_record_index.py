"""Records are found beside the database, and what was committed outlives the process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.emulator.engines.binding import BatchError
from dc_assets.emulator.engines.upload import read_upload
from dc_assets.emulator.ids import record_id
from dc_assets.emulator.schema import Field, ObjectType
from dc_assets.emulator.schema_file import load_schema
from dc_assets.emulator.stores.applying import ID
from dc_assets.emulator.stores.core import Change, CoreStore
from dc_assets.emulator.stores.id_numbers import ids_of, numbers_of
from dc_assets.emulator.stores.jobs import JobStore, StoredJob
from dc_assets.emulator.stores.journal import IS_NEW, KEY
from dc_assets.emulator.stores.pending import Commit
from dc_assets.emulator.stores.record_index import NUMBER
from dc_assets.emulator.stores.sorted_runs import SortedRuns

MOMENT = datetime(2026, 1, 31, 12)  # noqa: DTZ001  moments of the store are UTC without a zone
NUMBERS = st.integers(0, 62**6 - 1)


@given(st.lists(NUMBERS, min_size=1))
def test_ids_of_a_column_are_those_made_one_by_one(numbers: list[int]) -> None:
    """And each leads back to its number."""
    ids = ids_of("006", pl.Series(numbers, dtype=pl.Int64))
    assert ids.to_list() == [record_id("006", number) for number in numbers]
    assert numbers_of("006", ids).to_list() == numbers


def test_no_other_text_has_a_number() -> None:
    """Neither another object's id, nor one whose case is not right."""
    good = record_id("006", 238_333)
    wrong = [None, "", "x", "#N/A", good[:15], good.swapcase(), record_id("001", 5), "é" * 9]
    wrong += ["006Ov0000!!!!!!AAA", "006Ov0000~~~~~~AAA"]
    assert numbers_of("006", pl.Series(wrong, dtype=pl.String)).to_list() == [None] * len(wrong)


@given(st.lists(st.lists(st.integers(0, 20), max_size=12), max_size=12))
def test_all_numbers_of_a_key_are_found(batches: list[list[int]]) -> None:
    """However many batches they came in."""
    runs, truth = SortedRuns(), set[tuple[int, int]]()
    for number, keys in enumerate(batches):
        numbers = list(range(number * 100, number * 100 + len(keys)))
        truth |= set(zip(keys, numbers, strict=True))
        runs.add(pl.Series(keys, dtype=pl.UInt64), pl.Series(numbers, dtype=pl.Int64))
    asked = pl.Series([*range(25), None], dtype=pl.UInt64)
    found = runs.find(asked).rows()
    assert len(found) == len(truth)
    assert {(int(at), number) for at, number in found} == truth
    alone = runs.alone(asked)
    if len({key for key, _ in truth}) == len(truth):
        assert alone is not None
    if alone is not None:
        assert {(at, number) for at, number in enumerate(alone) if number is not None} == truth


def test_a_key_of_two_runs_has_no_number_alone() -> None:
    """Another key has."""
    runs = SortedRuns()
    runs.add(pl.Series(range(10), dtype=pl.UInt64), pl.Series(range(10), dtype=pl.Int64))
    runs.add(pl.Series([3], dtype=pl.UInt64), pl.Series([10], dtype=pl.Int64))
    assert runs.alone(pl.Series([2, 3], dtype=pl.UInt64)) is None
    alone = runs.alone(pl.Series([2, 11], dtype=pl.UInt64))
    assert alone is not None
    assert alone.to_list() == [2, None]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[CoreStore]:
    """A store without records of an object."""
    opened = CoreStore(tmp_path, load_schema())
    yield opened
    opened.close()


def account_of(core: CoreStore) -> tuple[ObjectType, Field]:
    """An object, and the field by which its records are found."""
    item = core.schema.find("Account")
    assert item is not None
    key = next(field for field in item.fields if field.external_id)
    return item, key


def make(core: CoreStore, keys: list[str], batch: int = 0) -> None:
    """Commit a record for each key."""
    item, key = account_of(core)
    with core.writing:
        index = core.index(item)
        numbers = pl.int_range(index.next_number, index.next_number + len(keys), eager=True)
        index.insert(numbers, lambda _: pl.Series(keys))
        rows = pl.DataFrame({NUMBER: numbers, IS_NEW: [True] * len(keys), KEY: keys})
        rows = rows.with_columns(index.ids(numbers).alias(ID), pl.Series(key.name, keys))
        commit = Commit("750", item.name, batch, MOMENT, len(keys), len(keys), 0, 0, 0)
        core.commit(Change(item.name, MOMENT, (key.name,), False, rows, commit))


def found_by(core: CoreStore, key: str) -> list[str]:
    """The ids of the records with this key."""
    item, field = account_of(core)
    with core.writing:
        index = core.index(item)
        found = index.find(field, pl.Series([key]))["number"]
        alone = index.alone(field, pl.Series([key]))
        assert alone is None or alone.drop_nulls().to_list() == found.to_list()
        return index.ids(found).to_list()


def test_what_was_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    """Rows and journal, once each, whether or not somebody read them before."""
    first = CoreStore(tmp_path, load_schema())
    make(first, ["a", "b"])
    for _ in range(2):
        with first.database.session() as session:
            assert session.one('SELECT count(*) FROM "Account"') == (2,)
    make(first, ["c"], batch=1)
    first.close()  # writes nothing: what is pending stays so
    second = CoreStore(tmp_path, load_schema())
    assert [commit.rows for commit in second.journal("750")] == [2, 1]
    with second.database.session() as session:
        assert session.one('SELECT count(*), count(DISTINCT "Id") FROM "Account"') == (3, 3)
        assert session.one("SELECT count(*), count(DISTINCT key) FROM journal_keys") == (3, 3)
    second.close()
    third = CoreStore(tmp_path, load_schema())
    assert third.commit_count() == 2
    assert [len(found_by(third, key)) for key in ("a", "c", "d")] == [1, 1, 0]
    third.close()


def test_a_job_is_what_the_last_whole_line_of_its_file_says(tmp_path: Path) -> None:
    """A stop may cut the line after it."""
    first = JobStore(tmp_path)
    job = replace(JOB, id=first.next_id())
    first.add(job)
    first.change(job.id, state="Aborted")
    with (tmp_path / "jobs" / job.id / "job.json").open("a") as file:
        file.write('\n{"id": "750')
    second = JobStore(tmp_path)
    assert second.all() == [replace(job, state="Aborted")]
    assert second.next_id() == record_id("750", 2)


def test_a_key_that_moves_is_found_by_its_new_text_alone(core: CoreStore) -> None:
    """Also when it takes the old one again, or keeps it."""
    make(core, ["a", "b"])
    item, field = account_of(core)
    (id_,) = found_by(core, "a")
    index = core.index(item)
    number = index.of_ids(pl.Series([id_]))
    for text in ("a", "c", "c", "a", "c"):
        index.move(field, number, pl.Series([text]))
        assert [found_by(core, key) for key in ("a", "c")] == (
            [[], [id_]] if text == "c" else [[id_], []]
        )
    index.move(field, number, pl.Series([None], dtype=pl.String))
    assert found_by(core, "c") == []
    assert len(found_by(core, "b")) == 1


def test_a_deleted_record_is_found_by_its_id_alone(core: CoreStore) -> None:
    """And is told from the others."""
    make(core, ["a", "b"])
    item, _ = account_of(core)
    (id_,) = found_by(core, "a")
    index = core.index(item)
    numbers = index.of_ids(pl.Series([id_, record_id("001", 999)]))
    index.remove(numbers.drop_nulls())
    assert found_by(core, "a") == []
    assert index.are_gone(numbers).to_list() == [True, False]
    assert index.live_count == 1


JOB = StoredJob("750", "ingest", "insert", "Account", "", "", "InProgress", 66.0)
PLAIN = b"A,B\n1,2\n3,4\n"
ODD: dict[str, tuple[bytes, list[tuple[str, str, bool]]]] = {
    "plain": (PLAIN, [("1", "2", False), ("3", "4", False)]),
    "no end": (PLAIN[:-1], [("1", "2", False), ("3", "4", False)]),
    "quotes": (b'A,B\n"1,""x""\n,","2"\n3,\n', [('1,"x"\n,', "2", False), ("3", "", False)]),
    "all quoted": (b'A,B\n"1","2"\n"3",""\n', [("1", "2", False), ("3", "", False)]),
    "some quoted": (
        b'A,B\n"1",2\n3,""\n,4\n',
        [("1", "2", False), ("3", "", False), ("", "4", False)],
    ),
    "short and long": (b"A,B\n1\n1,2,3\n", [("1", "", True), ("1", "2", True)]),
    "empty lines": (b"A,B\n\n1,2\n\n", [("1", "2", False)]),
    "a quote amid a cell": (b'A,B\n1,a"b\n', [("1", 'a"b', False)]),
    "a blank beside a quote": (b'A,B\n1, "2"\n', [("1", ' "2"', True)]),
    "text behind a quote": (b'A,B\n1,"2"x\n', [("1", "2x", True)]),
    "header alone": (b"A,B\n", []),
    "no text": (b"", []),
}


@pytest.mark.parametrize("name", ODD)
def test_each_upload_is_read_as_its_rows_say(tmp_path: Path, name: str) -> None:
    """Whether it goes by the column or row by row."""
    content, rows = ODD[name]
    path = tmp_path / "upload.csv"
    path.write_bytes(content)
    found = read_upload(path, JOB)
    assert found.header == (["A", "B"] if content else [])
    read = [(a, b, ragged is not None) for a, b, ragged, *_ in found.rows.rows()] if rows else []
    assert read == rows
    assert found.rows["n"].to_list() == list(range(len(rows)))


def test_an_upload_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Wherever the byte stands."""
    path = tmp_path / "upload.csv"
    path.write_bytes(PLAIN + b"\xff,1\n")
    with pytest.raises(BatchError):
        read_upload(path, JOB)
