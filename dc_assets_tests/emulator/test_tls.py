"""The emulator over https, and an app that logs in by its signature."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from dc_assets_tests.emulator.driver import run_to_end, start

signing: Any = pytest.importorskip(
    "dc_assets_tests.emulator.signing", reason="the extra tls is not installed"
)
TOKEN = "/services/oauth2/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class SecureOrg:
    """An emulator that speaks https, and the app that may log in by JWT."""

    ready: dict[str, str]
    client: httpx.Client
    app: Any

    def log_in(self, **claims: object) -> httpx.Response:
        """The answer to an assertion that is right but for the given claims."""
        right = {
            "iss": self.ready["client_id"],
            "sub": self.ready["username"],
            "aud": "https://login.salesforce.com",
        }
        form = {"grant_type": JWT_GRANT, "assertion": self.app.assertion(**{**right, **claims})}
        return self.client.post(TOKEN, data=form)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureOrg]:
    """A client that trusts the authority of the ready file and nobody else."""
    folder, app = tmp_path_factory.mktemp("tls"), signing.new_app()
    certificate = folder / "app.pem"
    certificate.write_bytes(app.certificate)
    emulator = start(folder, "--tls", "--jwt-certificate", str(certificate))
    trusted = ssl.create_default_context(cafile=emulator.ready["ca_file"])
    with httpx.Client(base_url=emulator.ready["base_url"], verify=trusted) as client:
        yield SecureOrg(emulator.ready, client, app)
    assert emulator.stop() == 0


def test_both_ports_speak_https_and_their_addresses_say_so(org: SecureOrg) -> None:
    """Each call works over TLS; the header Host is still compared."""
    assert org.ready["base_url"].startswith("https://127.0.0.1:")
    assert org.client.get("/services/data").status_code == 200
    answer = org.client.get(org.ready["tenant_url"] + "/api/v1/metadata")
    assert answer.status_code == 401
    other = org.client.get("/services/data", headers={"Host": "acme.my.salesforce.com"})
    assert other.status_code == 421


def test_nobody_trusts_the_certificate_who_was_not_given_its_authority(org: SecureOrg) -> None:
    """The authority is made at each start."""
    with (
        httpx.Client(verify=ssl.create_default_context()) as stranger,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stranger.get(org.ready["base_url"])


def test_an_app_logs_in_by_its_signature(org: SecureOrg) -> None:
    """The session works; no secret was sent."""
    answer = org.log_in()
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert org.client.get("/services/data/v66.0/limits", headers=token).status_code == 200


@pytest.mark.parametrize("form", ["{:.0f}", "{:.0f}000"])
def test_the_end_of_an_assertion_may_be_a_text_or_far_away(org: SecureOrg, form: str) -> None:
    """simple-salesforce writes a text, the sf CLI milliseconds; orgs let both in."""
    ends = form.format(time.time() + 60)
    assert org.log_in(exp=ends).status_code == 200
    assert org.log_in(exp=int(ends)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"sub": "other@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"exp": 1}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "expired authorization code"),
    ],
)
def test_an_assertion_that_is_wrong_is_refused(
    org: SecureOrg, claims: dict[str, object], error: str, description: str
) -> None:
    """Each claim is read."""
    answer = org.log_in(**claims)
    assert answer.json() == {"error": error, "error_description": description}


def test_an_assertion_of_another_key_is_refused(org: SecureOrg) -> None:
    """The signature is compared with the certificate of the app."""
    stranger = replace(org, app=signing.new_app())
    assert stranger.log_in().json()["error_description"] == "invalid assertion"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.e30", "W10.W10.W10"])
def test_a_text_that_is_no_assertion_is_refused(org: SecureOrg, text: str) -> None:
    """Whatever is sent in its place."""
    answer = org.client.post(TOKEN, data={"grant_type": JWT_GRANT, "assertion": text})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_certificate_that_cannot_be_read_is_said_at_the_start() -> None:
    """The emulator does not start; one sentence names the file."""
    code, said = run_to_end("--jwt-certificate", "pyproject.toml")
    assert (code, said) == (
        2,
        "emulator: pyproject.toml is no PEM certificate that can be read.\n",
    )
