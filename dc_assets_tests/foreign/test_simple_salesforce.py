"""simple-salesforce: what its pages show, over https as it insists."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dc_assets_tests.foreign.conftest import WHY_SKIPPED
from dc_assets_tests.foreign.orgs import ACCOUNTS, AWKWARD, Org, Untyped, rows

DOMAIN = "emulated.my"
NEW = {"Name": "One", "StageName": "Prospecting", "CloseDate": "2026-03-31", "Amount": 12.5}


@pytest.fixture(scope="module")
def simple() -> Untyped:
    """The package."""
    reason = WHY_SKIPPED.format("simple-salesforce")
    return pytest.importorskip("simple_salesforce", reason=reason)


def session_to(org: Org) -> Untyped:
    """A session that trusts the org, and that finds it behind every host of Salesforce."""
    requests: Untyped = pytest.importorskip("requests")

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: Untyped, **options: Untyped) -> Untyped:
            request.url = org.url + request.path_url
            sent: Untyped = super()
            return sent.send(request, **options)

    session = requests.Session()
    session.verify = org.ready["ca_file"]
    session.trust_env = False  # a bundle of the machine would take the place of the file
    session.mount(f"https://{DOMAIN}.salesforce.com", Adapter())
    return session


@pytest.fixture
def sf(simple: Untyped, secure_org: Org) -> Untyped:
    """A client with a session of its own."""
    secure_org.begin()
    return simple.Salesforce(
        instance=urlsplit(secure_org.url).netloc,
        session_id=secure_org.token(),
        session=session_to(secure_org),
        version="64.0",
    )


@pytest.mark.parametrize("way", ["client_credentials", "password", "jwt", "soap"])
def test_it_logs_in(simple: Untyped, secure_org: Org, app: Untyped, way: str) -> None:
    """By the app's secret, by a user's password, by a signature, by SOAP."""
    ready = secure_org.ready
    secret = {"consumer_key": ready["client_id"], "consumer_secret": ready["client_secret"]}
    user = {"username": ready["username"]}
    given = {
        "client_credentials": secret,
        "password": {**secret, **user, "password": ready["password"]},
        "soap": {**user, "password": ready["password"], "security_token": "TheToken"},
        "jwt": {**user, "consumer_key": ready["client_id"], "privatekey": app.key_pem()},
    }[way]
    if way == "jwt":
        # Its audience is the domain it signs in at; the host of the token is the same.
        given["domain"] = "login"
        given["instance_url"] = DOMAIN
    sf = simple.Salesforce(**{"domain": DOMAIN, **given}, session=session_to(secure_org))
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == ACCOUNTS


def test_a_wrong_secret_is_an_error_of_its_own(simple: Untyped, secure_org: Org) -> None:
    """Code and text are those of the org."""
    with pytest.raises(simple.SalesforceAuthenticationFailed, match="invalid client credentials"):
        simple.Salesforce(
            domain=DOMAIN,
            consumer_key=secure_org.ready["client_id"],
            consumer_secret="wrong",
            session=session_to(secure_org),
        )


def test_its_smoke_test_passes(sf: Untyped, simple: Untyped) -> None:
    """Create, get, get by an external id, update, upsert twice, delete, get again."""
    made = sf.Opportunity.create(NEW)
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert sf.Opportunity.update(made["id"], {"External_ID__c": "a/b"}) == 204
    assert sf.Opportunity.get_by_custom_id("External_ID__c", "a/b")["Id"] == made["id"]
    assert sf.Opportunity.upsert("External_ID__c/a%2Fb", {"Name": "Two"}) == 200
    assert sf.Opportunity.upsert("External_ID__c/other", NEW) == 201
    assert sf.Opportunity.get(made["id"])["Name"] == "Two"
    assert sf.Opportunity.delete(made["id"]) == 204
    with pytest.raises(simple.SalesforceResourceNotFound, match="ENTITY_IS_DELETED"):
        sf.Opportunity.get(made["id"])


def test_a_record_that_is_wrong_is_a_malformed_request(sf: Untyped, simple: Untyped) -> None:
    """The content of the error is the array of the org."""
    with pytest.raises(simple.SalesforceMalformedRequest) as raised:
        sf.Opportunity.create({**NEW, "Name": None})
    assert raised.value.content == [
        {
            "message": "Required fields are missing: [Name]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["Name"],
        }
    ]


def test_changed_and_deleted_records_are_told(sf: Untyped) -> None:
    """By a span of time, as clients that replicate ask."""
    kept, gone = (sf.Opportunity.create(NEW)["id"] for _ in range(2))
    sf.Opportunity.delete(gone)
    now = datetime.now(UTC)
    span = (now - timedelta(days=1), now + timedelta(days=1))
    assert sf.Opportunity.updated(*span)["ids"] == [kept]
    assert [one["id"] for one in sf.Opportunity.deleted(*span)["deletedRecords"]] == [gone]


def test_it_reads_what_the_org_says_of_itself(sf: Untyped) -> None:
    """Describe, limits, the sandbox flag, the user, and the count of calls in a header."""
    described = {field["name"]: field for field in sf.Opportunity.describe()["fields"]}
    assert described["Amount"]["type"] == "currency"
    assert {"Account", "Opportunity"} <= {one["name"] for one in sf.describe()["sobjects"]}
    assert sf.Opportunity.metadata()["objectDescribe"]["keyPrefix"] == "006"
    assert sf.limits()["DailyApiRequests"]["Max"] >= 15_000
    assert sf.is_sandbox() is True
    assert sf.oauth2("userinfo")["preferred_username"] == "integration@emulator.invalid"
    assert sf.api_usage["api-usage"].used > 0


def test_a_query_goes_over_all_pages(sf: Untyped) -> None:
    """Each account once, in the order that was asked for."""
    soql = "SELECT External_ID__c FROM Account ORDER BY External_ID__c"
    found = [record["External_ID__c"] for record in sf.query_all(soql)["records"]]
    assert found == [f"acc{n:07d}" for n in range(1, ACCOUNTS + 1)]
    assert len(list(sf.query_all_iter(soql))) == ACCOUNTS


def test_an_ended_session_is_an_error_of_its_own(
    sf: Untyped, simple: Untyped, secure_org: Org
) -> None:
    """It names the code and the host that said so."""
    secure_org.inside.root.post("/services/oauth2/revoke", data={"token": sf.session_id})
    with pytest.raises(simple.SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        sf.query("SELECT Id FROM Account LIMIT 1")


def test_a_bulk_upsert_carries_awkward_values_and_tells_refusals(
    sf: Untyped, secure_org: Org
) -> None:
    """Every text arrives as it was; the row without a parent is among the failed."""
    (job,) = sf.bulk2.Opportunity.upsert(
        records=rows(), external_id_field="External_ID__c", wait=0.05
    )
    assert (job["numberRecordsTotal"], job["numberRecordsFailed"]) == (len(rows()), 1)
    assert secure_org.descriptions() == AWKWARD
    results = sf.bulk2.Opportunity.get_all_ingest_records(job["job_id"])
    (failed,) = results["failedRecords"]
    assert failed["External_ID__c"] == "f-orphan"
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: no such account")
    created = {row["External_ID__c"]: row["sf__Created"] for row in results["successfulRecords"]}
    assert created == {f"f-{key}": "true" for key in AWKWARD}
    amounts = {row["Amount"] for row in results["successfulRecords"]}
    assert amounts == {"9.122600315E8"}
    assert results["unprocessedRecords"] == []


def test_a_bulk_job_is_aborted_and_listed(sf: Untyped, simple: Untyped) -> None:
    """The list has it, with its state."""
    client = sf.bulk2.Opportunity._client
    operation = simple.bulk2.Operation.insert
    job = client.create_job(operation)
    assert client.abort_job(job["id"], False)["state"] == "Aborted"
    listed = sf.restful("jobs/ingest", params={"jobType": "V2Ingest"})["records"]
    states = {one["id"]: one["state"] for one in listed}
    assert states[job["id"]] == "Aborted"


def test_a_bulk_query_goes_over_all_pages(sf: Untyped, tmp_path: Path) -> None:
    """Pages of 2,000 rows, in memory and on disk, hold each account once."""
    soql = "SELECT External_ID__c FROM Account"
    pages = list(sf.bulk2.Account.query(soql, max_records=2_000, wait=0.05))
    counts = [page.count("\n") - 1 for page in pages]
    assert counts == [2_000, 2_000, 500]
    files = sf.bulk2.Account.download(soql, path=str(tmp_path), max_records=2_000, wait=0.05)
    found = [
        row["External_ID__c"]
        for file in files
        for row in csv.DictReader(io.StringIO(Path(file["file"]).read_text()))
    ]
    assert sorted(found) == [f"acc{n:07d}" for n in range(1, ACCOUNTS + 1)]


HEADER = "External_ID__c,Name,StageName,CloseDate"
ROW = "Prospecting,2026-03-31"
SPREADSHEETS = {
    "a byte order mark": (f"\ufeff{HEADER}\nf-1,One,{ROW}\n", "Field name not found : \ufeffExt"),
    "a column twice": (f"{HEADER},Name\nf-1,One,{ROW},Two\n", "Duplicate field name : Name"),
}


@pytest.mark.parametrize("name", SPREADSHEETS)
def test_a_file_of_a_spreadsheet_fails_its_job(
    sf: Untyped, simple: Untyped, secure_org: Org, tmp_path: Path, name: str
) -> None:
    """The client says what the org says, and nothing of the file is written."""
    content, message = SPREADSHEETS[name]
    file = tmp_path / "rows.csv"
    file.write_bytes(content.encode())
    with pytest.raises(simple.exceptions.SalesforceOperationError, match=message):
        sf.bulk2.Opportunity.insert(str(file), wait=0.05)
    assert secure_org.inside.count() == 0


def test_ids_are_refused_that_an_org_refuses(sf: Untyped, secure_org: Org) -> None:
    """One in an insert, one twice in an update, one of nothing, one that is deleted."""
    bulk, wait = sf.bulk2.Opportunity, 0.05
    bulk.upsert(records=rows()[:2], external_id_field="External_ID__c", wait=wait)
    one, other = (r["Id"] for r in secure_org.inside.soql("SELECT Id FROM Opportunity")["records"])

    def refused(jobs: list[dict[str, Untyped]]) -> list[str]:
        text = bulk.get_failed_records(jobs[0]["job_id"])
        return [row["sf__Error"].partition(":")[0] for row in csv.DictReader(io.StringIO(text))]

    assert refused(bulk.insert(records=[{"Id": one, **NEW}], wait=wait)) == [
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    ]
    twice = [{"Id": one, "Name": "A"}, {"Id": one, "Name": "B"}, {"Id": other, "Name": "C"}]
    assert refused(bulk.update(records=twice, wait=wait)) == ["DUPLICATE_VALUE"]
    assert refused(bulk.update(records=[{"Id": "one", "Name": "A"}], wait=wait)) == ["MALFORMED_ID"]
    bulk.delete(records=[{"Id": one}], wait=wait)
    assert refused(bulk.delete(records=[{"Id": one}], wait=wait)) == ["ENTITY_IS_DELETED"]
