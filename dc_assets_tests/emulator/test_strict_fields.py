"""An org of fields that are computed, numbered, encrypted, hidden, or keys of an odd kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.emulator.driver import Client, start

SCHEMA = """
objects:
  Thing__c:
    key_prefix: a0B
    fields:
      Key__c: {type: string, length: 40, external_id: true, unique: true, case_sensitive: true}
      Loose__c: {type: string, length: 40, external_id: true, unique: true}
      Number__c: {type: double, precision: 18, scale: 0, external_id: true, unique: true}
      Secret__c: {type: string, length: 80, external_id: true, encrypted: true}
      Serial__c: {type: string, length: 30, auto_number: "T-{0000}"}
      Text__c: {type: string, length: 40}
      Note__c: {type: string, length: 40}
      Twice__c: {type: double, precision: 18, scale: 0, formula: "{Number__c} * 2"}
      Once__c: {type: string, length: 20, updateable: false}
      Later__c: {type: string, length: 20, createable: false}
      At__c: {type: datetime}
      Status__c: {type: picklist, length: 40, default: New}
      Thing__c: {type: reference, refers_to: Thing__c, relationship: Thing__r}
profile:
  Thing__c: {hidden: [Note__c]}
"""


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an org with one object, which drops blanks around texts."""
    folder = tmp_path_factory.mktemp("strict")
    schema = folder / "schema.yaml"
    schema.write_text(SCHEMA, encoding="utf-8")
    emulator = start(folder, "--schema", str(schema), "--text-blanks", "trim")
    client = Client(emulator.ready)
    yield client
    client.close()
    assert emulator.stop() == 0


@pytest.fixture
def things(org: Client) -> Client:
    """The org without a thing."""
    org.admin.post("/reset")
    org.log_in()
    return org


def load(org: Client, key: str, content: str, **properties: object) -> list[str]:
    """Upsert things by a key; the errors of the rows that were refused, without an end."""
    job = org.load(content, object="Thing__c", externalIdFieldName=key, **properties)
    assert job["state"] == "JobComplete", job
    return [row["sf__Error"] for row in org.result(job["id"], "failedResults")]


def column(org: Client, name: str, tail: str = "ORDER BY Key__c") -> list[object]:
    """The values of one field."""
    return [r[name] for r in org.soql(f"SELECT {name} FROM Thing__c {tail}")["records"]]


def refusal(org: Client, soql: str) -> tuple[str, str]:
    """The code and the last line of what a query is told."""
    (error,) = org.org.get("/query", params={"q": soql}).json()
    return error["errorCode"], error["message"].splitlines()[-1]


def test_a_custom_object_has_ids_of_its_own_prefix(things: Client) -> None:
    """Letters too; the suffix keeps their case."""
    assert load(things, "Key__c", "Key__c\na\n") == []
    (record,) = things.soql("SELECT Id FROM Thing__c")["records"]
    assert record["Id"].startswith("a0BOv0000")
    assert record["Id"][15] == "M"
    assert things.soql(f"SELECT Id FROM Thing__c WHERE Id = '{record['Id'][:15]}'")["totalSize"]


def test_ids_that_differ_by_case_are_two_records_only_where_case_counts(things: Client) -> None:
    """In an upsert, in a condition, in a lookup."""
    assert load(things, "Key__c", "Key__c,Text__c\na,small\nA,great\n") == []
    assert column(things, "Text__c", "WHERE Key__c = 'A'") == ["great"]
    assert column(things, "Text__c", "WHERE Key__c LIKE 'A%'") == ["great"]
    rows = "Key__c,Thing__r.Key__c\nb,A\n"
    assert load(things, "Key__c", rows) == []
    soql = "SELECT Thing__r.Text__c FROM Thing__c WHERE Key__c = 'b'"
    assert things.soql(soql)["records"][0]["Thing__r"]["Text__c"] == "great"
    twice = load(things, "Loose__c", "Loose__c\nx\nX\n")
    assert [error.partition(":")[0] for error in twice] == ["DUPLICATE_VALUE"] * 2


