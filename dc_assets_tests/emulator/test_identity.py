"""Who the org says is logged in."""

from __future__ import annotations

import pytest

from dc_assets_tests.emulator.driver import API, Client

USER_INFO = "/services/oauth2/userinfo"


def test_the_identity_url_of_a_login_names_the_user_and_the_addresses(client: Client) -> None:
    """Clients read the user's name, and the addresses with a place for the version."""
    url = client.org.get("/").json()["identity"]
    token = {"Authorization": f"Bearer {client.core_token}"}
    found = client.root.get(url, headers=token).json()
    assert found["id"] == url
    assert (found["username"], found["display_name"]) == (
        client.ready["username"],
        "Integration User",
    )
    assert url.endswith(f"/id/{found['organization_id']}/{found['user_id']}")
    assert found["urls"]["rest"] == client.ready["base_url"] + "/services/data/v{version}/"
    latest = client.root.get(url, params={"version": "latest"}, headers=token).json()
    assert latest["urls"]["query"].endswith(f"{API}/query/")


def test_user_info_says_who_is_logged_in(client: Client) -> None:
    """It has the names of OpenID Connect."""
    token = {"Authorization": f"Bearer {client.core_token}"}
    found = client.root.get(USER_INFO, headers=token).json()
    assert found["preferred_username"] == client.ready["username"]
    assert found["user_id"].startswith("005")
    assert len(found["organization_id"]) == 18
    assert found["urls"]["custom_domain"] == client.ready["base_url"]


@pytest.mark.parametrize(
    ("headers", "word"),
    [({}, "Missing_OAuth_Token"), ({"Authorization": "Bearer 00D!old"}, "Bad_OAuth_Token")],
)
def test_who_is_not_logged_in_is_told_by_one_word(
    client: Client, headers: dict[str, str], word: str
) -> None:
    """These routes answer 403 and plain text where the data API answers 401 and JSON."""
    for url in (USER_INFO, client.org.get("/").json()["identity"]):
        answer = client.root.get(url, headers=headers)
        assert (answer.status_code, answer.text) == (403, word)


@pytest.mark.parametrize(
    ("place", "status", "word"), [("organization_id", 403, "Wrong_Org"), ("user_id", 404, "Bad_Id")]
)
def test_another_org_or_user_is_not_shown(
    client: Client, place: str, status: int, word: str
) -> None:
    """The URL names both."""
    token = {"Authorization": f"Bearer {client.core_token}"}
    found = client.root.get(USER_INFO, headers=token).json()
    other = {**found, place: found[place][:3] + "0" * 15}
    url = f"/id/{other['organization_id']}/{other['user_id']}"
    answer = client.root.get(url, headers=token)
    assert (answer.status_code, answer.text) == (status, word)
