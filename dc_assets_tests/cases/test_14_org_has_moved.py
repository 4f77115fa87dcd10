"""The old host of an org sends on to its new My Domain."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import parse_headers
from io import BytesIO
from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError, OrgMoved
from dc_assets.core.run_events import unheard
from dc_assets.salesforce.auth import BearerAuth, TokenStore, fetch_org_token
from dc_assets.salesforce.auth import org_session_expired as expired
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.salesforce.test_wire import IDENTITY, Planted, Reply, planted, said

CASE = Path(__file__).parent / "14-org-has-moved"
NEW_HOME = "https://acme-new.my.salesforce.com"
LOGIN_PATH = "/services/oauth2/token"


def sent_on() -> Reply:
    """Return the answer of the case."""
    status, _, headers = (CASE / "302.http").read_bytes().partition(b"\n")
    found = dict(parse_headers(BytesIO(headers)).items())
    return int(status.split()[1]), found, iter(())


def signed_in(instance_url: str) -> Reply:
    """Return the answer of a login."""
    return said({"access_token": "t", "instance_url": instance_url, "id": IDENTITY})


def org_at(server: Planted) -> Host:
    """Return a host whose token comes from a server, as in the middle of a run."""
    login = Login(ClientCredentials(server.url, "id", "the-secret"))
    tokens = TokenStore(lambda: fetch_org_token(login, lambda _: None))
    auth = BearerAuth(tokens, expired=expired)
    return Host.at(server.url, sleep=lambda _: None, auth=auth)


def logins(server: Planted) -> int:
    """Count the logins that a server saw."""
    return sum(LOGIN_PATH in call for call, _, _ in server.seen)


def test_a_login_that_is_sent_on_names_the_new_address_and_the_setting() -> None:
    """One call, no secret anywhere else: exit 2 with what to set."""
    with planted(lambda _, __: sent_on()) as org:
        with pytest.raises(ConfigError, match=f"has moved to {NEW_HOME}: set SF_LOGIN_URL"):
            OrgSession.connect(
                Login(ClientCredentials(org.url, "id", "the-secret")),
                sleep=lambda _: None,
                note=unheard,
            )
        assert len(org.seen) == 1


def test_a_call_that_is_sent_on_signs_in_again_once_and_stops() -> None:
    """The old address answers the login and nothing else: the sentence says where the org is."""

    def answer(server: Planted, path: str) -> Reply:
        return signed_in(server.url) if path == LOGIN_PATH else sent_on()

    with planted(answer) as org:
        with pytest.raises(OrgMoved, match=f"has moved to {NEW_HOME}: set SF_LOGIN_URL"):
            org_at(org).call("GET", "/services/data/v64.0/limits")
        assert (logins(org), len(org.seen)) == (2, 4)


def test_a_login_that_names_a_new_instance_stops_before_the_token_goes_anywhere() -> None:
    """The same command signs in at the new instance: nothing has to be set."""
    instances: Iterator[str] = iter(())

    def answer(_: Planted, path: str) -> Reply:
        return signed_in(next(instances)) if path == LOGIN_PATH else sent_on()

    with planted(answer) as org, planted(lambda _, __: said({})) as new_home:
        instances = iter([org.url, new_home.url])
        with pytest.raises(OrgMoved, match=f"moved from 127.0.0.1 to {new_home.url}"):
            org_at(org).call("GET", "/services/data/v64.0/limits")
        assert new_home.seen == []


def test_a_session_that_is_sent_on_to_a_sign_in_goes_on_with_a_new_one() -> None:
    """A redirect is the only word of some hosts for a session that has ended."""

    def answer(server: Planted, path: str) -> Reply:
        if path == LOGIN_PATH:
            return signed_in(server.url)
        return sent_on() if logins(server) == 1 else said({})

    with planted(answer) as org:
        assert org_at(org).call("GET", "/services/data/v64.0/limits").status_code == 200
        assert logins(org) == 2
