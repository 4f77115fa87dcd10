"""What an org does not let pass in an upload: its form, its size, its cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.emulator.driver import HEADER, Client, one_row, rows_csv

MEGABYTE = 1024**2
ROW = "Prospecting,2026-03-31"

BAD_CELLS = {
    "NaN": (4, "INVALID_FIELD:Failed to deserialize field at col 4. Due to, 'NaN' is not a valid"),
    "inf": (4, "INVALID_FIELD:Failed to deserialize field at col 4. Due to, 'inf' is not a valid"),
    "-Infinity": (4, "INVALID_FIELD:Failed to deserialize field at col 4. Due to, '-Infinity' is"),
    "1e999": (4, "NUMBER_OUTSIDE_VALID_RANGE:Amount: value outside of valid range on numeric"),
    "1699-12-31": (
        3,
        "FIELD_INTEGRITY_EXCEPTION:Close Date: invalid date: 1699-12-31:CloseDate --",
    ),
    "4001-01-01": (
        3,
        "FIELD_INTEGRITY_EXCEPTION:Close Date: invalid date: 4001-01-01:CloseDate --",
    ),
    "2026-03-31Z": (3, "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '2026-03-31Z'"),
    "9" * 19: (4, "NUMBER_OUTSIDE_VALID_RANGE:Amount: value outside of valid range on numeric"),
    "D" * 32_001: (5, "STRING_TOO_LONG:Description: data value too large: "),
}
"""Cells that an org refuses, each with the number of its column and how the refusal begins."""


def test_a_cell_that_is_no_value_of_its_field_refuses_its_row_alone(client: Client) -> None:
    """The job completes, the rows around it land, and the cell comes back as it was sent."""
    good = ["n", "Name", "Prospecting", "2026-03-31", "5", ""]
    lines = ["External_ID__c,Name,StageName,CloseDate,Amount,Description"]
    for number, (cell, (column, _)) in enumerate(BAD_CELLS.items()):
        lines.append(",".join([f"n{number}", *good[1:column], cell, *good[column + 1 :]]))
    lines += [",".join([f"ok{date}", *good[1:3], date, *good[4:]]) for date in EDGES]
    done = client.load("\n".join(lines) + "\n")
    assert (done["state"], client.count()) == ("JobComplete", len(EDGES))
    refused = {row["External_ID__c"]: row for row in client.result(done["id"], "failedResults")}
    for number, (cell, (column, error)) in enumerate(BAD_CELLS.items()):
        row = refused[f"n{number}"]
        assert row["sf__Error"].startswith(error)
        assert list(row.values())[2 + column] in {cell, "9.999999999999999E18", "1.0E19"}


EDGES = ("1700-01-01", "4000-12-31")


def test_a_record_has_400_000_characters_at_most(client: Client) -> None:
    """Counted over all its cells, whatever each of them may have."""
    names = "NextStep", "LeadSource", "Type", "StageName"
    cells = dict.fromkeys(names, "N" * 100_000)
    error = client.row_error(one_row(**cells))
    assert error == "STRING_TOO_LONG:Record: data value too large: (max length=400000):--"


def test_a_blank_beside_a_quote_refuses_its_row(client: Client) -> None:
    """The rows around it land; within quotes, and without any, a blank is a blank."""
    broken = ['a1, "A"', 'a2,"A" ', 'a3,"A"x']
    kept = ['b,"B "" ""C"', 'c," D\n ""E"" "', "d, F "]
    rows = [f"{row},{ROW}" for pair in zip(broken, kept, strict=True) for row in pair]
    done = client.load("\n".join(["External_ID__c,Name,StageName,CloseDate", *rows]) + "\n")
    refused = client.result(done["id"], "failedResults")
    assert sorted(row["External_ID__c"] for row in refused) == ["a1", "a2", "a3"]
    assert all("A blank stands beside a quote" in row["sf__Error"] for row in refused)
    records = client.soql("SELECT Name FROM Opportunity ORDER BY External_ID__c")["records"]
    assert [record["Name"] for record in records] == ['B " "C', ' D\n "E" ', " F "]


MIXED = rows_csv(2) + rows_csv(1, first=3).partition("\n")[2].replace("\n", "\r\n")
LINE_ENDS = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "

FAILING: dict[str, tuple[str, dict[str, str], str]] = {
    "mixed line ends": (MIXED, {}, LINE_ENDS + "LF"),
    "mixed line ends, CRLF": (MIXED, {"lineEnding": "CRLF"}, LINE_ENDS + "CRLF"),
    "a byte order mark": (
        "\ufeff" + rows_csv(1),
        {},
        "InvalidBatch : Field name not found : \ufeffExternal_ID__c",
    ),
    "a column twice": (
        one_row(name="Two"),
        {},
        "InvalidBatch : Duplicate field name : Name",
    ),
    "a delete with more than ids": (
        "Id,Name\n006Ov0000000001IAA,A\n",
        {"operation": "delete"},
        "InvalidBatch : Delete batch must contain only ids",
    ),
    "a header of 32,001 characters": (
        f"{HEADER},{'N' * 32_000}\n",
        {},
        "InvalidBatch : The header has over 32000 characters",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_file_that_breaks_the_rules_fails_its_job(client: Client, name: str) -> None:
    """Nothing of it is written."""
    content, properties, message = FAILING[name]
    done = client.load(content, **properties)
    assert (done["state"], done.get("errorMessage")) == ("Failed", message)
    assert (done["numberRecordsProcessed"], client.count()) == (0, 0)


def test_other_line_ends_within_quotes_are_text(client: Client) -> None:
    """A value keeps them; they are no ends of lines."""
    done = client.load(one_row(Description='"a\r\nb"'))
    assert (done["state"], done["numberRecordsFailed"]) == ("JobComplete", 0)
    (record,) = client.soql("SELECT Description FROM Opportunity")["records"]
    assert record["Description"] == "a\r\nb"


def test_an_upload_is_declared_as_csv(client: Client) -> None:
    """415; the job keeps waiting for its content."""
    job = client.open_job()
    for given in ("text/plain", "application/json", "application/gzip", None):
        headers = {} if given is None else {"Content-Type": given}
        answer = client.org.put(f"/jobs/ingest/{job}/batches", content=b"Id\n", headers=headers)
        assert answer.status_code == 415
        assert answer.json()[0]["errorCode"] == "UNSUPPORTED_MEDIA_TYPE"
    assert client.upload(job, rows_csv(1)).status_code == 201


def test_a_create_call_is_declared_as_json(client: Client) -> None:
    """415; no job is made."""
    answer = client.org.post("/jobs/ingest", content=b"{}", headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert client.org.get("/jobs/ingest").json()["records"] == []


def test_an_upload_over_100_mb_is_refused_and_the_job_stays_open(client: Client) -> None:
    """413 after the last byte; an upload that fits is taken then."""

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(MEGABYTE)
        yield b"x"

    job = client.open_job()
    headers = {"Content-Type": "text/csv"}
    answer = client.org.put(f"/jobs/ingest/{job}/batches", content=pieces(), headers=headers)
    assert answer.status_code == 413
    assert client.info(job)["state"] == "Open"
    assert client.upload(job, rows_csv(1)).status_code == 201


def test_hard_delete_is_a_permission(client: Client) -> None:
    """The user of a load has not got it."""
    answer = client.org.post("/jobs/ingest", json={"object": "Account", "operation": "hardDelete"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "FEATURENOTENABLED")
