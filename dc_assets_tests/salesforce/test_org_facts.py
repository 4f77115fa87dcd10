"""What we ask of the org, with answers that say little, much or no."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dc_assets.core.organization import OrgKind
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription
from dc_assets.load.preflight.measured import FieldRule, rules_of, unfilled_fields
from dc_assets.load.preflight.survey import NamedParent, OrgLimits
from dc_assets.salesforce.auth import Token, TokenStore
from dc_assets.salesforce.describe import described_target
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.org_facts import SalesforceFacts, organization
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.fakes.specs import content, small_spec

NEEDED = {"createable": True, "nillable": False, "defaultedOnCreate": False}
PARENT = NamedParent("Parent__c", "External_ID__c")
REFUSED = httpx.Response(400, json=[{"errorCode": "INVALID_TYPE", "message": "no such object"}])


class Answers:
    """A host that gives its answers one after the other and keeps what was asked."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 - JSON bodies or whole responses
        self.asked: list[httpx.URL] = []
        self._answers = list(answers)
        client = httpx.Client(
            base_url="https://org.example", transport=httpx.MockTransport(self._next)
        )
        self.host = Host(client, lambda _: None)

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        answer = self._answers.pop(0)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def session_of(answers: Answers) -> OrgSession:
    """Return a session with an org that answers so."""
    tokens = TokenStore(lambda: Token("", ""))
    return OrgSession(answers.host, "00D000000000001AAA", "005000000000001AAA", tokens)


def facts(answers: Answers) -> SalesforceFacts:
    """Return the facts of an org that answers so."""
    return SalesforceFacts(session_of(answers), small_spec())


def test_what_is_there_is_told_only_where_the_org_could_be_asked() -> None:
    """Without an answer nothing is said: neither is a parent there, nor is it absent."""
    there = {"records": [{"External_ID__c": "A"}], "done": True}
    assert facts(Answers(there)).present(PARENT, ["a", "b"]) == ["a"]
    assert facts(Answers(there)).absent(PARENT, ["a", "b"]) == ["b"]
    assert facts(Answers(REFUSED)).present(PARENT, ["a", "b"]) == []
    assert facts(Answers(REFUSED)).absent(PARENT, ["a", "b"]) == []


def described(*fields: dict[str, Any], spec: LoadSpec | None = None) -> TargetDescription:
    """Return what an org says whose object has some fields."""
    answers = Answers({"fields": list(fields)}, REFUSED)
    return described_target(session_of(answers), spec or small_spec())


def rules(org: TargetDescription, spec: LoadSpec | None = None) -> list[FieldRule]:
    """Return the rules for a source of whose columns nothing is known."""
    return list(rules_of(spec or small_spec(), org, {}))


ORGANIZATIONS: dict[OrgKind, list[dict[str, object]]] = {
    OrgKind.SANDBOX: [{"IsSandbox": True, "OrganizationType": "Enterprise Edition"}],
    OrgKind.DEVELOPER: [{"IsSandbox": False, "OrganizationType": "Developer Edition"}],
    OrgKind.PRODUCTION: [{"IsSandbox": False, "OrganizationType": None, "Name": "Acme"}],
    OrgKind.UNREADABLE: [{"Name": "Acme", "OrganizationType": "Developer Edition"}],
}


@pytest.mark.parametrize("kind", ORGANIZATIONS)
def test_the_kind_of_an_org_is_what_organization_says(kind: OrgKind) -> None:
    """One query; what is left out of the answer is never taken for harmless."""
    answers = Answers({"records": ORGANIZATIONS[kind], "done": True})
    found = organization(session_of(answers))
    assert (found.kind, found.org_id, found.host) == (kind, "00D000000000001AAA", "org.example")
    assert len(answers.asked) == 1


@pytest.mark.parametrize("answer", [REFUSED, {"records": [], "done": True}])
def test_an_org_that_shows_no_organization_is_taken_for_production(answer: object) -> None:
    """Our user may not read it."""
    assert organization(session_of(Answers(answer))).kind is OrgKind.UNREADABLE


def test_a_field_gives_the_rules_that_its_description_names() -> None:
    """Required, length and the active values of a restricted picklist."""
    values = [{"active": True, "value": "A"}, {"active": False, "value": "B"}]
    org = described(
        {"name": "Title__c", "type": "string", "length": 80, **NEEDED},
        {
            "name": "Price__c",
            "type": "picklist",
            "length": 255,
            "restrictedPicklist": True,
            "picklistValues": values,
        },
    )
    assert rules(org) == [
        FieldRule("Title__c", "Title__c", "required"),
        FieldRule("Title__c", "Title__c", "length", bound=80),
        FieldRule("Price__c", "Price__c", "picklist", values=("A",), strips=True),
    ]


