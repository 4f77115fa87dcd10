"""Which way to sign in the settings choose, and which sets of them are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.demo.world import DemoPace, product_environment
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.salesforce.credentials import ClientCredentials
from dc_assets.salesforce.jwt_bearer import JwtBearer
from dc_assets.wiring.settings import read_settings
from dc_assets.wiring.sign_in import SIGN_IN_SETTINGS, login_from_environment
from dc_assets_tests.cli.in_process import environment_is

SECRET = "planted-in-a-secret"
ORG = {"SF_LOGIN_URL": "https://acme.my.salesforce.com", "SF_CLIENT_ID": "an id"}
BY_SECRET = {**ORG, "SF_CLIENT_SECRET": SECRET}
BY_KEY = {**ORG, "SF_USERNAME": "loader@acme.example", "SF_PRIVATE_KEY": SECRET}


def test_the_settings_that_are_set_choose_the_way() -> None:
    """Each says in one text what it is, without a secret."""
    with environment_is(BY_SECRET):
        login = login_from_environment()
    assert isinstance(login.credential, ClientCredentials)
    told = [login.credential.told]
    with environment_is({**BY_KEY, "SF_JWT_AUDIENCE": "https://login.acme.example"}):
        login = login_from_environment()
    assert isinstance(login.credential, JwtBearer)
    assert login.credential.audience == "https://login.acme.example"
    told.append(login.credential.told)
    assert told == [
        "client credentials at https://acme.my.salesforce.com, as the app's Run As user",
        "JWT bearer at https://acme.my.salesforce.com, as loader@acme.example",
    ]
    assert SECRET not in f"{told}{login!r}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "SF_LOGIN_URL and SF_CLIENT_ID and SF_CLIENT_SECRET are not set"),
        (ORG, "SF_CLIENT_SECRET is not set"),
        ({**BY_KEY, "SF_PRIVATE_KEY": ""}, "SF_PRIVATE_KEY is not set. For JWT bearer"),
        ({**BY_KEY, "SF_USERNAME": ""}, "SF_USERNAME is not set. For JWT bearer"),
        (
            {"SF_USERNAME": "a", "SF_PRIVATE_KEY": SECRET},
            "SF_LOGIN_URL and SF_CLIENT_ID are not set",
        ),
        (
            {**BY_KEY, "SF_CLIENT_SECRET": SECRET},
            "SF_USERNAME and SF_CLIENT_SECRET are set together. SF_USERNAME is for JWT bearer",
        ),
        (
            {**BY_SECRET, "SF_JWT_AUDIENCE": "https://login.salesforce.com"},
            "SF_JWT_AUDIENCE and SF_CLIENT_SECRET are set together",
        ),
        (
            {"SF_CLI_ORG": "emu", "SF_LOGIN_URL": ORG["SF_LOGIN_URL"]},
            "SF_CLI_ORG and SF_LOGIN_URL are set together. SF_CLI_ORG is for the login of",
        ),
        (
            {
                **BY_SECRET,
                "SF_LOGIN_URL": "https://acme--uat.sandbox.lightning.force.com/lightning",
            },
            "My Domain: https://acme--uat.sandbox.my.salesforce.com",
        ),
        (
            {**BY_KEY, "SF_LOGIN_URL": "acme.my.salesforce-setup.com"},
            "My Domain: https://acme.my.salesforce.com",
        ),
        ({**BY_SECRET, "SF_API_VERSION": "newest"}, "SF_API_VERSION is a version"),
        ({**BY_SECRET, "SF_API_VERSION": "64.5"}, "SF_API_VERSION is a version"),
    ],
)
def test_half_a_way_and_two_of_them_are_refused(settings: dict[str, str], said: str) -> None:
    """One sentence names the settings and holds no secret."""
    with environment_is(settings), pytest.raises(ConfigError) as caught:
        login_from_environment()
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_login_in_the_url_is_not_told() -> None:
    """A URL that is refused anyway may hold a password."""
    with environment_is({**BY_SECRET, "SF_LOGIN_URL": f"https://me:{SECRET}@acme.example"}):
        assert SECRET not in login_from_environment().credential.told


@pytest.mark.parametrize("text", ["66", "66.0", "v66.0", " V66 "])
def test_a_version_may_be_written_in_several_ways(text: str) -> None:
    """It is one in the path."""
    with environment_is({**BY_SECRET, "SF_API_VERSION": text}):
        assert login_from_environment().api_version == "66.0"


def test_a_resource_takes_each_way() -> None:
    """What its config gives wins over the settings."""
    by_key = {"client_id": "an id", "username": "loader@acme.example", "private_key": SECRET}
    with environment_is({"SF_LOGIN_URL": ORG["SF_LOGIN_URL"]}):
        login = SalesforceResource(**by_key, audience="https://a.example", api_version="65").login
    assert isinstance(login.credential, JwtBearer)
    assert (login.credential.username, login.api_version) == ("loader@acme.example", "65.0")
    assert login.credential.private_key == SECRET


def test_a_resource_that_gives_a_way_looks_at_no_setting_of_another() -> None:
    """One process may load two orgs; two ways in one config are refused as in the environment."""
    by_key = {"username": "loader@acme.example", "private_key": SECRET}
    with environment_is(BY_SECRET):
        assert isinstance(SalesforceResource(**by_key).login.credential, JwtBearer)
        assert isinstance(SalesforceResource().login.credential, ClientCredentials)
        with pytest.raises(ConfigError, match="are set together"):
            _ = SalesforceResource(**by_key, client_secret=SECRET).login
    with environment_is({"SF_CLI_ORG": "emu"}):
        login = SalesforceResource(
            login_url=ORG["SF_LOGIN_URL"], client_id="an id", client_secret=SECRET
        ).login
    assert isinstance(login.credential, ClientCredentials)


def test_the_demo_signs_in_its_own_way(tmp_path: Path) -> None:
    """Whatever the shell is set up for: it must not meet the emulated org."""
    ready = {"base_url": "http://127.0.0.1:1", "client_id": "an id", "client_secret": SECRET}
    others = dict.fromkeys((*SIGN_IN_SETTINGS, "SF_API_VERSION"), "of the shell")
    ours = product_environment(tmp_path, ready, DemoPace(), 3000)
    with environment_is({**others, **ours}):
        login = login_from_environment()
        assert read_settings().sf_cli_org == ""
    assert isinstance(login.credential, ClientCredentials)
