"""The resource of an org: typed config, whose secrets come by EnvVar and are shown nowhere."""

from __future__ import annotations

import dagster as dg
import pytest

from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.salesforce.jwt_bearer import JwtBearer
from dc_assets_tests.cli.in_process import environment_is

KEY = "planted-private-key"
SECRETS = {"client_secret", "private_key"}
FIELDS = (
    *("login_url", "client_id", "client_secret", "username", "private_key"),
    *("audience", "cli_org", "api_version"),
)


def test_a_run_reads_the_key_that_its_config_names(capfd: pytest.CaptureFixture[str]) -> None:
    """`EnvVar` is a name until a run starts; no log of the run holds what it stands for."""
    seen: list[JwtBearer] = []

    @dg.op
    def sign_in(salesforce: SalesforceResource) -> None:
        credential = salesforce.login.credential
        assert isinstance(credential, JwtBearer)
        seen.append(credential)

    @dg.job
    def load() -> None:
        sign_in()

    resource = SalesforceResource(
        login_url="https://acme.my.salesforce.com",
        client_id="an id",
        username="loader@acme.example",
        private_key=dg.EnvVar("UAT_PRIVATE_KEY"),
    )
    with environment_is({"UAT_PRIVATE_KEY": KEY}):
        result = load.execute_in_process(resources={"salesforce": resource})
    assert result.success
    assert [one.private_key for one in seen] == [KEY]
    out, err = capfd.readouterr()
    assert KEY not in f"{resource!r}{out}{err}{[str(event) for event in result.all_events]}"


def test_secrets_are_marked_and_each_field_names_its_setting() -> None:
    """Dagster hides the values of marked fields; the descriptions show in its UI."""
    schema = SalesforceResource.model_json_schema()["properties"]
    own = {name: schema[name] for name in FIELDS}
    assert {name for name, one in own.items() if one.get("dagster__is_secret")} == SECRETS
    assert [name for name, one in own.items() if "SF_" not in one["description"]] == []
