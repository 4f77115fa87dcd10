"""The columns of a query, which a client asks for to draw a table."""

from __future__ import annotations

from typing import Any

from dc_assets_tests.emulator.driver import Client


def columns(client: Client, soql: str) -> Any:  # noqa: ANN401  an object, or a list of errors
    """The answer to a query that asks for its columns."""
    return client.org.get("/query", params={"q": soql, "columns": "true"}).json()


def test_columns_are_told_with_their_types_and_parents(client: Client) -> None:
    """Names are those of describe; a parent's field hangs below its relationship."""
    answer = columns(client, "SELECT id, amount, account.name, IsPrivate FROM Opportunity")
    shown = answer["columnMetadata"]
    assert [entry["columnName"] for entry in shown] == ["Id", "Amount", "Account", "IsPrivate"]
    assert [entry["numberType"] for entry in shown] == [False, True, False, False]
    assert shown[2]["foreignKeyName"] == "AccountId"
    assert [entry["columnName"] for entry in shown[2]["joinColumns"]] == ["Name"]
    assert (answer["entityName"], answer["keyPrefix"], answer["idSelected"]) == (
        "Opportunity",
        "006",
        True,
    )


def test_an_aggregate_is_named_by_its_alias_or_its_number(client: Client) -> None:
    """What it computes stands in the display name."""
    soql = "SELECT StageName, COUNT(Id), MAX(Amount) top FROM Opportunity GROUP BY StageName"
    answer = columns(client, soql)
    shown = [(entry["columnName"], entry["displayName"]) for entry in answer["columnMetadata"]]
    assert shown == [("StageName", "StageName"), ("expr0", "count(Id)"), ("top", "max(Amount)")]
    assert answer["groupBy"] is True


def test_columns_of_a_query_that_is_wrong_are_refused(client: Client) -> None:
    """By the errors of the query itself."""
    answer = columns(client, "SELECT Nmae FROM Account")
    assert answer[0]["errorCode"] == "INVALID_FIELD"
