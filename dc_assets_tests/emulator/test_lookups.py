"""Columns that name the parent of a row: by its id, or by a key of it in a relationship column."""

from __future__ import annotations

from dc_assets_tests.emulator.driver import Client, one_row

USER = "seller@emulator.invalid"
NOBODY = "INVALID_FIELD:Foreign key external ID: nobody not found for field Username in entity User"


def _with(column: str, cell: str) -> str:
    """Build an upload of one right row that has one more column."""
    header, row = one_row().splitlines()
    return f"{header},{column}\n{row},{cell}\n"


def _id_of(client: Client, soql: str) -> str:
    return str(client.soql(soql)["records"][0]["Id"])


def test_a_lookup_to_several_kinds_wants_the_kind_in_its_header(client: Client) -> None:
    """Then any key of that kind finds the parent; a text that no record has is told."""
    assert client.load(_with("User:Owner.Username", USER.upper()))["numberRecordsFailed"] == 0
    (record,) = client.soql("SELECT Owner.Username FROM Opportunity")["records"]
    assert record["Owner"]["Username"] == USER
    assert client.row_error(_with("user:owner.username", "nobody")) == f"{NOBODY}:--"


HEADERS = {
    "Owner.Username": "a lookup to several kinds without the kind",
    "Account:Account.External_ID__c": "a lookup to one kind with it",
    "Account:Owner.External_ID__c": "a kind that the lookup has not",
    "User:Owner.Alias": "a field that is no key, of a kind",
    "Account.Industry": "a field that is no key",
    "Account.Nothing__c": "a field that is not there",
    "Account.Owner.Username": "a parent of a parent",
}


def test_a_relationship_column_that_leads_nowhere_fails_the_job(client: Client) -> None:
    """Parents are named by an external id or an idLookup field, one level up, by the right kind."""
    jobs = {header: client.load(_with(header, "x")) for header in HEADERS}
    assert {header: (job["state"], job["errorMessage"]) for header, job in jobs.items()} == {
        header: ("Failed", f"InvalidBatch : Field name not found : {header}") for header in HEADERS
    }


def test_an_owner_is_a_user_or_a_group_by_id(client: Client) -> None:
    """The id of a record of another object is refused, so is one of no record."""
    group = _id_of(client, "SELECT Id FROM Group")
    assert client.load(_with("OwnerId", group))["numberRecordsFailed"] == 0
    assert client.count(f"OwnerId = '{group}'") == 1
    account = _id_of(client, "SELECT Id FROM Account LIMIT 1")
    wrong = f"FIELD_INTEGRITY_EXCEPTION:Owner ID: id value of incorrect type: {account}:OwnerId --"
    assert client.row_error(_with("OwnerId", account)) == wrong
    none = "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    assert client.row_error(_with("OwnerId", f"{group[:12]}999")) == none


def test_a_key_that_finds_two_parents_names_none(client: Client) -> None:
    """Such parents come from behind the org's back."""
    sql = 'UPDATE "Account" SET "External_ID__c" = \'acc0000001\''
    client.admin.post("/sql", json={"store": "core", "sql": sql})
    error = client.row_error(_with("Account.External_ID__c", "acc0000001"))
    assert error.startswith("DUPLICATE_EXTERNAL_ID:Account ID: more than one record found for ext")
    assert client.count() == 0
