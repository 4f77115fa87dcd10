"""The sf CLI: log in, load, query and read results by its commands."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.foreign.conftest import node_with
from dc_assets_tests.foreign.node import CLI, QUIET, Node, Ran
from dc_assets_tests.foreign.orgs import ACCOUNTS, AWKWARD, Org, Untyped, rows

ALIAS = "emulated"
WAIT = ("--wait", "5")
ASKS_THE_ORG = ("status", "--jobs")
FAILED_ROWS = 1
"""Its exit code when a row was refused."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, plain_org: Org) -> Node:
    """Node with the CLI, logged in to the org."""
    node = node_with("@salesforce/cli", tmp_path_factory.mktemp("node"))
    told(log_in(node, plain_org.url, plain_org.token(), "--alias", ALIAS, "--set-default"))
    return node


def log_in(node: Node, url: str, token: str, *options: str) -> Ran:
    """Take a session of the org."""
    return node.sf(
        *("org", "login", "access-token", "--instance-url", url, "--no-prompt", "--json"),
        *options,
        SF_ACCESS_TOKEN=token,
    )


def told(ran: Ran) -> Untyped:
    """The result of a command that went well."""
    assert ran.code == 0, ran.out + ran.error
    return ran.json()["result"]


def test_it_knows_the_org_it_is_logged_in_to(node: Node, plain_org: Org) -> None:
    """Name, user, address and version; the org is no scratch org and no sandbox."""
    found = told(node.sf("org", "display", "--json"))
    assert (found["username"], found["alias"]) == (plain_org.ready["username"], ALIAS)
    assert found["id"].startswith("00D")
    assert found["instanceUrl"].rstrip("/") == plain_org.url
    assert found["apiVersion"] == "66.0"


def test_it_logs_in_by_a_signature(
    node: Node, plain_org: Org, app: Untyped, tmp_path: Path
) -> None:
    """Its assertion ends in the year 50,000, for it writes milliseconds."""
    key = tmp_path / "app.key"
    key.write_bytes(app.key_pem())
    found = told(
        Node(node.modules, tmp_path).sf(
            *("org", "login", "jwt", "--client-id", plain_org.ready["client_id"], "--json"),
            *("--jwt-key-file", str(key), "--username", plain_org.ready["username"]),
            *("--instance-url", plain_org.url),
        )
    )
    assert (found["username"], found["orgId"][:3]) == (plain_org.ready["username"], "00D")


def test_limits_and_describe_are_shown(node: Node) -> None:
    """As tables of names and numbers."""
    limits = {one["name"]: one for one in told(node.sf("limits", "api", "display", "--json"))}
    assert limits["DailyApiRequests"]["max"] >= 15_000
    described = told(node.sf("sobject", "describe", "--sobject", "Opportunity", "--json"))
    assert {field["name"]: field["type"] for field in described["fields"]}["Amount"] == "currency"
    listed = told(node.sf("sobject", "list", "--sobject", "all", "--json"))
    assert {"Account", "Opportunity"} <= set(listed)


def test_a_query_is_shown_as_a_table_as_csv_and_as_json(node: Node) -> None:
    """With columns of a parent, and with a count by group."""
    soql = "SELECT External_ID__c, Name FROM Account ORDER BY External_ID__c LIMIT 2"
    table = node.sf("data", "query", "--query", soql)
    assert table.code == 0, table.error
    assert "acc0000001" in table.out
    assert "EXTERNAL_ID__C" in table.out.upper()
    as_csv = node.sf("data", "query", "--query", soql, "--result-format", "csv")
    keys = [row["External_ID__c"] for row in csv.DictReader(io.StringIO(as_csv.out))]
    assert keys == ["acc0000001", "acc0000002"]
    grouped = "SELECT BillingCountry, COUNT(Id) n FROM Account GROUP BY BillingCountry"
    found = told(node.sf("data", "query", "--query", grouped, "--json"))
    assert sum(record["n"] for record in found["records"]) == ACCOUNTS


def test_a_query_that_is_wrong_says_what_the_org_says(node: Node) -> None:
    """By code and text."""
    ran = node.sf("data", "query", "--query", "SELECT Nmae FROM Account", "--json")
    assert ran.code != 0
    assert ran.json()["name"] == "INVALID_FIELD"
    assert "No such column 'Nmae' on entity 'Account'" in ran.json()["message"]


