"""Data Cloud by the session of the org."""

from __future__ import annotations

import pytest

from dc_assets_tests.emulator.driver import Client

PATH = "/ssot/query-sql"
ROWS = 13_000


@pytest.fixture(scope="module")
def seeded(connected: Client) -> Client:
    """A client of an org with rows in its tenant."""
    connected.start_clean(opportunities=ROWS, accounts=10)
    return connected


def test_rows_are_read_in_pieces_and_again(seeded: Client) -> None:
    """The first 2,000 come at once; the others by offset, any number of times."""
    sql = 'SELECT "ExternalId__c" FROM "ExtOpportunities__dlm" ORDER BY 1'
    first = seeded.org.post(PATH, json={"sql": sql, "rowLimit": 1_000_000}).json()
    assert (first["returnedRows"], first["status"]["rowCount"]) == (2_000, ROWS)
    assert first["metadata"][0] | {"nullable": True} == {
        "name": "ExternalId__c",
        "type": "Varchar",
        "nullable": True,
        "precision": None,
        "scale": None,
    }
    query = f"{PATH}/{first['status']['queryId']}"
    found = [row[0] for row in first["data"]]
    while len(found) < ROWS:
        some = {"offset": len(found), "omitSchema": "true"}
        piece = seeded.org.get(f"{query}/rows", params=some).json()
        assert "metadata" not in piece
        found += [row[0] for row in piece["data"]]
    assert found == [f"externalOpp{n:07d}" for n in range(1, ROWS + 1)]
    again = seeded.org.get(f"{query}/rows", params={"offset": 0, "rowLimit": 1}).json()
    assert again["data"] == [["externalOpp0000001"]]
    assert seeded.org.get(query).json()["status"]["completionStatus"] == "Finished"
    beyond = seeded.org.get(f"{query}/rows", params={"offset": ROWS})
    assert (beyond.status_code, beyond.json()[0]["message"]) == (400, "Request out of range")
    assert seeded.org.delete(query).status_code == 204
    assert seeded.org.get(query).status_code == 404


def test_parameters_take_the_place_of_their_names(seeded: Client) -> None:
    """A colon inside a text or a name, and a cast, are none."""
    sql = """SELECT ':key' AS ":key", COUNT(*)::varchar FROM "ExtOpportunities__dlm" """
    sql += 'WHERE "ExternalId__c" = :key OR "Name__c" = :odd'
    parameters = [
        {"name": "key", "type": "Varchar", "value": "externalOpp0000001"},
        {"name": "odd", "type": "Varchar", "value": "it's"},
    ]
    answer = seeded.org.post(PATH, json={"sql": sql, "sqlParameters": parameters}).json()
    assert answer["data"] == [[":key", "1"]]
    missing = seeded.org.post(PATH, json={"sql": "SELECT :other"})
    assert missing.status_code == 400


def test_columns_without_a_name_are_called_as_hyper_calls_them(seeded: Client) -> None:
    """After their function, or by their number; Query API V2 calls them otherwise."""
    sql = 'SELECT COUNT(*), 1, TRIM(MAX("Name__c")) FROM "ExtOpportunities__dlm"'
    answer = seeded.org.post(PATH, json={"sql": sql}).json()
    assert [column["name"] for column in answer["metadata"]] == ["count", "2", "btrim"]


def test_a_query_that_is_wrong_is_answered_as_the_org_answers(seeded: Client) -> None:
    """In the array of REST; the session is that of the org, not of the tenant."""
    answer = seeded.org.post(PATH, json={"sql": 'SELECT 1 FROM "Nothing__dlm"'})
    assert answer.status_code == 400
    assert "Nothing__dlm" in answer.json()[0]["message"]
    token = {"Authorization": seeded.tenant.headers["Authorization"]}
    assert seeded.org.post(PATH, json={"sql": "SELECT 1"}, headers=token).status_code == 401
