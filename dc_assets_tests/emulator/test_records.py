"""Single records over REST."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from dc_assets_tests.emulator.driver import Client

NEW: dict[str, Any] = {
    "Name": "One",
    "StageName": "Prospecting",
    "CloseDate": "2026-03-31",
    "Amount": 12.5,
    "IsPrivate": True,
    "External_ID__c": "key-1",
    "Account": {"External_ID__c": "acc0000003"},
}
KEYED = "/sobjects/Opportunity/External_ID__c/"


def created(client: Client, **changes: object) -> str:
    """The id of a new record."""
    answer = client.org.post("/sobjects/Opportunity", json={**NEW, **changes})
    assert answer.status_code == 201, answer.text
    assert answer.json() | {"id": ""} == {"id": "", "success": True, "errors": []}
    return str(answer.json()["id"])


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an answer with one error."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


def test_a_record_is_created_and_read_with_the_types_of_its_fields(client: Client) -> None:
    """Numbers, booleans, dates and the parent named by its external id all arrive."""
    record_id = created(client)
    found = client.org.get(f"/sobjects/Opportunity/{record_id[:15]}").json()
    assert found["attributes"]["url"].endswith(f"/sobjects/Opportunity/{record_id}")
    assert (found["Amount"], found["IsPrivate"], found["CloseDate"]) == (12.5, True, "2026-03-31")
    parent = client.soql(f"SELECT Id FROM Account WHERE Id = '{found['AccountId']}'")
    assert parent["totalSize"] == 1
    some = client.org.get(f"/sobjects/Opportunity/{record_id}", params={"fields": "Name,Amount"})
    assert set(some.json()) == {"attributes", "Name", "Amount"}


def test_a_change_touches_the_fields_that_are_named(client: Client) -> None:
    """Null and the empty text empty a field; the others stay."""
    record_id = created(client, NextStep="call", Description="long")
    changes = {"Name": "Two", "NextStep": None, "Description": ""}
    answer = client.org.patch(f"/sobjects/Opportunity/{record_id}", json=changes)
    assert (answer.status_code, answer.content) == (204, b"")
    found = client.org.get(f"/sobjects/Opportunity/{record_id}").json()
    shown = [found[name] for name in ("Name", "NextStep", "Description", "Amount")]
    assert shown == ["Two", None, None, 12.5]


def test_a_change_of_nothing_is_a_change(client: Client) -> None:
    """An empty body is right for a change, and lacks the required fields of a new record."""
    record_id = created(client)
    assert client.org.patch(f"/sobjects/Opportunity/{record_id}", json={}).status_code == 204
    status, code, message = refused(client.org.post("/sobjects/Opportunity", json={}))
    assert (status, code) == (400, "REQUIRED_FIELD_MISSING")
    assert message == "Required fields are missing: [Name, StageName, CloseDate]"


def test_a_deleted_record_is_gone_in_three_ways(client: Client) -> None:
    """Reading, changing and deleting it again say that it is deleted."""
    record_id = created(client)
    url = f"/sobjects/Opportunity/{record_id}"
    assert client.org.delete(url).status_code == 204
    for answer in (client.org.get(url), client.org.patch(url, json={}), client.org.delete(url)):
        assert refused(answer) == (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert client.count() == 0


def test_an_upsert_tells_whether_it_created(client: Client) -> None:
    """201 for a new record, 200 for a known one."""
    body = {name: value for name, value in NEW.items() if name != "External_ID__c"}
    first = client.org.patch(f"{KEYED}key-2", json=body)
    second = client.org.patch(f"{KEYED}KEY-2", json={"Name": "Two"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert first.json()["id"] == second.json()["id"]
    assert client.org.get(f"{KEYED}key-2").json()["Name"] == "Two"


@pytest.mark.parametrize("key", ["a/b", "a?b", "a b", "O'Neil", "back\\slash", "50%", "é#1", "//"])
def test_a_key_may_hold_any_sign(client: Client, key: str) -> None:
    """The path carries it percent-encoded; it finds its record again."""
    body = {name: value for name, value in NEW.items() if name != "External_ID__c"}
    url = KEYED + quote(key, safe="")
    assert client.org.patch(url, json=body).status_code == 201
    assert client.org.get(url).json()["External_ID__c"] == key
    assert client.org.delete(url).status_code == 204


def test_a_key_that_several_records_have_is_answered_with_their_addresses(client: Client) -> None:
    """300, and the list of their paths; nothing is changed."""
    first, second = created(client), created(client, External_ID__c="key-2")
    sql = "UPDATE Opportunity SET External_ID__c = 'key-1'"
    client.admin.post("/sql", json={"store": "core", "sql": sql})
    answer = client.org.get(f"{KEYED}key-1")
    assert answer.status_code == 300
    assert {url.rpartition("/")[2] for url in answer.json()} == {first, second}


@pytest.mark.parametrize(
    ("changes", "status", "code", "message"),
    [
        ({"Nmae": 1}, 400, "INVALID_FIELD", "No such column 'Nmae' on sobject of type Opportunity"),
        (
            {"Id": "x"},
            400,
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        ),
        ({"Name": None}, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (
            {"Account": {"External_ID__c": "none"}},
            400,
            "INVALID_FIELD",
            "Foreign key external ID: none not found for field External_ID__c in entity Account",
        ),
    ],
)
def test_a_record_that_is_wrong_is_refused(
    client: Client, changes: dict[str, object], status: int, code: str, message: str
) -> None:
    """By the rules of an upload's row, in the form of REST; nothing is made."""
    answer = client.org.post("/sobjects/Opportunity", json={**NEW, **changes})
    assert refused(answer) == (status, code, message)
    assert client.count() == 0