def test_single_records_are_made_read_changed_and_deleted(node: Node, plain_org: Org) -> None:
    """By an id, and by a condition."""
    plain_org.begin()
    one = ("--sobject", "Opportunity", "--json")
    values = "Name=One StageName=Prospecting CloseDate=2026-03-31 External_ID__c=cli"
    made = told(node.sf("data", "create", "record", *one, "--values", values))
    told(
        node.sf(
            *("data", "update", "record", *one, "--record-id", made["id"]),
            *("--values", "Name='Two words' IsPrivate=true"),
        )
    )
    read = told(node.sf("data", "get", "record", *one, "--where", "External_ID__c=cli"))
    assert (read["Id"], read["Name"], read["IsPrivate"]) == (made["id"], "Two words", True)
    told(node.sf("data", "delete", "record", *one, "--record-id", made["id"]))
    assert plain_org.inside.count() == 0


def test_a_bulk_upsert_carries_awkward_values_and_tells_refusals(
    node: Node, plain_org: Org, tmp_path: Path
) -> None:
    """Every text arrives as it was; the results are fetched by another command."""
    plain_org.begin()
    file = tmp_path / "rows.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows()[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
    ran = node.sf(
        *("data", "upsert", "bulk", "--sobject", "Opportunity", "--file", str(file)),
        *("--external-id", "External_ID__c", "--line-ending", "LF", "--json", *WAIT),
    )
    assert ran.code == FAILED_ROWS, ran.out
    assert ran.json()["name"] == "FailedRecordDetailsError"
    assert plain_org.descriptions() == AWKWARD
    job = ran.json()["data"]["jobId"]
    found = told(node.sf("data", "bulk", "results", "--job-id", job, "--json"))
    assert (found["processedRecords"], found["failedRecords"]) == (len(rows()), 1)
    with (node.home / found["failedFilePath"]).open(encoding="utf-8", newline="") as stream:
        (failed,) = csv.DictReader(stream)
    assert failed["External_ID__c"] == "f-orphan"
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: no such account")


def test_a_bulk_export_holds_each_record_once(node: Node, tmp_path: Path) -> None:
    """Its pages are put into one file."""
    file = tmp_path / "accounts.csv"
    told(
        node.sf(
            *("data", "export", "bulk", "--query", "SELECT External_ID__c FROM Account"),
            *("--output-file", str(file), "--result-format", "csv", "--json", *WAIT),
        )
    )
    with file.open(encoding="utf-8", newline="") as stream:
        keys = [row["External_ID__c"] for row in csv.DictReader(stream)]
    assert sorted(keys) == [f"acc{n:07d}" for n in range(1, ACCOUNTS + 1)]


def test_an_answer_of_any_route_can_be_read(node: Node) -> None:
    """`api request rest` prints the body of the org."""
    ran = node.sf("api", "request", "rest", "/services/data/v64.0/jobs/ingest?jobType=V2Ingest")
    assert json.loads(ran.out)["done"] is True


def test_an_ended_session_is_said(node: Node, plain_org: Org, tmp_path: Path) -> None:
    """By the text of the org, whether it asks for records or who is logged in."""
    other, token = Node(node.modules, tmp_path), plain_org.token()
    told(log_in(other, plain_org.url, token, "--set-default"))
    plain_org.inside.root.post("/services/oauth2/revoke", data={"token": token})
    ran = other.sf("data", "query", "--query", "SELECT Id FROM Account LIMIT 1", "--json")
    again = log_in(other, plain_org.url, token)
    assert (ran.code != 0, again.code != 0) == (True, True)
    assert "Session expired or invalid" in ran.out
    assert "Bad_OAuth_Token" in again.out


def wrapped(node: Node, folder: Path) -> dict[str, str]:
    """Settings under which `sf` is that CLI, as its own installer would make it."""
    program = folder / "sf"
    cli, runtime = node.modules / CLI, node.modules / "node" / "bin" / "node"
    program.write_text(f'#!/bin/sh\nexec "{runtime}" "{cli}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**QUIET, "PATH": path, "HOME": str(node.home), "SF_CLI_ORG": ALIAS}


def test_dc_assets_signs_in_by_its_login(node: Node, plain_org: Org, tmp_path: Path) -> None:
    """By its token; an alias that it does not know and a session that ended are told apart."""
    ours = wrapped(node, tmp_path)
    assert run_here(ours, *ASKS_THE_ORG).code == 0
    unknown = run_here({**ours, "SF_CLI_ORG": "nobody"}, *ASKS_THE_ORG)
    assert unknown.code == 2
    assert "sf is not signed in at an org called nobody" in " ".join(unknown.err.split())
    home = tmp_path / "home"
    home.mkdir()
    other, token = Node(node.modules, home), plain_org.token()
    told(log_in(other, plain_org.url, token, "--alias", "ended"))
    plain_org.inside.root.post("/services/oauth2/revoke", data={"token": token})
    ended = run_here({**ours, "HOME": str(home), "SF_CLI_ORG": "ended"}, *ASKS_THE_ORG)
    assert ended.code == 2
    assert "Sign in again: sf org login web" in " ".join(ended.err.split())
    assert "!" not in ended.err
