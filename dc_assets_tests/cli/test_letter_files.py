"""Exported dead letters: exact by default, safe in a spreadsheet on demand, read back from both."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.cli.dead_letters import export_dead_letters
from dc_assets.cli.id_files import ids_in
from dc_assets.cli.spreadsheets import escaped, unescaped
from dc_assets.views.dead_letters import OpenDeadLetter

TEXTS = [
    *("=1+1", "+1", "-1", "@sum", "\tx", "x\t", "\rx", "x\r", "\nx", "a\r\nb", '"q"', 'a"b', "'a"),
    *("''a", "N/A", "NA", "null", " pad ", "a,b", "a;=1", "a;'b", 'a;"=1"', "\u2028", "\ufeffx"),
    *("＝1", "externalOpp1", "=cmd|' /C calc'!A0"),  # noqa: RUF001 - a sign that spreadsheets run
]


def letter(text: str) -> OpenDeadLetter:
    """Return a letter with a text wherever one from outside can be."""
    return OpenDeadLetter(
        partition_key="r1-01",
        external_id=text,
        code=text,
        message=text,
        fields="",
        attempts=1,
        first_refused_at=0.0,
        refused_at=1.5,
        run_id="run",
        load_id="load",
        row_json=json.dumps({"Name": text, "Empty": "", "Null": None}),
    )


LETTERS = [letter(text) for text in TEXTS]


@pytest.mark.parametrize("name", ["exact.csv", "sheet.csv", "whole.parquet"])
def test_ids_read_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    """To the last blank and apostrophe, from each kind of export."""
    file = tmp_path / name
    export_dead_letters(file, LETTERS, spreadsheet=name == "sheet.csv")
    assert set(ids_in(file)) == set(TEXTS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_csv_holds_every_text_exactly(tmp_path: Path) -> None:
    """For Polars and for Python's reader: signs of formulas, quotes, line ends, N/A, empty."""
    file = tmp_path / "exact.csv"
    export_dead_letters(file, LETTERS)
    columns = ("external_id", "message", "fields", "row_json")
    wanted = [tuple(getattr(one, name) for name in columns) for one in LETTERS]
    assert pl.read_csv(file, infer_schema=False).select(columns).rows() == wanted
    with file.open(encoding="utf-8", newline="") as source:
        assert [tuple(row[name] for name in columns) for row in csv.DictReader(source)] == wanted


def test_no_cell_of_a_spreadsheet_is_run(tmp_path: Path) -> None:
    """Not even where the spreadsheet takes the separator of another country."""
    file = tmp_path / "sheet.csv"
    export_dead_letters(file, LETTERS, spreadsheet=True)
    for separator in ",;\t|":
        with file.open(encoding="utf-8-sig", newline="") as source:
            cells = [cell for row in csv.reader(source, delimiter=separator) for cell in row]
        assert [cell for cell in cells if re.match("[=+@\t\r＝＋－＠]|-[^0-9]", cell)] == []  # noqa: RUF001 - the same


def test_a_sheet_that_was_saved_again_is_read(tmp_path: Path) -> None:
    """Programs drop our quotes and byte order mark; a row added by hand has no escapes."""
    file = tmp_path / "sheet.csv"
    export_dead_letters(file, LETTERS, spreadsheet=True)
    with file.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    rows.append(dict.fromkeys(rows[0], "") | {"external_id": "'by hand"})
    with file.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.DictWriter(sink, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert set(ids_in(file)) == {*TEXTS, "'by hand"}


@given(st.text("=-+@'\"\t\r\n;,|a "))
def test_escaping_can_be_taken_back(text: str) -> None:
    """Exactly, and what was escaped begins with nothing that is run."""
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r"))
