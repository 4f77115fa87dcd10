"""An assertion: what it says, for whom, by which keys, and that no key is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.jwt_bearer import JwtBearer, audience_of, private_key_of
from dc_assets.salesforce.sign_in_answers import OrgToken
from dc_assets_tests.salesforce.test_wire import Planted, planted, said

OPEN = NoEncryption()
IDENTITY = "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return a key that Salesforce takes."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = OPEN,
) -> str:
    """Return the PEM text of a private key."""
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def public_pem() -> str:
    """Return the PEM text of the public key."""
    form = PublicFormat.SubjectPublicKeyInfo
    return rsa_key().public_key().public_bytes(Encoding.PEM, form).decode()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_assertion_says_who_for_whom_and_until_when(form: PrivateFormat) -> None:
    """It is signed by RS256 and good for three minutes of our clock; line ends may be written."""
    written = pem(rsa_key(), form).replace("\n", "\\n")
    user = "loader@acme.example"
    asked: list[str] = []

    def answer(server: Planted, _: str) -> tuple[int, dict[str, str], object]:
        asked.append(server.seen[-1][2])
        return said({"access_token": "t", "instance_url": server.url, "id": IDENTITY})

    with planted(answer) as org:  # type: ignore[arg-type]
        credential = JwtBearer(org.url, "an id", user, written, wall_s=lambda: 1_000.5)
        host = Host.at(org.url, sleep=lambda _: None)
        with host.client:
            assert isinstance(credential.granted(host), OrgToken)
    audience = "https://login.salesforce.com"
    assert claims(asked[0]) == {"iss": "an id", "sub": user, "aud": audience, "exp": 1_180}


def claims(form: str) -> dict[str, object]:
    """Return what the assertion of a form says, which the key has signed."""
    assertion = form.partition("assertion=")[2].partition("&")[0]
    assert jwt.get_unverified_header(assertion)["alg"] == "RS256"
    options = {"verify_exp": False, "verify_aud": False}
    return jwt.decode(assertion, public_pem(), algorithms=["RS256"], options=options)  # type: ignore[arg-type]


def test_an_attempt_after_a_long_wait_sends_an_assertion_of_its_own() -> None:
    """An org that says when to come again, or is slow, lets the first one end meanwhile."""
    now_s, waited = [1_000.0], list[float]()
    asked: list[str] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        now_s[0] += seconds

    def answer(server: Planted, _: str) -> tuple[int, dict[str, str], object]:
        asked.append(server.seen[-1][2])
        if len(asked) == 1:
            return 503, {"Retry-After": "300"}, ""
        return said({"access_token": "t", "instance_url": server.url, "id": IDENTITY})

    with planted(answer) as org:  # type: ignore[arg-type]
        key = pem(rsa_key())
        credential = JwtBearer(org.url, "an id", "a user", key, wall_s=lambda: now_s[0])
        host = Host.at(org.url, sleep=wait)
        with host.client:
            credential.granted(host)
    assert waited == [300.0]
    assert [claims(form)["exp"] for form in asked] == [1_180, 1_480]


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://login.salesforce.com", "login"),
        ("https://acme.my.salesforce.com", "login"),
        ("acme.my.salesforce.com", "login"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "login"),
        ("https://ac-me.my.salesforce.com", "login"),
        ("https://test.salesforce.com", "test"),
        ("https://acme--uat.sandbox.my.salesforce.com", "test"),
        ("https://acme--uat.my.salesforce.com", "test"),
        ("https://acme-company-1234.scratch.my.salesforce.com", "test"),
        ("http://127.0.0.1:4001", "login"),
    ],
)
def test_an_assertion_is_for_production_or_for_sandboxes(url: str, audience: str) -> None:
    """By the form of the login URL."""
    assert audience_of(url) == f"https://{audience}.salesforce.com"


WRONG: dict[str, tuple[Callable[[], str], str]] = {
    "encrypted": (
        lambda: pem(rsa_key(), encryption=BestAvailableEncryption(b"x")),
        "is encrypted",
    ),
    "encrypted in the old form": (
        lambda: pem(
            rsa_key(), PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"planted-pass")
        ),
        "is encrypted",
    ),
    "elliptic": (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "is no RSA key"),
    "elliptic in the old form": (
        lambda: pem(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL),
        "is no RSA key",
    ),
    "of Edwards": (lambda: pem(ed25519.Ed25519PrivateKey.generate()), "is no RSA key"),
    "too short": (
        lambda: pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - that is the point
        "has 1024 bits, and 2048 are the least",
    ),
    "public": (public_pem, "holds a public key"),
    "a certificate": (
        lambda: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "holds a certificate",
    ),
    "cut off": (lambda: pem(rsa_key())[:200], "no whole PEM text"),
    "its body alone": (lambda: "".join(pem(rsa_key()).splitlines()[1:-1]), "no whole PEM text"),
    "a path": (lambda: "/run/secrets/server.key", "SF_PRIVATE_KEY_FILE"),
    "nothing": (lambda: " \n", "no whole PEM text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_key_that_cannot_sign_is_named_and_not_shown(name: str) -> None:
    """One sentence, and no line of the key in it, nor in what it came from."""
    make, words = WRONG[name]
    text = make()
    with pytest.raises(ConfigError) as caught:
        private_key_of(text)
    error = caught.value
    shown = f"{error}{error.__cause__}{error.__suppress_context__}"
    assert words in str(error)
    assert error.__suppress_context__ or error.__context__ is None
    lines = [line for line in text.splitlines() if len(line) > 20 and not line.startswith("-")]
    assert [line for line in lines if line in shown] == []


def test_a_credential_shows_no_key() -> None:
    """Neither in its repr nor in what it says of itself."""
    key = pem(rsa_key())
    credential = JwtBearer("https://acme.my.salesforce.com", "an id", "loader@acme.example", key)
    shown = f"{credential!r}{credential}{credential.told}"
    assert [line for line in key.splitlines()[1:-1] if line in shown] == []
