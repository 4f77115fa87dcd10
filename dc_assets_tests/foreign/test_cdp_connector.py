"""salesforce-cdp-connector, Salesforce's own client of Data Cloud: lists, pages, frames, logins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.foreign.conftest import WHY_SKIPPED
from dc_assets_tests.foreign.orgs import SOURCE_ROWS, Org, Untyped

# It compares no certificates, and says that a successor is coming.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
BY_KEY = 'SELECT "ExternalId__c", "Amount__c" FROM "ExtOpportunities__dlm" ORDER BY 1'


@pytest.fixture(scope="module")
def connector() -> Untyped:
    """The package."""
    reason = WHY_SKIPPED.format("salesforce-cdp-connector")
    return pytest.importorskip("salesforcecdpconnector.connection", reason=reason)


@pytest.fixture
def paged(secure_org: Org) -> Iterator[Org]:
    """An org whose tenant gives 1,000 rows at a time."""
    secure_org.inside.admin.post("/options", json={"page_rows": 1_000})
    yield secure_org
    secure_org.inside.admin.post("/options", json={"page_rows": 49_999})


def connection(connector: Untyped, org: Org, **secret: object) -> Untyped:
    """A connection that trusts the org; by the app's secret unless another one is given."""
    given = secret or {"client_secret": org.ready["client_secret"]}
    made = connector.SalesforceCDPConnection(org.url, client_id=org.ready["client_id"], **given)
    session = made.authentication_helper.session
    session.verify = org.ready["ca_file"]
    session.trust_env = False
    return made


@pytest.mark.parametrize("way", ["client_credentials", "password", "refresh_token", "jwt"])
def test_it_logs_in_and_gives_its_core_token_back(
    connector: Untyped, secure_org: Org, app: Untyped, way: str
) -> None:
    """By each way it knows; it revokes its core token, the session of the tenant lives on."""
    ready = secure_org.ready
    user = {"username": ready["username"], "client_secret": ready["client_secret"]}
    given = {
        "client_credentials": {},
        "password": {**user, "password": ready["password"]},
        "refresh_token": {**user, "refresh_token": ready["refresh_token"]},
        "jwt": {"username": ready["username"], "private_key": app.key_pem().decode()},
    }[way]
    calls = secure_org.inside.admin.get("/calls").json()["calls"].get("other", 0)
    cursor = connection(connector, secure_org, **given).cursor()
    cursor.execute('SELECT COUNT(*) FROM "ExtOpportunities__dlm"')
    assert cursor.fetchall() == [[SOURCE_ROWS]]
    assert secure_org.inside.admin.get("/calls").json()["calls"]["other"] == calls + 1


def test_lists_come_over_all_pages_in_the_order_of_the_columns(
    connector: Untyped, paged: Org
) -> None:
    """Each row once; the names stand in the order of the query."""
    cursor = connection(connector, paged).cursor()
    cursor.execute(BY_KEY)
    rows = cursor.fetchall()
    assert [row[0] for row in rows] == [f"externalOpp{n:07d}" for n in range(1, SOURCE_ROWS + 1)]
    assert [column[0] for column in cursor.description] == ["ExternalId__c", "Amount__c"]


def test_frames_come_over_all_pages(connector: Untyped, paged: Org) -> None:
    """The Arrow form holds the same rows."""
    pytest.importorskip("pyarrow")
    frame = connection(connector, paged).get_pandas_dataframe(BY_KEY)
    assert frame.shape == (SOURCE_ROWS, 2)
    assert frame["ExternalId__c"].tolist()[-1] == f"externalOpp{SOURCE_ROWS:07d}"


def test_tables_are_listed(connector: Untyped, secure_org: Org) -> None:
    """With their fields and types."""
    (table,) = connection(connector, secure_org).list_tables()
    types = {field.name: field.type for field in table.fields}
    assert table.name == "ExtOpportunities__dlm"
    assert (types["ExternalId__c"], types["Amount__c"]) == ("STRING", "NUMBER")


def test_a_query_that_is_wrong_says_what_the_tenant_says(
    connector: Untyped, secure_org: Org
) -> None:
    """The message is shown, not a trace."""
    with pytest.raises(Exception, match="Nothing__dlm"):
        connection(connector, secure_org).cursor().execute('SELECT 1 FROM "Nothing__dlm"')
