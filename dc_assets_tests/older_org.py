"""An org that has records of long before a load: made and read without the product."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from dc_assets_tests.acceptance.stage import Stage, wait_until
from dc_assets_tests.fakes.odd_texts import ODD_TEXTS

FIELDS = (
    *("Id", "External_ID__c", "Name", "StageName", "Amount", "CloseDate", "AccountId"),
    "Description",
)
"""The mapped fields as the org's own table has them."""

KEYLESS = "001Ov00000ZZZZ0AAA"
"""An account without external id."""

Records = Mapping[str, list[Any]]


def records(stage: Stage) -> Records:
    """Return the mapped fields of every living record by its id: the table itself is read."""
    names = ", ".join(f'"{name}"' for name in FIELDS)
    rows = stage.org.sql(f'SELECT {names} FROM "Opportunity" WHERE NOT "IsDeleted"')
    return {row[0]: row for row in rows}


def older_org(stage: Stage, rows: int) -> Records:
    """Insert records with the first ids of the source by a plain client, and return all of them."""
    _insert(stage, rows)
    for row, text in enumerate(ODD_TEXTS.values()):
        change(stage, row, Description=_quoted(text), Name=_quoted(text))
    stage.org.sql(f"""INSERT INTO "Account" ("Id", "Name", "IsDeleted")
        VALUES ('{KEYLESS}', 'Without a key', FALSE)""")
    change(stage, 50, AccountId="NULL", Amount="NULL")
    change(stage, 51, Amount="12345678901234.56", CloseDate="DATE '1999-12-31'")
    change(stage, 52, AccountId=f"'{KEYLESS}'")
    return records(stage)


def change(stage: Stage, row: int, **values: str) -> None:
    """Change a record behind the product's back; values are SQL."""
    said = ", ".join(f'"{name}" = {value}' for name, value in values.items())
    key = _quoted(stage.ids[row])
    stage.org.sql(f'UPDATE "Opportunity" SET {said} WHERE "External_ID__c" = {key}')


def _insert(stage: Stage, rows: int) -> None:
    parents = stage.org.sql('SELECT "External_ID__c" FROM "Account" ORDER BY 1')
    header = "External_ID__c", "Name", "StageName", "Amount", "CloseDate", "Account.External_ID__c"
    sink = io.StringIO()
    table = csv.writer(sink, lineterminator="\n")
    table.writerow(header)
    for number, key in enumerate(stage.ids[:rows]):
        parent = parents[number % len(parents)][0]
        table.writerow((key, f"Old {number}", "Closed Lost", f"{number}.37", "2001-02-03", parent))
    with stage.org.rest() as rest:
        body = {"object": "Opportunity", "operation": "insert", "contentType": "CSV"}
        job = rest.post("/jobs/ingest", json=body).json()["id"]
        headers = {"Content-Type": "text/csv"}
        rest.put(f"/jobs/ingest/{job}/batches", content=sink.getvalue().encode(), headers=headers)
        rest.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    wait_until(lambda: len(records(stage)) == rows, "the older records are there")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
