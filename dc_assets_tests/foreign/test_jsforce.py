"""jsforce: what its pages show, in one program of Node for each test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dc_assets_tests.foreign.conftest import node_with
from dc_assets_tests.foreign.node import Node
from dc_assets_tests.foreign.orgs import ACCOUNTS, AWKWARD, Org, Untyped, rows

PROGRAM = """
import jsforce from "jsforce";
const { url, token, version, given, ready } = JSON.parse(process.argv[2]);
const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version });
const failure = async (promise) => {
  try { await promise; return null; }
  catch (error) { return { code: error.errorCode ?? error.name, text: error.message }; }
};
const answer = await (async () => { BODY })();
console.log(JSON.stringify(answer));
"""
NEW = {"Name": "One", "StageName": "Prospecting", "CloseDate": "2026-03-31"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node with jsforce."""
    return node_with("jsforce", tmp_path_factory.mktemp("node"))


def told(node: Node, org: Org, body: str, given: object = None) -> Untyped:
    """What a program with this body returns; it has a session of its own."""
    org.begin()
    settings = {"url": org.url, "token": org.token(), "version": "64.0", "given": given}
    ran = node.script(PROGRAM.replace("BODY", body), json.dumps(settings | {"ready": org.ready}))
    assert ran.code == 0, ran.error
    return ran.json()


def test_it_logs_in_and_knows_who_it_is(node: Node, plain_org: Org) -> None:
    """By secret, password, refresh token and SOAP; the identity has name and URLs."""
    found = told(
        node,
        plain_org,
        """
        const oauth2 = { loginUrl: url, clientId: ready.client_id,
          clientSecret: ready.client_secret };
        const app = new jsforce.Connection({ instanceUrl: url, oauth2, version });
        await app.authorize({ grant_type: "client_credentials" });
        const user = new jsforce.Connection({ oauth2, version });
        const signedIn = await user.login(ready.username, ready.password);
        const old = new jsforce.Connection({ oauth2, instanceUrl: url, version,
          accessToken: "00D!dead", refreshToken: ready.refresh_token });
        const count = await old.query("SELECT COUNT() FROM Account");
        const soap = new jsforce.Connection({ loginUrl: url, version });
        const bySoap = await soap.login(ready.username, ready.password);
        const wrong = await failure(soap.login(ready.username, "wrong"));
        const who = await app.identity();
        return { signedIn, bySoap, wrong, count: count.totalSize, who };
        """,
    )
    who = found["who"]
    assert found["count"] == ACCOUNTS
    user = {"id": who["user_id"], "organizationId": who["organization_id"]}
    assert found["signedIn"] == user | {"url": who["id"]}
    assert found["bySoap"] | user == found["bySoap"]
    assert found["wrong"]["text"].startswith("INVALID_LOGIN: Invalid username, password")
    assert (who["username"], who["display_name"]) == (
        plain_org.ready["username"],
        "Integration User",
    )
    assert who["urls"]["rest"].startswith(plain_org.url)


def test_its_smoke_test_passes(node: Node, plain_org: Org) -> None:
    """Create, retrieve, update, upsert twice, destroy, retrieve again."""
    found = told(
        node,
        plain_org,
        """
        const deals = conn.sobject("Opportunity");
        const made = await deals.create(given);
        const updated = await deals.update({ Id: made.id, Name: "Two", NextStep: null });
        const keyed = { ...given, External_ID__c: "a b" };
        const first = await deals.upsert(keyed, "External_ID__c");
        const second = await deals.upsert(keyed, "External_ID__c");
        const read = await deals.retrieve(made.id);
        const destroyed = await deals.destroy(made.id);
        return { made, updated, first, second, read, destroyed,
          gone: await failure(deals.retrieve(made.id)),
          wrong: await failure(deals.create({ ...given, Nmae: 1 })) };
        """,
        NEW | {"NextStep": "call"},
    )
    made = found["made"]["id"]
    assert found["updated"]["success"] is True
    assert (found["first"]["created"], found["second"]["created"]) == (True, False)
    assert (found["read"]["Name"], found["read"]["NextStep"]) == ("Two", None)
    assert found["destroyed"] == {"id": made, "success": True, "errors": []}
    assert found["gone"] == {"code": "ENTITY_IS_DELETED", "text": "entity is deleted"}
    assert found["wrong"]["code"] == "INVALID_FIELD"


