"""Each reason for which the org refuses one row, in its own words."""

from __future__ import annotations

import pytest

from dc_assets_tests.emulator.driver import HEADER, Client, one_row, rows_csv

LONG = "N" * 121

ERRORS = {
    "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --": {"Name": ""},
    "REQUIRED_FIELD_MISSING:Required fields are missing: [Name, CloseDate]:Name,CloseDate --": {
        "Name": "#N/A",
        "CloseDate": "",
    },
    (
        "INVALID_FIELD:Foreign key external ID: nobody not found for field External_ID__c "
        "in entity Account:--"
    ): {"Account__dot__External_ID__c": "nobody"},
    f"STRING_TOO_LONG:Name: data value too large: {LONG} (max length=120):Name --": {"Name": LONG},
    (
        "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '6/15/19' is not a valid "
        "value for the type xsd:date:CloseDate --"
    ): {"CloseDate": "6/15/19"},
    (
        "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '2026-02-30' is not a valid "
        "value for the type xsd:date:CloseDate --"
    ): {"CloseDate": "2026-02-30"},
    (
        "INVALID_FIELD:Failed to deserialize field at col 4. Due to, 'much' is not a valid "
        "value for the type xsd:double:Amount --"
    ): {"Amount": "much"},
    (
        "INVALID_FIELD:Failed to deserialize field at col 4. Due to, 'maybe' is not a valid "
        "value for the type xsd:boolean:IsPrivate --"
    ): {"IsPrivate": "maybe"},
    (
        "NUMBER_OUTSIDE_VALID_RANGE:Amount: value outside of valid range on numeric field:Amount --"
    ): {"Amount": "1e17"},
    "MISSING_ARGUMENT:External_ID__c not specified:--": {"External_ID__c": ""},
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:bad value for restricted picklist field: "
        "Never:ForecastCategoryName --"
    ): {"ForecastCategoryName": "Never"},
    (
        "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: CreatedDate. Please check "
        "the security settings of this field and verify that it is read/write for your profile or "
        "permission set.:CreatedDate --"
    ): {"CreatedDate": "2026-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_bad_cell_is_refused_in_the_words_of_the_org(client: Client, error: str) -> None:
    """The job completes, the row fails, nothing is written."""
    assert client.row_error(one_row(**ERRORS[error])) == error
    assert client.count() == 0


def test_a_row_error_leaves_the_job_complete_and_the_other_rows_written(client: Client) -> None:
    """Processed counts the failed rows too."""
    done = client.load(rows_csv(3) + "x,,Prospecting,2026-01-01,,\n")
    assert done["state"] == "JobComplete"
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (4, 1)
    (row,) = client.result(done["id"], "failedResults")
    assert (row["sf__Id"], row["External_ID__c"]) == ("", "x")
    assert client.count() == 3


def test_setting_a_required_field_to_null_is_refused_on_update_too(client: Client) -> None:
    """Leaving it out is not: then it stays as it is."""
    client.load(one_row())
    error = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert client.row_error(one_row(Name="#N/A")) == error
    assert client.load("External_ID__c,Amount\nkey-1,7\n")["numberRecordsFailed"] == 0
    assert client.count("Name = 'One' AND Amount = 7") == 1


def test_a_key_twice_in_one_chunk_fails_all_its_rows(client: Client) -> None:
    """In whatever case it is written."""
    row = ",Two,Prospecting,2026-01-01,,\n"
    done = client.load(f"{rows_csv(2)}same{row}SAME{row}")
    failed = client.result(done["id"], "failedResults")
    assert sorted(r["sf__Error"] for r in failed) == [
        "DUPLICATE_VALUE:Duplicate external id specified: SAME:External_ID__c --",
        "DUPLICATE_VALUE:Duplicate external id specified: same:External_ID__c --",
    ]
    assert client.count() == 2


def test_a_key_twice_in_different_chunks_is_written_twice(client: Client) -> None:
    """The later chunk finds what the earlier one made."""
    last = "externalOpp0000001,Last,Prospecting,2026-01-01,,\n"
    done = client.load(rows_csv(250) + last)
    assert done["numberRecordsFailed"] == 0
    assert client.count() == 250
    assert client.count("Name = 'Last' AND External_ID__c = 'externalOpp0000001'") == 1
    rows = client.result(done["id"], "successfulResults")
    told = sorted(r["sf__Created"] for r in rows if r["External_ID__c"] == "externalOpp0000001")
    assert told == ["false", "true"]


def test_a_key_that_finds_two_records_is_refused(client: Client) -> None:
    """Such records come from behind the org's back."""
    client.load(rows_csv(2))
    client.admin.post(
        "/sql",
        json={"store": "core", "sql": 'UPDATE "Opportunity" SET "External_ID__c" = \'key-1\''},
    )
    error = client.row_error(one_row())
    assert error.startswith("DUPLICATE_EXTERNAL_ID:External ID: more than one record found")


def test_an_insert_of_a_key_that_is_taken_is_refused(client: Client) -> None:
    """It names the record that has it."""
    done = client.load(one_row(), operation="insert")
    record_id = client.result(done["id"], "successfulResults")[0]["sf__Id"]
    error = client.row_error(one_row(External_ID__c="KEY-1"), operation="insert")
    assert error == (
        "DUPLICATE_VALUE:duplicate value found: External_ID__c duplicates value on record "
        f"with id: {record_id}:--"
    )


def test_a_ragged_row_fails_alone(client: Client) -> None:
    """Its neighbours are written."""
    done = client.load(f"{HEADER}\na,A\nb,B,Prospecting,2026-01-01,,\n")
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    assert client.count() == 1
