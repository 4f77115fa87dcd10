"""SOQL over REST: counts, groups, pages, conditions, and its errors."""

from __future__ import annotations

from typing import Any

import pytest

from dc_assets_tests.emulator.driver import Client, rows_csv


@pytest.fixture
def loaded(client: Client) -> Client:
    """An org with 250 opportunities of 10 accounts."""
    assert client.load(rows_csv(250))["numberRecordsFailed"] == 0
    return client


def test_count_of_rows_is_the_total_size(loaded: Client) -> None:
    """Without records."""
    assert loaded.soql("SELECT COUNT() FROM Opportunity") == {
        "totalSize": 250,
        "done": True,
        "records": [],
    }


def test_aggregates_are_named_by_alias_or_by_number(loaded: Client) -> None:
    """Only those without an alias are numbered."""
    soql = (
        "SELECT COUNT(Id), MIN(External_ID__c) low, MAX(External_ID__c), SUM(Amount), "
        "COUNT_DISTINCT(StageName) stages FROM Opportunity"
    )
    assert loaded.soql(soql)["records"] == [
        {
            "attributes": {"type": "AggregateResult"},
            "expr0": 250,
            "low": "externalOpp0000001",
            "expr1": "externalOpp0000250",
            "expr2": 31_500.0,
            "stages": 1,
        }
    ]


def test_groups_are_counted_and_named_by_the_field(loaded: Client) -> None:
    """A field of a parent is named by its last part; totalSize is the number of groups."""
    soql = "SELECT Account.External_ID__c, COUNT(Id) n FROM Opportunity"
    grouped = f"{soql} GROUP BY Account.External_ID__c"
    answer = loaded.soql(f"{grouped} HAVING COUNT(Id) > 5 ORDER BY Account.External_ID__c")
    assert answer["totalSize"] == 10
    assert answer["records"][0] == {
        "attributes": {"type": "AggregateResult"},
        "External_ID__c": "acc0000001",
        "n": 25,
    }


def test_more_than_2000_groups_are_refused(client: Client) -> None:
    """Grouped answers have no pages; a LIMIT helps."""
    client.load(rows_csv(2001))
    soql = "SELECT Name, COUNT(Id) FROM Opportunity GROUP BY Name"
    answer = client.org.get("/query", params={"q": soql})
    assert answer.status_code == 400
    assert answer.json()[0]["message"] == (
        "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
        "to a single batch"
    )
    assert client.soql(f"{soql} LIMIT 2000")["totalSize"] == 2000


def test_a_long_answer_comes_in_pages_of_one_snapshot(loaded: Client) -> None:
    """The size of a page is asked for by a header, 200 at least."""
    headers = {"Sforce-Query-Options": "batchSize=200"}
    soql = "SELECT Id, External_ID__c FROM Opportunity ORDER BY External_ID__c"
    first = loaded.org.get("/query/", params={"q": soql}, headers=headers).json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (250, False, 200)
    loaded.admin.post("/sql", json={"store": "core", "sql": 'DELETE FROM "Opportunity"'})
    url = loaded.ready["base_url"] + first["nextRecordsUrl"]
    last = loaded.org.get(url).json()
    assert (last["done"], len(last["records"])) == (True, 50)
    assert "nextRecordsUrl" not in last
    assert last["records"][-1]["External_ID__c"] == "externalOpp0000250"


def test_a_record_says_what_it_is(loaded: Client) -> None:
    """Type and address, the parent's too; dates and times in their forms."""
    soql = (
        "SELECT Id, Name, CloseDate, CreatedDate, IsPrivate, Account.Name FROM Opportunity LIMIT 1"
    )
    record: dict[str, Any] = loaded.soql(soql)["records"][0]
    assert record["attributes"]["url"].endswith(f"/sobjects/Opportunity/{record['Id']}")
    assert record["Account"]["attributes"]["url"].rpartition("/")[2][:3] == "001"
    assert (record["CloseDate"], record["IsPrivate"]) == ("2026-03-31", False)
    assert record["CreatedDate"].endswith("+0000")


CONDITIONS = {
    "External_ID__c = 'EXTERNALOPP0000007'": 1,
    "External_ID__c > 'EXTERNALOPP0000100' AND External_ID__c <= 'externalOpp0000110'": 10,
    "StageName != 'prospecting'": 0,
    "NextStep != 'x'": 250,
    "NextStep = null": 250,
    "NextStep = ''": 250,
    "NOT NextStep = 'x'": 250,
    "Name LIKE 'opp 1_'": 10,
    "Name LIKE 'opp 1%'": 111,
    r"Name LIKE 'opp\_%'": 0,
    "Name IN ('opp 1', 'Opp 2', 'nothing')": 2,
    "Name NOT IN ('opp 1')": 249,
    "Amount > 240.5": 10,
    "Amount >= 1e2 AND (Amount < 1.015E2 OR Amount = 200.5)": 2,
    "CloseDate = 2026-03-31": 250,
    "CloseDate < 2026-03-31": 0,
    "CreatedDate > 2020-01-01T00:00:00Z": 250,
    "IsPrivate = false AND IsDeleted = FALSE": 250,
    "Account.External_ID__c = 'acc0000002'": 25,
    "Account.Name IN ('account 1', 'Account 2')": 50,
    "(Name = 'Opp 1') OR (Name = 'Opp 2')": 2,
}


