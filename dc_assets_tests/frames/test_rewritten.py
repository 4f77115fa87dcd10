"""Values that the canonical form changes are counted; mere notation is not."""

from __future__ import annotations

import polars as pl
import pytest

from dc_assets.frames.canon import canonical
from dc_assets.frames.rewritten import rewritten_values
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, small_spec


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        (["a\r\nb", "a\rb", "a\nb", None, ""], {}, {"V: line ends to LF": 2}),
        ([None, "", "false", "t", " "], {"type": "boolean"}, {"V: null to false": 2}),
        ([None, ""], {"type": "boolean", "when_null": "unchanged"}, {}),
        ([" a", "a ", "a", None, " "], {"blanks": "strip"}, {"V: blanks dropped": 3}),
        ([" a", "a "], {}, {}),
        (["1.005", "1.50", "2", None], {"type": "number", "scale": 2}, {"V: rounded": 1}),
        (["0012.50", "+1", "9.12E3"], {"type": "number"}, {}),
        (["b;a", "a;b", "a;a", None, ""], {"type": "multipicklist"}, {"V: choices sorted": 2}),
        (
            ["2026-01-01 00:00:00.1234567", "2026-01-01 00:00:00.120000", "2026-01-01T00:00:00Z"],
            {"type": "datetime"},
            {"V: cut to seconds": 2},
        ),
    ],
)
def test_changes_are_counted_by_field_and_way(
    values: list[str | None], column: dict[str, str], expected: dict[str, int]
) -> None:
    """Every value that is counted has another canonical text, and every count is told once."""
    columns = [{"source": KEY, "target": EXTERNAL_ID}, {"source": "v", "target": "V", **column}]
    spec = small_spec(source={"object": "Things__dlm", "key": KEY}, columns=columns)
    keys = [f"k{number}" for number in range(len(values))]
    page = pl.DataFrame({KEY: keys, "v": values}, schema={KEY: pl.String, "v": pl.String})
    assert rewritten_values(page, spec) == expected
    assert rewritten_values(page.clear(), spec) == {}
    changed = canonical(page, spec).get_column("V").ne_missing(page.get_column("v"))
    assert changed.sum() >= sum(expected.values())
