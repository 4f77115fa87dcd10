"""What the org says of itself, and the shapes of its answers in general."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dc_assets_tests.emulator.driver import Client, wait


def test_versions_are_listed_without_a_token(client: Client) -> None:
    """From 50 to 66."""
    versions = [entry["version"] for entry in client.root.get("/services/data").json()]
    assert versions[0] == "50.0"
    assert versions[-1] == "66.0"
    assert versions == sorted(versions)


def test_the_resources_of_a_version_name_an_absolute_identity(client: Client) -> None:
    """Some clients call it at once."""
    identity = client.org.get("/").json()["identity"]
    assert identity.startswith(client.ready["base_url"])
    assert client.org.get(identity).json()["user_id"].startswith("005")


def test_slashes_may_be_doubled_or_trail(client: Client) -> None:
    """The docs use a trailing slash, some clients double the first."""
    for path in ("//limits", "/limits/", "/sobjects/Opportunity/describe/"):
        assert client.org.get(path).status_code == 200


def test_unknown_routes_and_versions_are_not_found(client: Client) -> None:
    """404 in the shape of the org."""
    for path in ("/services/data/v66.0/nothing", "/services/data/v49.0/limits", "/nothing"):
        answer = client.org.get(client.ready["base_url"] + path)
        assert answer.status_code == 404
        assert answer.json() == [
            {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
        ]


def test_a_wrong_method_is_named(client: Client) -> None:
    """405 says which methods are allowed."""
    answer = client.org.put("/limits")
    assert answer.status_code == 405
    assert answer.json()[0]["message"] == "HTTP Method 'PUT' not allowed. Allowed are GET"


def test_a_uri_over_16384_bytes_is_refused(client: Client) -> None:
    """A long SOQL text in a GET reaches this."""
    text = "SELECT Id FROM Opportunity WHERE Name = '" + "x" * 16_384 + "'"
    assert client.org.get("/query", params={"q": text}).status_code == 414


def test_describe_says_which_fields_are_needed_to_create(client: Client) -> None:
    """Createable, not nillable, not defaulted: Name, StageName and CloseDate."""
    body = client.org.get("/sobjects/Opportunity/describe").json()
    needed = {
        field["name"]
        for field in body["fields"]
        if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    }
    assert body["keyPrefix"] == "006"
    assert needed == {"Name", "StageName", "CloseDate"}


def test_describe_says_what_the_external_id_is(client: Client) -> None:
    """External id, unique, without regard to case."""
    fields = client.org.get("/sobjects/Opportunity/describe").json()["fields"]
    by_name = {field["name"]: field for field in fields}
    key = by_name["External_ID__c"]
    assert (key["externalId"], key["unique"], key["idLookup"]) == (True, True, True)
    assert (key["caseSensitive"], key["custom"], key["length"]) == (False, True, 255)
    assert by_name["AccountId"]["referenceTo"] == ["Account"]
    assert by_name["AccountId"]["relationshipName"] == "Account"
    assert len(by_name["StageName"]["picklistValues"]) == 10


OF_SETUP = ("UserPermissionAccess", "Dataspace")


def test_describe_of_an_unknown_object_is_not_found(client: Client) -> None:
    """So it is a preflight check."""
    assert client.org.get("/sobjects/Nothing/describe").status_code == 404
    names = [entry["name"] for entry in client.org.get("/sobjects").json()["sobjects"]]
    assert names == [
        "Account",
        "Opportunity",
        "Organization",
        "User",
        "Group",
        "RecordType",
        *OF_SETUP,
    ]


def test_each_answer_says_how_many_calls_were_made(client: Client) -> None:
    """The header and the limits agree."""
    answer = client.org.get("/limits")
    used, maximum = answer.headers["Sforce-Limit-Info"].removeprefix("api-usage=").split("/")
    limits = answer.json()
    assert limits["DailyApiRequests"]["Max"] == int(maximum)
    assert limits["DailyApiRequests"]["Max"] - limits["DailyApiRequests"]["Remaining"] == int(used)
    assert {"DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DataStorageMB"} <= set(limits)


def test_calls_over_the_daily_limit_are_refused(client: Client) -> None:
    """403, and not 429."""
    client.admin.post("/options", json={"api_requests_max": 2})
    answers = [client.org.get("/sobjects") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()[0] == {
        "errorCode": "REQUEST_LIMIT_EXCEEDED",
        "message": "TotalRequests Limit exceeded.",
    }


def test_an_edition_decides_how_many_calls_there_are(client: Client) -> None:
    """A developer org by default; a reset keeps the edition and restores its limits."""
    assert client.org.get("/limits").json()["DailyApiRequests"]["Max"] == 15_000
    changed = client.admin.post("/options", json={"edition": "enterprise"}).json()
    assert (changed["api_requests_max"], changed["long_requests_max"]) == (5_000_000, 25)
    client.admin.post("/options", json={"api_requests_max": 3})
    client.admin.post("/reset")
    assert client.admin.get("/state").json()["options"]["api_requests_max"] == 5_000_000
    assert client.admin.post("/options", json={"edition": "gold"}).status_code == 400
    client.admin.post("/options", json={"edition": "developer"})


def test_a_call_beside_five_long_ones_is_refused(client: Client) -> None:
    """The limit of the moment: with one of them answered the next call passes."""
    client.admin.post("/hold", json={"kind": "limits", "when": "before"})
    with ThreadPoolExecutor(5) as threads:
        held = [threads.submit(client.org.get, "/limits") for _ in range(5)]
        while client.admin.get("/state").json()["waiting"].get("limits") != len(held):
            wait(0.01)
        assert client.org.get("/sobjects").status_code == 200
        client.admin.post("/options", json={"long_request_s": 0})
        refused = client.org.get("/sobjects")
        client.admin.post("/release", json={})
        assert {call.result().status_code for call in held} == {200}
    assert refused.status_code == 403
    assert refused.json() == [
        {
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
            "message": "ConcurrentPerOrgLongTxn Limit exceeded.",
        }
    ]
    assert client.org.get("/sobjects").status_code == 200


def test_clients_find_the_organization_and_the_user(client: Client) -> None:
    """The first questions of real command-line tools."""
    org = client.soql("SELECT Id, IsSandbox FROM Organization LIMIT 1")["records"][0]
    identity = client.org.get(client.org.get("/").json()["identity"]).json()
    condition = f"Id = '{identity['user_id']}' AND IsActive = true"
    (user,) = client.soql(f"SELECT Username FROM User WHERE {condition}")["records"]
    assert (org["Id"], org["IsSandbox"]) == (identity["organization_id"], True)
    assert (user["attributes"]["type"], user["Username"]) == (
        "User",
        identity["username"],
    )
    assert client.org.get(f"/sobjects/User/{identity['user_id']}").status_code == 200


def test_the_records_of_the_org_itself_outlive_a_reset(client: Client) -> None:
    """They are no records that were loaded: neither the state nor the storage counts them."""
    client.admin.post("/reset")
    client.log_in()
    assert client.soql("SELECT COUNT() FROM User")["totalSize"] == 2
    assert client.admin.get("/state").json()["core"] == {"Account": 0, "Opportunity": 0}


def test_describe_says_who_owns_and_what_is_computed(client: Client) -> None:
    """The owner may be of two kinds and is given; computed fields can be read only."""
    body = client.org.get("/sobjects/Opportunity/describe").json()
    by_name = {field["name"]: field for field in body["fields"]}
    owner = by_name["OwnerId"]
    assert (owner["referenceTo"], owner["polymorphicForeignKey"]) == (["Group", "User"], True)
    assert (owner["nillable"], owner["defaultedOnCreate"], owner["createable"]) == (
        False,
        True,
        True,
    )
    for name in ("IsClosed", "ExpectedRevenue", "CreatedById", "LastModifiedById"):
        assert (by_name[name]["createable"], by_name[name]["updateable"]) == (False, False), name
    assert [kind["developerName"] for kind in body["recordTypeInfos"]] == [
        "New_Business",
        "Renewal",
        "Master",
    ]