def test_a_number_is_a_key(things: Client) -> None:
    """However it is written; results and pages of a query show it as a Java double."""
    assert load(things, "Number__c", "Number__c,Text__c\n912260031,first\n5,five\n") == []
    job = things.load(
        "Number__c,Text__c\n9.12260031E8,second\n5.0,again\n",
        object="Thing__c",
        externalIdFieldName="Number__c",
    )
    rows = things.result(job["id"], "successfulResults")
    assert sorted((r["Number__c"], r["sf__Created"]) for r in rows) == [
        ("5.0", "false"),
        ("9.12260031E8", "false"),
    ]
    assert column(things, "Text__c", "WHERE Number__c > 120 ORDER BY Number__c") == ["second"]
    assert column(things, "Twice__c", "ORDER BY Number__c") == [10, 1_824_520_062]
    soql = "SELECT Number__c FROM Thing__c ORDER BY Number__c"
    query = things.org.post("/jobs/query", json={"operation": "query", "query": soql}).json()["id"]
    pages = things.org.get(f"/jobs/query/{query}/results").text.splitlines()
    assert pages == ['"Number__c"', '"5.0"', '"9.12260031E8"']
    assert things.org.get("/sobjects/Thing__c/Number__c/5").json()["Text__c"] == "again"
    assert things.org.get("/sobjects/Thing__c/Number__c/five").status_code == 404
    twice = load(things, "Number__c", "Number__c\n7\n7.0\n")
    assert [error.partition(":")[0] for error in twice] == ["DUPLICATE_VALUE"] * 2
    assert load(things, "Key__c", "Key__c,Thing__r.Number__c\nchild,5\n") == []


def test_the_org_draws_numbers_and_defaults(things: Client) -> None:
    """A cell that is empty takes the default too; one that is given does not."""
    rows = "Key__c,Status__c\na,\nb,Old\nc,#N/A\n"
    assert load(things, "Key__c", rows) == []
    assert load(things, "Key__c", "Key__c\nd\n") == []
    assert column(things, "Status__c") == ["New", "Old", "New", "New"]
    serials = [str(serial) for serial in column(things, "Serial__c")]
    assert sorted(set(serials)) == sorted(serials)
    assert {(len(serial), serial[:2]) for serial in serials} == {(6, "T-")}


def test_a_field_is_written_on_its_occasion_only(things: Client) -> None:
    """Once it is made, or only later; what is computed, never."""
    assert load(things, "Key__c", "Key__c,Once__c\na,x\n") == []
    for header, is_refused in (("Once__c", True), ("Later__c", False), ("Twice__c", True)):
        errors = load(things, "Key__c", f"Key__c,{header}\na,1\n")
        assert [e.partition(":")[0] for e in errors] == (
            ["INVALID_FIELD_FOR_INSERT_UPDATE"] if is_refused else []
        ), header
    (error,) = load(things, "Key__c", "Key__c,Later__c\nb,1\n")
    assert error.startswith("INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Later")


def test_an_encrypted_field_is_written_and_read_and_not_searched(things: Client) -> None:
    """It may be the key of an upsert, and no condition, order or group."""
    assert load(things, "Secret__c", "Secret__c,Text__c\ns1,a\n") == []
    assert load(things, "Secret__c", "Secret__c,Text__c\ns1,b\n") == []
    assert column(things, "Secret__c", "") == ["s1"]
    refused = {
        "WHERE Secret__c != null": ("INVALID_FIELD", "filtered"),
        "ORDER BY Secret__c": ("MALFORMED_QUERY", "sorted"),
        "GROUP BY Secret__c": ("MALFORMED_QUERY", "grouped"),
    }
    for clause, (code, verb) in refused.items():
        text = f"field 'Secret__c' can not be {verb} in a query call"
        assert refusal(things, f"SELECT Secret__c FROM Thing__c {clause}") == (code, text)


def test_a_hidden_field_is_not_there(things: Client) -> None:
    """Neither in describe, nor for SOQL, nor for an upload; a reset hides it again."""
    names = [f["name"] for f in things.org.get("/sobjects/Thing__c/describe").json()["fields"]]
    assert "Note__c" not in names
    code, text = refusal(things, "SELECT Note__c FROM Thing__c")
    assert (code, text.partition(".")[0]) == (
        "INVALID_FIELD",
        "No such column 'Note__c' on entity 'Thing__c'",
    )
    job = things.load("Key__c,Note__c\na,1\n", object="Thing__c", externalIdFieldName="Key__c")
    assert job["errorMessage"] == "InvalidBatch : Field name not found : Note__c"
    assert things.admin.post("/profile", json={}).json() == {}
    assert load(things, "Key__c", "Key__c,Note__c\na,1\n") == []
    assert column(things, "Note__c") == ["1"]
    things.admin.post("/reset")
    assert things.admin.get("/profile").json() == {
        "thing__c": {"hidden": ["note__c"], "read_only": []}
    }


