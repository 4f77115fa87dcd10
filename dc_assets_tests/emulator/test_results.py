"""The three result files: headers as uploaded, cells quoted, rows in no order."""

from __future__ import annotations

from dc_assets_tests.emulator.driver import Client, one_row, rows_csv


def test_result_rows_are_not_in_upload_order(client: Client) -> None:
    """A client that joins by position is caught."""
    job = client.load(rows_csv(100))["id"]
    names = [row["Name"] for row in client.result(job, "successfulResults")]
    assert names != [f"Opp {n}" for n in range(1, 101)]
    assert sorted(names) == sorted(f"Opp {n}" for n in range(1, 101))


def test_the_same_results_are_answered_each_time(client: Client) -> None:
    """The order is one of the job, not one of the call."""
    job = client.load(rows_csv(100))["id"]
    path = f"/jobs/ingest/{job}/successfulResults"
    assert client.org.get(path).content == client.org.get(path + "/").content


def test_headers_are_echoed_as_uploaded_and_cells_are_quoted(client: Client) -> None:
    """Column names keep their case and their quotes."""
    content = '"external_id__c",name,StageName,CloseDate\nk,N,Prospecting,2026-01-01\n'
    job = client.load(content)["id"]
    lines = client.org.get(f"/jobs/ingest/{job}/successfulResults").text.splitlines()
    assert lines[0] == '"sf__Id","sf__Created","external_id__c",name,StageName,CloseDate'
    assert lines[1].endswith(',"true","k","N","Prospecting","2026-01-01"')
    failed = client.org.get(f"/jobs/ingest/{job}/failedResults").text
    assert failed == '"sf__Id","sf__Error","external_id__c",name,StageName,CloseDate\n'
    left = client.org.get(f"/jobs/ingest/{job}/UNPROCESSEDRECORDS").text
    assert left == '"external_id__c",name,StageName,CloseDate\n'


def test_numbers_come_back_rendered_anew(client: Client) -> None:
    """As a Java double is written; a client must not compare them as texts."""
    sent = ["1200.50", "912260031", "7", "0.5", "-12345678.9", "1e3", ""]
    lines = ["External_ID__c,Name,StageName,CloseDate,Amount"]
    lines += [f"k{n},N,Prospecting,2026-01-01,{text}" for n, text in enumerate(sent)]
    job = client.load("\n".join(lines) + "\n")["id"]
    shown = {r["External_ID__c"]: r["Amount"] for r in client.result(job, "successfulResults")}
    assert [shown[f"k{n}"] for n in range(len(sent))] == [
        "1200.5",
        "9.12260031E8",
        "7.0",
        "0.5",
        "-1.23456789E7",
        "1000.0",
        "",
    ]


def test_awkward_text_survives_the_way_there_and_back(client: Client) -> None:
    """Quotes, commas, line breaks and letters from elsewhere."""
    text = 'Said ""yes"", then\nMüller & Søn, 東京'
    job = client.load(one_row(Description=f'"{text}"'))["id"]
    plain = text.replace('""', '"')
    assert client.result(job, "successfulResults")[0]["Description"] == plain
    assert client.soql("SELECT Description FROM Opportunity")["records"][0]["Description"] == plain
