"""Whatever is wrong with a file or a condition on it is said in one sentence, by every question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.files import FileSource
from dc_assets.load.preflight.measured import FieldRule
from dc_assets_tests.fakes.specs import KEY, small_spec

ALL = IdRange(after=None, upto=None)
ROWS = pl.DataFrame(
    {
        KEY: ["a", "b", "c"],
        "Title__c": ["x", "y", "z"],
        "Price__c": ["1", "2", "3"],
        "ParentKey__c": ["p", "p", "q"],
        "Amount__c": ["1", "2", "30"],
    }
)
QUESTIONS: dict[str, Callable[[FileSource], object]] = {
    "check_columns": lambda source: source.check_columns(),
    "pages": lambda source: list(source.pages(ALL)),
    "count": lambda source: source.count(ALL),
    "rows_total": lambda source: source.rows_total(),
    "parents_above": lambda source: source.parents_above(1),
    "key_ends": lambda source: source.key_ends(),
    "rows_per_parent": lambda source: source.rows_per_parent(),
    "count_breaking": lambda source: source.count_breaking([FieldRule(KEY, "N", "required")]),
    "ambiguous_keys": lambda source: [
        source.ambiguous_keys(with_case=with_case) for with_case in (False, True)
    ],
    "distinctness": lambda source: source.distinctness(["Title__c"]),
    "most_frequent": lambda source: source.most_frequent("Title__c", 3),
    "external_ids": lambda source: source.external_ids(),
    "key_quantiles": lambda source: source.key_quantiles(2, ALL),
    "key_at": lambda source: source.key_at(ALL, 1),
    "value_counts": lambda source: source.value_counts("Title__c", ALL),
    "state": lambda source: source.state(ALL),
    "look": lambda source: source.look({"r1-01": ALL}, {}),
}


def source_of(file: Path, where: str | None = None, **refresh: object) -> FileSource:
    """Return a file as a source."""
    place = {"files": str(file), "key": KEY, "parent": "ParentKey__c", "where": where}
    return FileSource(small_spec(source=place, refresh=refresh))


def said(source: FileSource, question: str) -> str:
    """Return the one sentence that a question ends in."""
    with pytest.raises(ConfigError) as caught:
        QUESTIONS[question](source)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 700
    return sentence


def test_every_question_is_asked_here() -> None:
    """A new method of the source is held to the same; two of them look at no row."""
    asked = {name for name in vars(FileSource) if not name.startswith("_")}
    assert set(QUESTIONS) == asked - {"columns", "calls"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_number_is_no_text(tmp_path: Path, question: str) -> None:
    """In CSV every cell is text: the sentence names the setting and how to compare."""
    ROWS.write_csv(tmp_path / "rows.csv")
    sentence = said(source_of(tmp_path / "rows.csv", '"Amount__c" > 1'), question)
    assert "source.where of the spec things" in sentence
    assert 'CAST("Column" AS DOUBLE)' in sentence


def test_the_remedy_works(tmp_path: Path) -> None:
    """A condition with the cast that the sentence tells counts what it should."""
    ROWS.write_csv(tmp_path / "rows.csv")
    assert source_of(tmp_path / "rows.csv", 'CAST("Amount__c" AS DOUBLE) > 1').count(ALL) == 2


@pytest.mark.parametrize(
    "where", ['"Nowhere__c" = 1', "((1))) =", "a b c", "SELECT", "nofunction(1)"]
)
def test_a_condition_without_sense_is_refused(tmp_path: Path, where: str) -> None:
    """By the spec, or by the first question."""
    ROWS.write_parquet(tmp_path / "rows.parquet")
    with pytest.raises((ConfigError, ValueError), match=r"source.*where"):
        source_of(tmp_path / "rows.parquet", where).check_columns()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "zeros": lambda file: file.write_bytes(bytes(500)),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:300]),
    "wrong kind": lambda file: file.write_bytes(b"Key__c,Title__c\na,b\n"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("question", ["check_columns", "pages", "state"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(tmp_path: Path, damage: str, question: str) -> None:
    """With the setting that names it."""
    file = tmp_path / "rows.parquet"
    ROWS.write_parquet(file)
    DAMAGES[damage](file)
    sentence = said(source_of(file), question)
    assert sentence.startswith(str(file))
    assert "source.files" in sentence or "must be Parquet" in sentence


@pytest.mark.parametrize(
    "files", ["**x.csv", "[", "a\x00b.csv", "\x00/x.csv", "nowhere/*.csv", "."]
)
def test_a_pattern_that_finds_nothing_is_named(tmp_path: Path, files: str) -> None:
    """Also one that is no pattern."""
    with pytest.raises(ConfigError, match="must be Parquet"):
        source_of(tmp_path / files).check_columns()


def test_a_panic_of_polars_is_one_sentence_too(tmp_path: Path) -> None:
    """Damage in the metadata of a Parquet file: some of it is a panic, which is no Exception."""
    file = tmp_path / "rows.parquet"
    ROWS.write_parquet(file)
    good = file.read_bytes()
    source, told = source_of(file), set[str]()
    for at in range(len(good) - 900, len(good) - 700):
        file.write_bytes(good[:at] + b"\x7f" + good[at + 1 :])
        try:
            source.count(ALL)
        except ConfigError as error:
            told.add(str(error))
    assert any("it is damaged" in one for one in told)


def test_a_missing_column_is_named_by_every_question(tmp_path: Path) -> None:
    """Also when a file was exchanged after the first look."""
    ROWS.drop("Title__c").write_csv(tmp_path / "rows.csv")
    for question in QUESTIONS:
        assert "has no column Title__c" in said(source_of(tmp_path / "rows.csv"), question)