@pytest.mark.parametrize("value", ["6/15/19", ["2026-01-01"], True])
def test_a_value_of_another_type_cannot_be_parsed(client: Client, value: object) -> None:
    """The code says that the body is meant."""
    answer = client.org.post("/sobjects/Opportunity", json={**NEW, "CloseDate": value})
    assert refused(answer)[:2] == (400, "JSON_PARSER_ERROR")


def test_changed_and_deleted_records_are_told_by_a_span_of_time(client: Client) -> None:
    """Each is in one list; a span that ends before it starts is refused."""
    kept, gone = created(client), created(client, External_ID__c="key-2")
    client.org.delete(f"/sobjects/Opportunity/{gone}")
    span = {"start": "2000-01-01T00:00:00+00:00", "end": "2100-01-01T00:00:00+00:00"}
    updated = client.org.get("/sobjects/Opportunity/updated/", params=span).json()
    deleted = client.org.get("/sobjects/Opportunity/deleted/", params=span).json()
    assert updated["ids"] == [kept]
    assert [one["id"] for one in deleted["deletedRecords"]] == [gone]
    before = {"start": span["start"], "end": "2000-01-02T00:00:00Z"}
    assert client.org.get("/sobjects/Opportunity/updated", params=before).json()["ids"] == []
    wrong = client.org.get("/sobjects/Opportunity/updated", params={**span, "end": span["start"]})
    assert refused(wrong)[:2] == (400, "INVALID_REPLICATION_DATE")


def test_a_record_shows_and_takes_what_the_profile_lets_the_user(client: Client) -> None:
    """A hidden field is not there; a locked one is refused by its own code."""
    profile = {"Opportunity": {"hidden": ["NextStep"], "read_only": ["LeadSource"]}}
    assert client.admin.post("/profile", json=profile).status_code == 200
    assert "NextStep" not in client.org.get(f"/sobjects/Opportunity/{created(client)}").json()
    for name, code in (
        ("NextStep", "INVALID_FIELD"),
        ("LeadSource", "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ):
        body = {**NEW, "External_ID__c": "key-2", name: "Web"}
        answer = client.org.post("/sobjects/Opportunity", json=body)
        assert refused(answer)[:2] == (400, code)
    client.admin.post("/profile", json={})


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sobjects/Opportunity/006", 400, "MALFORMED_ID"),
        ("/sobjects/Opportunity/001Ov000000000zAAA", 400, "MALFORMED_ID"),
        ("/sobjects/Opportunity/006Ov000000000zAAA", 404, "NOT_FOUND"),
        ("/sobjects/Nothing/006Ov000000000zAAA", 404, "NOT_FOUND"),
        ("/sobjects/Opportunity/NextStep/x", 404, "NOT_FOUND"),
        ("/sobjects/Opportunity/External_ID__c/x", 404, "NOT_FOUND"),
    ],
)
def test_a_record_that_is_not_there_is_not_found(
    client: Client, path: str, status: int, code: str
) -> None:
    """An id of another form or object is told apart from one without a record."""
    assert refused(client.org.get(path))[:2] == (status, code)