def test_a_locked_field_can_only_be_read(things: Client) -> None:
    """Describe says so, and a row that sets it is refused."""
    assert load(things, "Key__c", "Key__c,Text__c\na,1\n") == []
    profile = {"Thing__c": {"read_only": ["Text__c"]}}
    assert things.admin.post("/profile", json=profile).status_code == 200
    fields = things.org.get("/sobjects/Thing__c/describe").json()["fields"]
    (text,) = [field for field in fields if field["name"] == "Text__c"]
    assert (text["createable"], text["updateable"]) == (False, False)
    (error,) = load(things, "Key__c", "Key__c,Text__c\na,2\n")
    assert error.startswith("INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Text")
    assert column(things, "Text__c") == ["1"]
    assert things.admin.post("/profile", json={"Nothing": {}}).status_code == 200
    assert things.admin.post("/profile", json={"Thing__c": {"hidden": ["X"]}}).status_code == 400


@pytest.mark.parametrize(
    ("denied", "described", "errors"),
    [
        ("create", (False, True), {"b": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}),
        ("edit", (True, False), {"a": "INSUFFICIENT_ACCESS_OR_READONLY"}),
    ],
)
def test_rights_on_an_object_are_described_and_kept(
    things: Client, denied: str, described: tuple[bool, bool], errors: dict[str, str]
) -> None:
    """A row that would make or change a record which the user may not is refused."""
    assert load(things, "Key__c", "Key__c,Text__c\na,1\n") == []
    assert things.admin.post("/profile", json={"Thing__c": {"denied": [denied]}}).is_success
    about = things.org.get("/sobjects/Thing__c/describe").json()
    assert (about["createable"], about["updateable"]) == described
    rows = "Key__c,Text__c\na,2\nb,2\n"
    job = things.load(rows, object="Thing__c", externalIdFieldName="Key__c")
    refused = things.result(job["id"], "failedResults")
    assert {row["Key__c"]: row["sf__Error"].partition(":")[0] for row in refused} == errors
    assert things.admin.post("/profile", json={"Thing__c": {"denied": ["look"]}}).status_code == 400


def test_moments_have_whole_seconds(things: Client) -> None:
    """A fraction is dropped and not rounded, in what is written and in what is asked."""
    rows = "Key__c,At__c\na,2026-01-31T10:00:01.999Z\nb,1969-12-31T23:59:59.999Z\n"
    assert load(things, "Key__c", rows) == []
    assert column(things, "At__c") == [
        "2026-01-31T10:00:01.000+0000",
        "1969-12-31T23:59:59.000+0000",
    ]
    assert column(things, "Key__c", "WHERE At__c = 2026-01-31T10:00:01Z") == ["a"]
    stamps = column(things, "SystemModstamp") + column(things, "CreatedDate")
    assert {str(stamp)[-9:] for stamp in stamps} == {".000+0000"}
    (stamp, *_) = stamps
    second = str(stamp).replace("+0000", "Z")
    assert things.soql(f"SELECT COUNT() FROM Thing__c WHERE SystemModstamp = {second}")["totalSize"]
    half = second.replace(".000Z", ".500Z")
    assert things.soql(f"SELECT COUNT() FROM Thing__c WHERE SystemModstamp >= {half}")["totalSize"]


def test_an_org_may_drop_the_blanks_around_a_text(things: Client) -> None:
    """Those of a key too; blanks alone are nothing."""
    rows = 'Key__c,Text__c\n" a ","  x y "\nb,"   "\n'
    assert load(things, "Key__c", rows) == []
    assert load(things, "Key__c", 'Key__c,Status__c\n"a  ",Old\n') == []
    assert column(things, "Text__c") == ["x y", None]
    assert column(things, "Status__c") == ["Old", "New"]
