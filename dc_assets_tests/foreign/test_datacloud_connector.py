"""salesforce-datacloud-connector, the successor of the cdp connector: by the org's own host."""

from __future__ import annotations

import pytest

from dc_assets_tests.foreign.conftest import WHY_SKIPPED
from dc_assets_tests.foreign.orgs import SOURCE_ROWS, Org, Untyped


@pytest.fixture(scope="module")
def connection(plain_org: Org) -> Untyped:
    """A connection by a user's password."""
    reason = WHY_SKIPPED.format("salesforce-datacloud-connector")
    package: Untyped = pytest.importorskip("salesforce_datacloud_connector", reason=reason)
    secrets = ("username", "password", "client_id", "client_secret")
    given = {name: plain_org.ready[name] for name in secrets}
    return package.connect(login_url=plain_org.url, auth_type="username_password", **given)


def test_rows_come_in_pieces_with_their_types(connection: Untyped) -> None:
    """Each row once, over more than one piece."""
    cursor = connection.cursor()
    cursor.execute(
        'SELECT "ExternalId__c", "Amount__c", "CloseDate__c", "LastModifiedDate__c" '
        'FROM "ExtOpportunities__dlm" ORDER BY 1'
    )
    rows = cursor.fetchall()
    assert [row[0] for row in rows] == [f"externalOpp{n:07d}" for n in range(1, SOURCE_ROWS + 1)]
    kinds = [type(value).__name__ for value in rows[0]]
    assert kinds == ["str", "Decimal", "date", "datetime"]


def test_parameters_are_bound(connection: Untyped) -> None:
    """By name."""
    cursor = connection.cursor()
    sql = 'SELECT COUNT(*) FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" <= :upto'
    cursor.execute(sql, {"upto": "externalOpp0000010"})
    assert cursor.fetchone() == (10,)


def test_a_query_that_is_wrong_says_what_the_org_says(connection: Untyped) -> None:
    """The message names the object."""
    with pytest.raises(Exception, match="Nothing__dlm"):
        connection.cursor().execute('SELECT 1 FROM "Nothing__dlm"')
