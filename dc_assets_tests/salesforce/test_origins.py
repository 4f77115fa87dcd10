"""Where a secret may go, judged by the URL alone."""

from __future__ import annotations

import httpx
import pytest

from dc_assets.core.errors import ConfigError, OrgMoved, UnexpectedAnswer
from dc_assets.salesforce.auth import BearerAuth, Token, TokenStore
from dc_assets.salesforce.origins import checked_url, listed_hosts, own_link, record_id, sibling_url

BASE = httpx.URL("https://acme.my.salesforce.com")
PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://ACME.My.Salesforce.COM", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com.", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com:443/", "https://acme.my.salesforce.com"),
        ("t1.c360a.salesforce.com", "https://t1.c360a.salesforce.com"),
        ("https://acme.lightning.force.com", "https://acme.lightning.force.com"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
    ],
)
def test_a_host_of_salesforce_is_taken(given: str, expected: str) -> None:
    """In any letter case, with a dot at its end or a port."""
    assert checked_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "https://salesforce.com.evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com.evil.example.",
        "https://acme.my.salesforce.com@evil.example",
        "https://evil.example#.salesforce.com",
        "https://evil.example/.salesforce.com",
        "https://evil.example?.salesforce.com",
        "https://evil.example\\.salesforce.com",
        "https://acme.my.s\u0430lesforce.com",
        "https://acme.my.salesforce.com\u3002evil.example",
        "https://xn--slesforce-8fg.com",
        "https://2130706433",
        "https://10.0.0.1",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com?x=1",
        "https://acme.my.salesforce.com#x",
        f"https://u:{PASSWORD}@acme.my.salesforce.com",
        f"https://u:{PASSWORD}/x@acme.my.salesforce.com",
        f"http://u:{PASSWORD}@127.0.0.1:1",
        "http://acme.my.salesforce.com",
    ],
)
def test_what_only_looks_like_one_is_refused(given: str) -> None:
    """And the sentence shows no password."""
    with pytest.raises(ConfigError) as caught:
        checked_url(given)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_setting_names_more_hosts() -> None:
    """One host, or all below a name; nothing else of it."""
    allowed = listed_hosts(" acme.my.salesforce.mil , *.Example.com")
    for host in ("acme.my.salesforce.mil", "a.b.example.com"):
        assert checked_url(host, allowed) == f"https://{host}"
    for host in ("example.com", "evilexample.com", "b.my.salesforce.mil"):
        with pytest.raises(ConfigError, match="DC_ASSETS_ALLOWED_HOSTS"):
            checked_url(host, allowed)
    for wrong in ("*", "*.", "https://a.example", "a.example/x", "*.*.com", "com"):
        with pytest.raises(ConfigError):
            listed_hosts(wrong)


def test_an_emulator_and_an_org_do_not_lead_to_each_other() -> None:
    """The token of an org stays away from this machine, and that of an emulator on it."""
    here, org = "http://127.0.0.1:1", "https://acme.my.salesforce.com"
    assert sibling_url("http://127.0.0.1:2", here, ()) == "http://127.0.0.1:2"
    assert sibling_url("127.0.0.1:2", here, ()) == "http://127.0.0.1:2"
    assert sibling_url("127.0.0.1:2", "https://127.0.0.1:1", ()) == "https://127.0.0.1:2"
    for url, of in ((org, here), (here, org)):
        with pytest.raises(ConfigError, match="as the next host"):
            sibling_url(url, of, ())


@pytest.mark.parametrize("link", ["/services/x?y=1", f"{BASE}/services/x?y=1", f"{BASE}:443/a"])
def test_a_link_on_its_own_host_is_followed(link: str) -> None:
    """It becomes a path."""
    assert own_link(link, BASE, "x answered GET /").startswith("/")


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/services/x",
        "http://acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com:444/x",
        "https://acme.my.salesforce.com@evil.example/x",
        "https://u@acme.my.salesforce.com/x",
        "//evil.example/x",
        "/\\evil.example/x",
        "\\\\evil.example",
        "services/x",
        "javascript:x",
        "",
        "https://[::1",
        "https://evil.example:port/",
    ],
)
def test_a_link_to_elsewhere_is_refused(link: str) -> None:
    """By scheme, host and port."""
    with pytest.raises(UnexpectedAnswer, match="no token was sent there"):
        own_link(link, BASE, "x answered GET /")


def test_a_token_stays_on_its_host_whatever_the_client_asks() -> None:
    """The second wall: also a whole URL in the client's hands does not carry it away."""
    seen: list[httpx.Request] = []
    auth = BearerAuth(TokenStore(lambda: Token("t", str(BASE))), expired=lambda _: False)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    client = httpx.Client(base_url=BASE, auth=auth, transport=httpx.MockTransport(answer))
    with client, pytest.raises(OrgMoved, match="was not sent"):
        client.get("https://evil.example/x")
    assert seen == []


@pytest.mark.parametrize("text", ["", "x' OR Id != '", "75000000000000", "../..", "7" * 15 + "\n"])
def test_only_a_record_id_stands_in_a_path_or_a_query(text: str) -> None:
    """15 or 18 letters and digits."""
    assert record_id("750000000000001") == "750000000000001"
    with pytest.raises(ConfigError):
        record_id(text)
