"""Up to 200 records in one call."""

from __future__ import annotations

from typing import Any

import pytest

from dc_assets_tests.emulator.driver import Client

PATH = "/composite/sobjects"


def record(number: int, **changes: object) -> dict[str, Any]:
    """A record that is right but for the changes."""
    return {
        "attributes": {"type": "Opportunity"},
        "Name": f"Opp {number}",
        "StageName": "Prospecting",
        "CloseDate": "2026-03-31",
        "External_ID__c": f"c-{number}",
        **changes,
    }


def test_each_record_is_created_or_refused_for_itself(client: Client) -> None:
    """The results stand in the order of the records; a refused one says why."""
    records = [record(1), record(2, Name=None), record(3)]
    answer = client.org.post(PATH, json={"allOrNone": False, "records": records}).json()
    assert [one["success"] for one in answer] == [True, False, True]
    assert answer[1]["errors"] == [
        {
            "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [Name]",
            "fields": ["Name"],
        }
    ]
    assert client.count() == 2


def test_records_are_changed_read_and_deleted_by_their_ids(client: Client) -> None:
    """A record that is not there is null when it is read, and an error when it is changed."""
    made = client.org.post(PATH, json={"records": [record(1), record(2)]}).json()
    ids = [one["id"] for one in made]
    gone = ids[0][:3] + "Ov000000000zAAA"
    changes = [{"attributes": {"type": "Opportunity"}, "id": one, "Name": "X"} for one in ids]
    changed = client.org.patch(PATH, json={"records": [*changes, {**changes[0], "id": gone}]})
    assert [one["success"] for one in changed.json()] == [True, True, False]
    body = {"ids": [ids[1], gone, ids[0]], "fields": ["Name"]}
    posted = client.org.post(f"{PATH}/Opportunity", json=body).json()
    assert [one and (one["Id"], one["Name"]) for one in posted] == [
        (ids[1], "X"),
        None,
        (ids[0], "X"),
    ]
    some = {"ids": ids[0], "fields": "Name,Id"}
    assert client.org.get(f"{PATH}/Opportunity", params=some).json()[0]["Name"] == "X"
    deleted = client.org.delete(PATH, params={"ids": ",".join([*ids, gone])}).json()
    assert [one["success"] for one in deleted] == [True, True, False]
    assert client.count() == 0


def test_records_are_upserted_by_an_external_id(client: Client) -> None:
    """Each result tells whether its record was created."""
    path = f"{PATH}/Opportunity/External_ID__c"
    client.org.patch(path, json={"records": [record(1)]})
    answer = client.org.patch(path, json={"records": [record(1, Name="New"), record(2)]}).json()
    assert [one["created"] for one in answer] == [False, True]
    assert client.count("Name = 'New'") == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"records": [record(n) for n in range(201)]}, "EXCEEDED_ID_LIMIT"),
        ({"records": [record(1)], "allOrNone": True}, "EMULATOR"),
    ],
)
def test_a_call_that_cannot_be_done_does_nothing(
    client: Client, body: dict[str, object], code: str
) -> None:
    """Too many records; and what is not emulated says so rather than half do it."""
    answer = client.org.post(PATH, json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert client.count() == 0