def test_conditions_mean_what_they_mean_in_an_org(loaded: Client) -> None:
    """Text without regard to case; nothing is unknown."""
    assert {condition: loaded.count(condition) for condition in CONDITIONS} == CONDITIONS


def test_nulls_stand_first_unless_asked_otherwise(client: Client) -> None:
    """In both ways of ordering."""
    client.load(
        "External_ID__c,Name,StageName,CloseDate,Amount\na,A,P,2026-01-01,1\nb,B,P,2026-01-01,\n"
    )
    soql = "SELECT Name FROM Opportunity ORDER BY Amount"
    first = [
        client.soql(f"{soql}{tail}")["records"][0]["Name"]
        for tail in ("", " DESC", " NULLS LAST", " DESC NULLS LAST")
    ]
    assert first == ["B", "B", "A", "A"]


def test_limit_and_offset_cut_the_answer(loaded: Client) -> None:
    """An offset over 2,000 is refused."""
    soql = "SELECT External_ID__c FROM Opportunity ORDER BY External_ID__c LIMIT 2 OFFSET 3"
    keys = [record["External_ID__c"] for record in loaded.soql(soql)["records"]]
    assert keys == ["externalOpp0000004", "externalOpp0000005"]
    answer = loaded.org.get("/query", params={"q": "SELECT Id FROM Opportunity OFFSET 2001"})
    assert answer.json()[0]["errorCode"] == "NUMBER_OUTSIDE_VALID_RANGE"


