"""Queries with what Hyper says of them; the tables hold for the engine and for the emulator."""

from __future__ import annotations

from pathlib import Path

OBJECT = '"Opp__dlm"'

KINDS = {
    "Key__c": "text",
    "Name__c": "text",
    "Amount__c": "numeric(18,2)",
    "Close__c": "date",
    "Changed__c": "timestamptz",
    "IsWon__c": "boolean",
    "Count__c": "integer",
    "Share__c": "double precision",
}
"""The columns of the object."""

NULLS = ("k-9", *[None] * 7)
ROWS: tuple[tuple[str | None, ...], ...] = (
    ("k-1", "One", "1200.50", "2026-01-31", "2026-01-31 10:20:30+00", "true", "7", "1200.5"),
    ("k-2", "Größe 😀", "0.05", "2024-02-29", "2024-02-29 00:00:00+00", "false", "0", "5"),
    ("K-3", "it's", "-7.25", "1999-12-31", "2026-01-31 10:20:30.25+00", "true", "-3", "1e15"),
    ("k_4", "", "12.00", "2026-01-01", "2026-02-01 23:59:59+00", "false", "12", "1e-7"),
    ("k 5", " two words ", "3.10", "2026-03-31", "2026-02-01 00:00:00+00", "true", "1", "1e20"),
    ("é", 'a "quoted" one', "99.99", "2026-03-30", "2025-01-01 00:00:00+00", "false", "4", "0.1"),
    NULLS,
)
"""The rows of the object, as texts that are cast."""


def made() -> list[str]:
    """Return the statements that make the object in either engine."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in KINDS.items())
    return [f"CREATE TABLE {OBJECT} ({columns})", *map(_inserted, ROWS)]


def _inserted(row: tuple[str | None, ...]) -> str:
    cells = ", ".join(
        f"CAST({_literal(cell)} AS {kind})" for cell, kind in zip(row, KINDS.values(), strict=True)
    )
    return f"INSERT INTO {OBJECT} VALUES ({cells})"


def _literal(cell: str | None) -> str:
    return "NULL" if cell is None else "'" + cell.replace("'", "''") + "'"


def _lines(name: str) -> list[str]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("--")]


REFUSED = {line[6:]: line[:5] for line in _lines("refused.sql")}
"""Queries that Hyper refuses, with its SQLSTATE."""

ANSWERED = tuple(_lines("answered.sql"))
"""Queries that Hyper answers; the rows are the same in the emulated tenant."""