def test_lists_of_records_go_in_one_call(node: Node, plain_org: Org) -> None:
    """Created, changed, read and destroyed; each has a result of its own."""
    found = told(
        node,
        plain_org,
        """
        const deals = conn.sobject("Opportunity");
        const made = await deals.create([given, { ...given, Name: null }, given]);
        const ids = made.filter((one) => one.success).map((one) => one.id);
        await deals.update(ids.map((Id) => ({ Id, Name: "Many" })));
        const read = await deals.retrieve(ids);
        const destroyed = await deals.destroy(ids);
        return { made, names: read.map((one) => one.Name), destroyed };
        """,
        NEW,
    )
    assert [one["success"] for one in found["made"]] == [True, False, True]
    assert found["made"][1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert found["names"] == ["Many", "Many"]
    assert [one["success"] for one in found["destroyed"]] == [True, True]


def test_queries_go_over_all_pages(node: Node, plain_org: Org) -> None:
    """With autoFetch, and through the finder that builds the SOQL."""
    found = told(
        node,
        plain_org,
        """
        const soql = "SELECT External_ID__c FROM Account ORDER BY External_ID__c";
        const all = await conn.query(soql, { autoFetch: true, maxFetch: 10000 });
        const some = await conn.sobject("Account").find({ Name: { $like: "%" } }, "Id, Name")
          .sort({ Name: 1 }).limit(3).execute();
        return { keys: all.records.map((one) => one.External_ID__c), some: some.length };
        """,
    )
    assert found["keys"] == [f"acc{n:07d}" for n in range(1, ACCOUNTS + 1)]
    assert found["some"] == 3


def test_it_reads_what_the_org_says_of_itself(node: Node, plain_org: Org) -> None:
    """Describe of one and of all, limits, versions, the count of calls in a header."""
    found = told(
        node,
        plain_org,
        """
        const one = await conn.sobject("Opportunity").describe();
        const all = await conn.describeGlobal();
        const limits = await conn.request("/limits");
        const versions = await conn.request("/services/data");
        return { types: Object.fromEntries(one.fields.map((f) => [f.name, f.type])),
          names: all.sobjects.map((o) => o.name), limits, usage: conn.limitInfo.apiUsage,
          newest: versions.at(-1).version };
        """,
    )
    assert found["types"]["Amount"] == "currency"
    assert {"Account", "Opportunity"} <= set(found["names"])
    assert found["usage"]["limit"] == found["limits"]["DailyApiRequests"]["Max"]
    assert found["newest"] == "66.0"


def test_an_ended_session_is_told_by_its_code(node: Node, plain_org: Org) -> None:
    """After logout; a connection that can refresh goes on by itself."""
    found = told(
        node,
        plain_org,
        """
        const oauth2 = new jsforce.OAuth2({ loginUrl: url, clientId: ready.client_id });
        await oauth2.revokeToken(token);
        return await failure(conn.query("SELECT Id FROM Account LIMIT 1"));
        """,
    )
    assert found["code"] == "INVALID_SESSION_ID"


def test_a_bulk_upsert_carries_awkward_values_and_tells_refusals(
    node: Node, plain_org: Org
) -> None:
    """Records with an empty Id column of its own making; every text arrives as it was."""
    found = told(
        node,
        plain_org,
        """
        const results = await conn.bulk2.loadAndWaitForResults({ object: "Opportunity",
          operation: "upsert", externalIdFieldName: "External_ID__c", input: given,
          pollInterval: 50, pollTimeout: 60000 });
        return results;
        """,
        rows(),
    )
    assert plain_org.descriptions() == AWKWARD
    (failed,) = found["failedResults"]
    assert failed["External_ID__c"] == "f-orphan"
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: no such account")
    created = {row["External_ID__c"]: row["sf__Created"] for row in found["successfulResults"]}
    assert created == {f"f-{key}": "true" for key in AWKWARD}
    assert found["unprocessedRecords"] == []


def test_a_bulk_job_is_aborted_deleted_and_listed(node: Node, plain_org: Org) -> None:
    """Its events and its state tell of each step."""
    found = told(
        node,
        plain_org,
        """
        const job = conn.bulk2.createJob({ object: "Account", operation: "insert" });
        const opened = await job.open();
        const aborted = await job.abort();
        const listed = await conn.request("/jobs/ingest?jobType=V2Ingest");
        const state = listed.records.find((one) => one.id === opened.id).state;
        await job.delete();
        return { opened, state, gone: await failure(conn.request("/jobs/ingest/" + opened.id)) };
        """,
    )
    assert (found["opened"]["state"], found["state"]) == ("Open", "Aborted")
    assert found["gone"]["code"] == "NOT_FOUND"


def test_a_bulk_query_gives_each_record_once(node: Node, plain_org: Org) -> None:
    """As a stream of records."""
    found = told(
        node,
        plain_org,
        """
        const stream = await conn.bulk2.query("SELECT External_ID__c FROM Account",
          { pollInterval: 50, pollTimeout: 60000 });
        const keys = [];
        for await (const record of stream) keys.push(record.External_ID__c);
        return keys;
        """,
    )
    assert sorted(found) == [f"acc{n:07d}" for n in range(1, ACCOUNTS + 1)]


def test_a_stream_of_csv_is_uploaded_as_it_is(node: Node, plain_org: Org, tmp_path: Path) -> None:
    """In chunks, without a length; an insert and its deletion."""
    file = tmp_path / "accounts.csv"
    lines = "".join(f"New {n},new-{n}\n" for n in range(3_000))
    file.write_text("Name,External_ID__c\n" + lines)
    found = told(
        node,
        plain_org,
        """
        const { createReadStream } = await import("node:fs");
        const patience = { pollInterval: 50, pollTimeout: 60000 };
        const made = await conn.bulk2.loadAndWaitForResults({ object: "Account",
          operation: "insert", input: createReadStream(given), ...patience });
        const ids = made.successfulResults.map((row) => ({ Id: row.sf__Id }));
        const gone = await conn.bulk2.loadAndWaitForResults({ object: "Account",
          operation: "delete", input: ids, ...patience });
        return [made.successfulResults.length, gone.successfulResults.length];
        """,
        str(file),
    )
    assert found == [3_000, 3_000]
