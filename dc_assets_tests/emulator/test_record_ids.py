"""Record ids in uploads: what an org takes as one, and how often."""

from __future__ import annotations

import pytest

from dc_assets_tests.emulator.driver import Client, one_row, rows_csv

NEW = "Id,Name,StageName,CloseDate\n"
NO_RECORD = "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"


@pytest.fixture
def ids(client: Client) -> list[str]:
    """The ids of 210 opportunities, in the order of their keys."""
    client.load(rows_csv(210))
    return [
        record["Id"]
        for record in client.soql("SELECT Id FROM Opportunity ORDER BY External_ID__c")["records"]
    ]


def test_an_id_in_an_insert_is_refused(client: Client) -> None:
    """An empty one is not: a popular client sends the column always."""
    content = f"{NEW}006Ov0000000001IAA,A,Prospecting,2026-01-01\n,B,Prospecting,2026-01-01\n"
    error = client.row_error(content, operation="insert")
    assert error == "INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --"
    assert client.count("Name = 'B'") == client.count() == 1


def test_an_id_beside_an_external_id_is_refused(client: Client) -> None:
    """An upsert finds its record by one of the two."""
    error = client.row_error(one_row(Id="006Ov0000000001IAA"))
    assert error == "INVALID_FIELD:The Id field should not be specified in the sobject data.:Id --"


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_the_same_id_twice_in_a_chunk_counts_once(
    client: Client, ids: list[str], operation: str
) -> None:
    """The second row is refused, in whichever length it names the id."""
    header, end = ("Id", "") if operation == "delete" else ("Id,Name", ",New")
    rows = [f"{id_}{end}" for id_ in (ids[0], ids[0][:15], ids[1])]
    done = client.load("\n".join([header, *rows]) + "\n", operation=operation)
    (row,) = client.result(done["id"], "failedResults")
    assert row["sf__Error"] == f"DUPLICATE_VALUE:Duplicate id specified: {ids[0]}:Id --"
    assert row["Id"] == ids[0][:15]


def test_the_same_id_in_two_chunks_is_updated_twice(client: Client, ids: list[str]) -> None:
    """The scope of the rule is one transaction."""
    rows = [f"{id_},{n}" for n, id_ in enumerate([*ids[:200], ids[0]])]
    done = client.load("\n".join(["Id,Name", *rows]) + "\n", operation="update")
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (201, 0)
    assert client.count("Name = '200'") == 1


def test_what_is_in_the_bin_is_deleted_already(client: Client, ids: list[str]) -> None:
    """For an update and for a second delete, not for an upsert by external id: that makes anew."""
    client.load(f"Id\n{ids[0]}\n", operation="delete")
    gone = "ENTITY_IS_DELETED:entity is deleted:--"
    assert client.row_error(f"Id\n{ids[0]}\n", operation="delete") == gone
    assert client.row_error(f"Id,Name\n{ids[0][:15]},New\n", operation="update") == gone
    assert client.load(rows_csv(1))["numberRecordsFailed"] == 0
    assert client.count() == 210


MALFORMED = ("1", "006Ov000000000", "006Ov0000000001I", "006Ov000 000001", "001Ov0000000001IAA")


def test_a_text_that_is_no_id_is_malformed(client: Client) -> None:
    """So is the id of another object; one that is well formed and of no record is not there."""
    rows = [f"{id_},A" for id_ in (*MALFORMED, "006Ov0000000999IAA")]
    done = client.load("\n".join(["Id,Name", *rows]) + "\n", operation="update")
    errors = {row["Id"]: row["sf__Error"] for row in client.result(done["id"], "failedResults")}
    text = "MALFORMED_ID:Opportunity ID: id value of incorrect type: {}:Id --"
    assert errors == {
        **{bad: text.format(bad) for bad in MALFORMED},
        "006Ov0000000999IAA": NO_RECORD,
    }


def test_the_id_of_a_parent_has_its_form_too(client: Client) -> None:
    """15 characters are enough; an id of another object is no parent."""
    (parent,) = client.soql("SELECT Id FROM Account WHERE External_ID__c = 'acc0000003'")["records"]
    assert client.load(one_row(AccountId=parent["Id"][:15]))["numberRecordsFailed"] == 0
    assert client.count("Account.External_ID__c = 'acc0000003'") == 1
    text = "{}:Account ID: id value of incorrect type: {}:AccountId --"
    for bad, code in (
        ("acc1", "MALFORMED_ID"),
        ("006Ov0000000001IAA", "FIELD_INTEGRITY_EXCEPTION"),
    ):
        assert client.row_error(one_row(AccountId=bad)) == text.format(code, bad)


def test_a_parent_is_named_once(client: Client) -> None:
    """By its id or by its external id; each row of one job may choose."""
    (parent,) = client.soql("SELECT Id FROM Account WHERE External_ID__c = 'acc0000003'")["records"]
    head = "External_ID__c,Name,StageName,CloseDate,AccountId,Account.External_ID__c\n"
    row = "Name,Prospecting,2026-01-01"
    rows = f"a,{row},{parent['Id']},\nb,{row},,acc0000004\nc,{row},{parent['Id']},acc0000003\n"
    for _ in range(2):
        error = client.row_error(head + rows)
        assert error == (
            "INVALID_FIELD:cannot specify both an external ID reference Account "
            "and a salesforce id, AccountId:AccountId --"
        )
        assert client.count("Account.External_ID__c = 'acc0000003'") == 1
        assert client.count("Account.External_ID__c = 'acc0000004'") == 1


def test_an_upsert_by_id_makes_rows_without_and_refuses_ids_of_none(
    client: Client, ids: list[str]
) -> None:
    """It never makes a record with an id that it was given."""
    row = ",Prospecting,2026-01-01"
    rows = f"{NEW}{ids[0]},Old{row}\n,New{row}\n,New{row}\n006Ov0000000999IAA,None{row}\n"
    error = client.row_error(rows, externalIdFieldName="Id")
    assert error == NO_RECORD
    counts = [client.count(f"Name = '{name}'") for name in ("Old", "New", "None")]
    assert counts == [1, 2, 0]
