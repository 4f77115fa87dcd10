"""External ids are read as programs save them, and what is no such file is refused."""

from __future__ import annotations

import codecs
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dc_assets.cli.id_files import ids_in, not_refused
from dc_assets.core.errors import ConfigError

TEXTS = {
    "plain": b"id-1\nid-2\n",
    "Windows": b"id-1\r\nid-2\r\n",
    "old Mac": b"id-1\rid-2",
    "a byte order mark": codecs.BOM_UTF8 + b"id-1\nid-2",
    "UTF-16": "id-1\r\nid-2".encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + "id-1\nid-2".encode("utf-16-be"),
    "quotes and blanks": b' "id-1" \n\n\t"id-2"\n',
}
TABLES = {
    "plain": b"external_id,code\nid-1,X\nid-2,Y\n",
    "Windows": b"code,external_id\r\nX,id-1\r\nY,id-2\r\n",
    "a byte order mark": codecs.BOM_UTF8 + b"external_id,code\nid-1,X\nid-2,Y\n",
    "UTF-16": "external_id,code\r\nid-1,X\r\nid-2,Y\r\n".encode("utf-16"),
    "quotes": b'"external_id","code"\n"id-1","a, b"\n"id-2","a\nb"\n',
    "a mark before quotes": codecs.BOM_UTF8 + b'"external_id"\n"id-1"\n"id-2"\n',
}
WRONG: dict[str, tuple[str, bytes]] = {
    "an empty file": ("a.txt", b""),
    "blank lines": ("a.txt", b"\n \n"),
    "a lone mark": ("a.txt", codecs.BOM_UTF8),
    "Latin-1": ("a.txt", b"id-\xe9"),
    "UTF-16 without a mark": ("a.txt", "id-1".encode("utf-16-le")),
    "half of UTF-16": ("a.txt", codecs.BOM_UTF16_LE + b"i\x00d"),
    "an empty table": ("a.csv", b""),
    "no such column": ("a.csv", b"id\nid-1\n"),
    "a table without rows": ("a.csv", b"external_id\n"),
    "an empty Parquet file": ("a.parquet", b""),
    "zeros": ("a.parquet", bytes(400)),
    "CSV called Parquet": ("a.parquet", b"external_id\nid-1\n"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_file_has_an_id_a_line(tmp_path: Path, name: str) -> None:
    """The first id is not lost to a byte order mark."""
    (tmp_path / "ids.txt").write_bytes(TEXTS[name])
    assert ids_in(tmp_path / "ids.txt") == {"id-1", "id-2"}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_column_of_ids(tmp_path: Path, name: str) -> None:
    """As a spreadsheet saves an edited export."""
    (tmp_path / "ids.csv").write_bytes(TABLES[name])
    assert ids_in(tmp_path / "ids.csv") == {"id-1", "id-2"}


def test_a_parquet_file_has_a_column_of_ids(tmp_path: Path) -> None:
    """Numbers are ids too."""
    pl.DataFrame({"external_id": [1, 2, None]}).write_parquet(tmp_path / "ids.parquet")
    assert ids_in(tmp_path / "ids.parquet") == {"1", "2"}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_list_of_ids_is_refused(tmp_path: Path, name: str) -> None:
    """In one sentence that names the file."""
    file, raw = tmp_path / WRONG[name][0], WRONG[name][1]
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        ids_in(file)
    assert str(caught.value).startswith(str(file))
    assert str(caught.value).isprintable()


def test_a_folder_is_no_list_of_ids(tmp_path: Path) -> None:
    """Whatever it is called."""
    for name in ("a.txt", "a.csv", "a.parquet"):
        (tmp_path / name).mkdir()
        with pytest.raises(ConfigError, match="cannot be read as external ids"):
            ids_in(tmp_path / name)


def test_ids_that_are_not_refused_are_counted_with_examples() -> None:
    """Five of them are shown."""
    wanted = [f"id-{number}" for number in range(9)]
    assert not_refused(wanted, wanted) is None
    said = not_refused(wanted, ["id-0", "other"])
    assert said == ("8 of 9 ids are not among the refused rows: id-1, id-2, id-3, id-4, id-5, …")


@settings(
    max_examples=100,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from([".txt", ".csv", ""]),
    st.binary(max_size=40) | st.sampled_from([*TEXTS.values(), *TABLES.values()]),
    st.binary(max_size=3),
    st.integers(0, 60),
)
def test_any_bytes_are_ids_or_refused(
    tmp_path: Path, suffix: str, raw: bytes, splice: bytes, at: int
) -> None:
    """No file ends in anything else."""
    file = tmp_path / f"ids{suffix}"
    file.write_bytes(raw[:at] + splice + raw[at:])
    try:
        assert all(ids_in(file))
    except ConfigError as error:
        assert str(error).isprintable()  # noqa: PT017 - both ends are right
