"""The names of headers as they go over the wire."""

from __future__ import annotations

from dc_assets_tests.emulator.driver import Client


def test_header_names_are_written_as_an_org_writes_them(client: Client) -> None:
    """A client that compares ``Content-Type`` as it stands finds it."""
    job = client.org.post(
        "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}
    ).json()["id"]
    answer = client.org.get(f"/jobs/query/{job}/results")
    names = {name.decode() for name, _ in answer.headers.raw}
    assert names >= {"Content-Type", "Content-Length", "Date", "Sforce-Limit-Info"}
    assert names >= {"Sforce-Locator", "Sforce-NumberOfRecords"}
    assert not [name for name in names if name.islower()]