BROKEN = {
    "SELECT Foo FROM Opportunity": (
        "INVALID_FIELD",
        "No such column 'Foo' on entity 'Opportunity'.",
    ),
    "SELECT Account.Foo FROM Opportunity": (
        "INVALID_FIELD",
        "No such column 'Foo' on entity 'Account'.",
    ),
    "SELECT Boss.Name FROM Opportunity": ("INVALID_FIELD", "Didn't understand relationship"),
    "SELECT Owner.IsDeleted FROM Opportunity": (
        "INVALID_FIELD",
        "No such column 'IsDeleted' on entity 'Name'.",
    ),
    "SELECT Id FROM Xyzzy": ("INVALID_TYPE", "sObject type 'Xyzzy' is not supported."),
    "SELECT Id FROM": ("MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    "SELECT Id From From Account": ("MALFORMED_QUERY", "unexpected token: 'From'"),
    "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'": (
        "MALFORMED_QUERY",
        "unexpected token: 'OR'",
    ),
    "SELECT StageName, COUNT(Id) FROM Opportunity": (
        "MALFORMED_QUERY",
        "Field must be grouped or aggregated: StageName",
    ),
    "SELECT Id FROM Opportunity WHERE Amount = '5'": (
        "INVALID_FIELD",
        "value of filter criterion for field 'Amount' must be of type double",
    ),
    "SELECT Id FROM Opportunity WHERE CloseDate = '2026-01-01'": (
        "INVALID_FIELD",
        "must be of type date and should not be enclosed in quotes",
    ),
    "SELECT Id FROM Opportunity WHERE Description != null": (
        "INVALID_FIELD",
        "field 'Description' can not be filtered in a query call",
    ),
    "SELECT Id FROM Opportunity ORDER BY Description": (
        "MALFORMED_QUERY",
        "field 'Description' can not be sorted in a query call",
    ),
    "SELECT Amount, COUNT(Id) FROM Opportunity GROUP BY Amount": (
        "MALFORMED_QUERY",
        "field 'Amount' can not be grouped in a query call",
    ),
    "SELECT ExpectedRevenue FROM Opportunity GROUP BY ExpectedRevenue": (
        "MALFORMED_QUERY",
        "field 'ExpectedRevenue' can not be grouped in a query call",
    ),
    "SELECT COUNT(Description) FROM Opportunity": (
        "MALFORMED_QUERY",
        "field Description does not support aggregate operator COUNT",
    ),
    "SELECT COUNT(Id) FROM Opportunity HAVING COUNT(Id) > 1": (
        "MALFORMED_QUERY",
        "unexpected token: 'HAVING'",
    ),
    "SELECT Id FROM Opportunity WHERE COUNT(Id) > 1": ("MALFORMED_QUERY", "unexpected token: '('"),
    "SELECT StageName FROM Opportunity GROUP BY StageName HAVING Name = 'a'": (
        "MALFORMED_QUERY",
        "Field must be grouped or aggregated: Name",
    ),
    "SELECT StageName FROM Opportunity GROUP BY StageName ORDER BY Name": (
        "MALFORMED_QUERY",
        "Ordered field must be grouped or aggregated: Name",
    ),
    "SELECT COUNT(Id) FROM Opportunity ORDER BY Name": (
        "MALFORMED_QUERY",
        "Ordered field must be grouped or aggregated: Name",
    ),
    "SELECT Id FROM Opportunity ORDER BY COUNT(Id)": ("MALFORMED_QUERY", "cannot also use ORDER"),
    "SELECT COUNT() FROM Opportunity GROUP BY StageName": ("MALFORMED_QUERY", "with GROUP BY"),
    "SELECT COUNT() FROM Opportunity ORDER BY StageName": ("MALFORMED_QUERY", "with ORDER BY"),
    "SELECT COUNT(Id) FROM Opportunity LIMIT 5": (
        "MALFORMED_QUERY",
        "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
    ),
    "SELECT Name n FROM Opportunity": (
        "MALFORMED_QUERY",
        "only aggregate expressions use field aliasing",
    ),
    "SELECT COUNT(Id) n, COUNT(Name) N FROM Opportunity": ("MALFORMED_QUERY", "duplicate alias: N"),
    "SELECT Id FROM Opportunity WHERE CreatedDate > 2026-02-30T00:00:00Z": (
        "MALFORMED_QUERY",
        "Invalid date: 2026-02-30T00:00:00Z",
    ),
}


def test_a_wrong_query_is_refused_in_the_words_of_the_org(client: Client) -> None:
    """With the place and what is wrong there."""
    for soql, (code, text) in BROKEN.items():
        answer = client.org.get("/query", params={"q": soql})
        assert answer.status_code == 400, soql
        (error,) = answer.json()
        assert error["errorCode"] == code, soql
        assert text in error["message"], soql
        assert "ERROR at Row:1:Column:" in error["message"], soql


UNPLACED = {
    r"SELECT Id FROM Opportunity WHERE Name = '\ud800'": "MALFORMED_QUERY",
    "SELECT Id FROM Opportunity WHERE AccountId = 'acc0000001'": "INVALID_QUERY_FILTER_OPERATOR",
}


def test_a_value_that_cannot_be_is_refused_and_is_no_fault_of_the_org(client: Client) -> None:
    """400 with a code, by REST and by a query job alike."""
    for soql, code in UNPLACED.items():
        body = {"operation": "query", "query": soql}
        answers = [
            client.org.get("/query", params={"q": soql}),
            client.org.post("/jobs/query", json=body),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code), soql


def test_names_may_begin_with_the_alias_of_the_object(loaded: Client) -> None:
    """`FROM Opportunity o`: the alias, the name of the object or nothing stands before a field."""
    soql = (
        "SELECT o.Name, Opportunity.StageName, o.Account.Name FROM Opportunity o "
        "WHERE o.Name = 'Opp 1' AND o.Account.Name != null ORDER BY o.Name LIMIT 1"
    )
    (record,) = loaded.soql(soql)["records"]
    assert (record["Name"], record["StageName"]) == ("Opp 1", "Prospecting")
    assert record["Account"]["Name"] == "Account 2"


def test_the_owner_is_read_through_a_lookup_to_several_objects(loaded: Client) -> None:
    """The user the rows were loaded by, its kind, and the owner of the parent."""
    soql = (
        "SELECT Owner.Username, Owner.Type, Account.Owner.Name, CreatedBy.Name, RecordType.Name "
        "FROM Opportunity WHERE Owner.Username LIKE 'integration%' LIMIT 1"
    )
    (record,) = loaded.soql(soql)["records"]
    assert list(record) == ["attributes", "Owner", "Account", "CreatedBy", "RecordType"]
    assert record["Owner"]["attributes"]["type"] == record["Owner"]["Type"] == "User"
    assert record["Owner"]["Username"] == "integration@emulator.invalid"
    assert record["Account"]["Owner"]["Name"] == "Integration User"
    assert (record["CreatedBy"]["Name"], record["RecordType"]["Name"]) == (
        "Integration User",
        "New Business",
    )


def test_a_parent_that_is_not_there_is_null(client: Client) -> None:
    """And so is all that lies behind it."""
    client.load("External_ID__c,Name,StageName,CloseDate\na,A,Closed Won,2026-01-01\n")
    soql = "SELECT Name, Account.Owner.Name, IsClosed, IsWon FROM Opportunity WHERE IsWon = true"
    (record,) = client.soql(soql)["records"]
    del record["attributes"]
    assert record == {"Name": "A", "Account": None, "IsClosed": True, "IsWon": True}


def test_an_unknown_locator_is_refused(client: Client) -> None:
    """As one that has expired."""
    answer = client.org.get("/query/01gnothing-2000-2000")
    assert answer.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
