"""Dead letters as people and other programs read them: listed, exported, redacted."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dc_assets.cli.console import Console
from dc_assets.cli.refused import alike
from dc_assets.cli.spreadsheets import for_spreadsheets
from dc_assets.core.errors import ConfigError
from dc_assets.core.row_outcomes import shown_code
from dc_assets.core.spec import LoadSpec
from dc_assets.views.dead_letters import OpenDeadLetter

LISTED_MAX = 100
"""Kinds of dead letters that a terminal shows; --export has every letter."""

FORMATS = (".csv", ".parquet")


def redacted(letter: OpenDeadLetter, spec: LoadSpec) -> OpenDeadLetter:
    """Return a letter whose row has types and lengths instead of values.

    The message may quote values, and so may a code that is no word of Salesforce's.
    """
    code = shown_code(letter.code)
    types = {column.target: column.type for column in spec.columns}
    row: dict[str, Any] = json.loads(letter.row_json)
    shown = {
        name: None if value is None else f"{types.get(name, 'text')}({len(str(value))})"
        for name, value in row.items()
    }
    return replace(letter, code=code, message=code, row_json=json.dumps(shown))


def for_machines(letter: OpenDeadLetter) -> dict[str, object]:
    """Return a letter with readable times; the row stays one text."""
    times = ("first_refused_at", "refused_at")
    line = asdict(letter)
    return {**line, **{name: _moment(line[name]).isoformat() for name in times}}


def print_dead_letters(
    console: Console, spec: LoadSpec, dead_letters: Sequence[OpenDeadLetter]
) -> None:
    """Print one letter of each code, field and parent, and how many there are."""
    groups = alike(dead_letters, spec.parent_target)
    for group in groups[:LISTED_MAX]:
        one = group.example
        when = f"{_moment(one.refused_at):%Y-%m-%d %H:%M:%S}"
        if one.first_refused_at < one.refused_at:
            when += f", first {_moment(one.first_refused_at):%Y-%m-%d %H:%M:%S}"
        fields = f" [{one.fields}]" if one.fields else ""
        console.print(
            f"{one.partition_key}  {one.external_id}  {one.code}: {one.message}{fields}  "
            f"({one.attempts} sent, refused {when}, run {one.run_id or '?'}){group.more}",
            soft_wrap=True,
        )
    more = sum(group.rows for group in groups[LISTED_MAX:])
    tail = f", {more:,} of them of kinds that are not shown" if more else ""
    whole = "; --export FILE.csv has each" if len(dead_letters) > len(groups) or more else ""
    console.print(f"{len(dead_letters):,} dead letters{tail}{whole}")


def export_dead_letters(
    path: Path, dead_letters: Sequence[OpenDeadLetter], *, spreadsheet: bool = False
) -> None:
    """Write dead letters with their whole rows, to a file that only its owner reads, or not at all.

    CSV and Parquet hold every text exactly; with ``spreadsheet`` the cells of CSV are escaped.

    Raises:
        ConfigError: the ending is not .csv or .parquet, or the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"--export writes .csv or .parquet, not {path.name}.")
    schema = {name: _type_of(name) for name in OpenDeadLetter.__dataclass_fields__}
    frame = pl.DataFrame([asdict(letter) for letter in dead_letters], schema=schema).with_columns(
        pl.from_epoch((pl.col(name) * 1000).cast(pl.Int64), time_unit="ms").dt.replace_time_zone(
            "UTC"
        )
        for name in ("first_refused_at", "refused_at")
    )
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if path.suffix.lower() == ".csv" and spreadsheet:
            marked = for_spreadsheets(frame)
            marked.write_csv(scratch, include_bom=True, quote_style="non_numeric")
        elif path.suffix.lower() == ".csv":
            frame.write_csv(scratch)
        else:
            frame.write_parquet(scratch, compression="lz4")
        scratch.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        scratch.unlink(missing_ok=True)


def _type_of(name: str) -> type[pl.DataType]:
    if name in {"first_refused_at", "refused_at"}:
        return pl.Float64
    return pl.Int64 if name == "attempts" else pl.String


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
