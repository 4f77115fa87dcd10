"""Rules that are counted on the source, by SQL and in files: both count the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets.core.value_kinds import ValueKind
from dc_assets.files import FileSource
from dc_assets.load.preflight.measured import MEASURES, FieldRule, RuleKind, rules_of
from dc_assets.salesforce import sql
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, small_spec

VALUE = "Title__c"
RULES: dict[RuleKind, tuple[FieldRule, Sequence[object], Sequence[object]]] = {
    "required": (FieldRule(VALUE, "T", "required"), ["a", " "], ["", None]),
    "length": (FieldRule(VALUE, "T", "length", 3), ["abc", "ÄÖÜ", "", None], ["abcd", "    "]),
    "picklist": (
        FieldRule(VALUE, "T", "picklist", values=("A", "it's")),
        ["A", "it's", "", None],
        ["a", "B", "A;A"],
    ),
    "multipicklist": (
        FieldRule(VALUE, "T", "multipicklist", values=("A", "B", "it's")),
        ["A", "A;B", "B;A;A", "it's;B", "", None],
        ["C", "A;C", "AB", "a;B"],
    ),
    "choices": (FieldRule(VALUE, "T", "choices", 3), ["A", "A;B;C", "", None], ["A;B;C;D"]),
    "digits": (FieldRule(VALUE, "T", "digits", 4), [0.5, 9999.99, -9999.0, None], [1e4, -12345.0]),
    "decimals": (FieldRule(VALUE, "T", "decimals", 2), [2.5, 2.67, -3.0, None], [2.675, 0.001]),
    "number": (
        FieldRule(VALUE, "T", "number"),
        ["1", "-2.50", "+3", "1.5E3", "", None],
        ["1,5", "1 000", "abc", "€1"],
    ),
    "boolean": (
        FieldRule(VALUE, "T", "boolean"),
        ["true", "FALSE", "1", "no", "", None],
        ["y", "wahr", "2"],
    ),
    "date": (
        FieldRule(VALUE, "T", "date"),
        ["2026-01-31", "2026-01-31 00:00:00+00", "2026-01-31T00:00:00Z", "", None],
        ["31.01.2026", "2026-01-31 12:00:00", "2026-1-3"],
    ),
    "datetime": (
        FieldRule(VALUE, "T", "datetime"),
        ["2026-01-31 12:30:00", "2026-01-31T12:30:00Z", "2026-01-31 12:30", "", None],
        ["2026-01-31", "12:30", "31.01.2026 12:30"],
    ),
    "days": (
        FieldRule(VALUE, "T", "days"),
        ["1700-01-01", "4000-12-31", "4000-12-31 23:59:59", "", None],
        ["1699-12-31", "4001-01-01", "0001-01-01"],
    ),
    "record_id": (
        FieldRule(VALUE, "T", "record_id"),
        ["001000000000001", "001000000000001AAA", "", None],
        ["acc0000001", "x" * 17],
    ),
}


def test_every_kind_of_rule_is_tried_here() -> None:
    """A new one is held to both engines too."""
    assert set(RULES) == set(MEASURES)


@pytest.mark.parametrize("kind", RULES)
def test_files_and_sql_count_the_same_rows(tmp_path: Path, kind: RuleKind) -> None:
    """All that break the rule, and no other."""
    rule, right, wrong = RULES[kind]
    values = [*right, *wrong]
    rows = pl.DataFrame(
        {KEY: [str(number) for number in range(len(values))], VALUE: values}, strict=False
    ).with_columns(pl.lit("1").alias("Price__c"), pl.lit("p").alias("ParentKey__c"))
    file = tmp_path / "rows.parquet"
    rows.write_parquet(file)
    source = {"files": str(file), "key": KEY, "parent": "ParentKey__c"}
    assert FileSource(small_spec(source=source)).count_breaking([rule]) == [len(wrong)]
    with duckdb.connect() as database:
        broken = database.sql(
            f"SELECT {VALUE} FROM '{file}' WHERE {sql.breaks(rule)} ORDER BY CAST({KEY} AS INT)"
        ).fetchall()
    assert [row[0] for row in broken] == list(wrong)


def kinds_of(field: TargetField, source: ValueKind, **column: object) -> list[RuleKind]:
    """Return the kinds of rules of a field that a column of some kind fills."""
    columns = [
        {"source": KEY, "target": EXTERNAL_ID},
        {"source": VALUE, "target": "F__c", **column},
    ]
    spec = small_spec(source={"object": "Things__dlm", "key": KEY}, columns=columns)
    described = TargetDescription(TargetObject("Thing__c", {"F__c": replace(field, name="F__c")}))
    return [rule.kind for rule in rules_of(spec, described, {VALUE: source})]


CURRENCY = TargetField("", "currency", precision=18, scale=2)


def test_what_a_typed_column_cannot_break_is_not_measured() -> None:
    """A date is a date; how big a text is as a number, no query can tell without reading it."""
    assert kinds_of(CURRENCY, "number", type="number") == ["digits", "decimals"]
    assert kinds_of(CURRENCY, "number", type="number", scale=2) == ["digits"]
    assert kinds_of(CURRENCY, "text", type="number") == ["number"]
    assert kinds_of(TargetField("", "date"), "date", type="date") == ["days"]
    assert kinds_of(TargetField("", "date"), "datetime", type="date") == ["date", "days"]
    assert kinds_of(TargetField("", "boolean"), "boolean", type="boolean") == []
    assert kinds_of(TargetField(""), "unknown") == []