def test_what_describe_leaves_out_gives_no_rule() -> None:
    """Nor does a picklist that takes any value."""
    values = [{"active": True, "value": "A"}]
    org = described(
        {"name": "Title__c"},
        {"name": "Price__c", "type": "picklist", "picklistValues": values},
        {"name": "Other__c", "createable": True},
    )
    assert rules(org) == []
    assert unfilled_fields(small_spec(), org) == []


def test_blanks_are_dropped_where_the_spec_says_so() -> None:
    """Then a text of blanks is no value, and they do not make it too long."""
    columns = content()["columns"]
    columns[1]["blanks"] = "strip"
    spec = small_spec(columns=columns)
    org = described({"name": "Title__c", **NEEDED}, spec=spec)
    assert [rule.strips for rule in rules(org, spec)] == [True]


def test_a_required_field_without_a_column_is_named() -> None:
    """A relationship is filled by its column, and a default by the org."""
    org = described(
        {"name": "Parent__c", "relationshipName": "Parent__r", **NEEDED},
        {"name": "Title__c", **NEEDED},
        {"name": "Kind__c", **NEEDED},
        {"name": "OwnerId", **NEEDED, "defaultedOnCreate": True},
        {"name": "Total__c", **NEEDED, "createable": False},
    )
    assert unfilled_fields(small_spec(), org) == ["Kind__c"]
    assert [(rule.target, rule.kind) for rule in rules(org)] == [
        ("Title__c", "required"),
        ("Parent__r.External_ID__c", "required"),
    ]


def test_limits_are_numbers_or_not_known() -> None:
    """Older versions write them as text; an org may leave one out."""
    answer = {
        "DailyApiRequests": {"Max": 15_000, "Remaining": 14_000},
        "DailyBulkApiBatches": {"Max": "15000", "Remaining": "200"},
    }
    assert facts(Answers(answer)).limits() == OrgLimits(14_000, 15_000, 200, 15_000, None)


def test_without_the_permission_only_the_calls_are_known() -> None:
    """Every answer of the org tells them in a header."""
    no = httpx.Response(
        403,
        json=[{"errorCode": "FUNCTIONALITY_NOT_ENABLED", "message": "no"}],
        headers={"Sforce-Limit-Info": "api-usage=18/5000"},
    )
    assert facts(Answers(no)).limits() == OrgLimits(api_calls_left=4_982)


def job(object_name: str, state: str) -> dict[str, str]:
    """Return a job as the org lists it."""
    return {
        "id": "750000000000001AAA",
        "object": object_name,
        "operation": "upsert",
        "state": state,
        "createdDate": "2026-01-31T10:00:00.000+0000",
    }


def test_jobs_at_work_are_those_on_the_same_object_that_hold_rows() -> None:
    """Those of any user; an Open one holds none, and an ended one no more."""
    states = ("Open", "UploadComplete", "InProgress", "InProgress", "JobComplete", "Failed")
    listed = [job("Thing__c", state) for state in states] + [job("Other__c", "InProgress")]
    org = facts(Answers({"done": True, "records": listed}))
    assert org.jobs_at_work() == {"UploadComplete": 1, "InProgress": 2}


def test_parents_are_looked_up_by_their_external_id_without_case() -> None:
    """As many in a query as a URL may hold; each one is quoted."""
    names = [f"Pa{n}" for n in range(20)] + ["O'Hara", *("x" * 255 for _ in range(60))]
    records = [{"External_ID__c": f"pA{n}"} for n in range(1, 20)]
    org = Answers({"records": records, "done": True}, {"records": [], "done": True})
    assert facts(org).absent(PARENT, names)[:2] == ["Pa0", "O'Hara"]
    queries = [url.params["q"] for url in org.asked]
    assert queries[0].startswith("SELECT External_ID__c FROM Parent__c WHERE External_ID__c IN (")
    assert r"'O\'Hara'" in queries[0]
    assert all(len(str(url)) < 16_384 for url in org.asked)


def test_parents_that_cannot_be_asked_for_are_not_judged() -> None:
    """Our user may not see them."""
    assert facts(Answers(REFUSED)).absent(PARENT, ["p"]) == []


def test_the_keys_of_our_records_are_read_under_the_scope() -> None:
    """Those without an external id, and those of others, are none of ours."""
    org = Answers({"records": [{"External_ID__c": "a"}], "done": True})
    target = {**content()["target"], "scope": "Type = 'x'"}
    scoped = SalesforceFacts(session_of(org), small_spec(target=target))
    assert scoped.external_ids(1) == ["a"]
    query = "SELECT External_ID__c FROM Thing__c WHERE External_ID__c != null AND (Type = 'x')"
    assert org.asked[0].params["q"] == query
