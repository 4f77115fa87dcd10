"""Signs in without a secret in the org: by an assertion that a private key has signed.

Source: Salesforce help "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.causes import LOGIN_PATH
from dc_assets.salesforce.credentials import shown
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.origins import host_of
from dc_assets.salesforce.sign_in_answers import OrgToken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 180
"""How long an assertion is good: the org's clock and ours may differ by less."""

KEY_BITS_MIN = 2048

PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
SANDBOX_HOSTS = re.compile(r"test\.salesforce\.com|[^.]+--[^.]+\..*|.+\.(sandbox|scratch)\.my\..*")
"""test.salesforce.com, the My Domain of a sandbox, with enhanced domains or without, or of a
scratch org (Salesforce help, "My Domain URL Formats")."""

HOW_TO_MAKE_ONE = "openssl genrsa -out server.key 2048 makes one."


@dataclass(frozen=True, slots=True)
class JwtBearer:
    r"""An External Client App by its certificate, in the name of a user that it pre-authorizes.

    Attributes:
        private_key: PEM text; line ends may be written as ``\n``.
        audience: whom the assertion is for; empty: login or test, by the login URL.
    """

    login_url: str
    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str = ""
    wall_s: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    @property
    def told(self) -> str:
        """What signs in."""
        return f"JWT bearer at {shown(self.login_url)}, as {self.username}"

    def granted(self, host: Host) -> OrgToken:
        """Sign an assertion and send it; each further attempt signs anew, or waits outlive it.

        Raises:
            ConfigError: the private key cannot be used; the sentence holds no piece of it.
        """
        once = replace(host, ladder_s=(), moment_s=())

        def sign_and_ask() -> OrgToken:
            form = {"grant_type": GRANT, "assertion": self._assertion()}
            return once.ask("POST", LOGIN_PATH, OrgToken, changes_nothing=True, data=form)

        return host.repeat(sign_and_ask, f"POST {LOGIN_PATH}")

    def _assertion(self) -> str:
        import jwt  # noqa: PLC0415 - other ways to sign in do without it

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience or audience_of(self.login_url),
            "exp": int(self.wall_s()) + ASSERTION_S,
        }
        return jwt.encode(claims, private_key_of(self.private_key), algorithm="RS256")


def audience_of(login_url: str) -> str:
    """Return whom an assertion is for: production or sandboxes.

    >>> audience_of("https://acme--uat.sandbox.my.salesforce.com")
    'https://test.salesforce.com'
    """
    url = httpx.URL(login_url if "://" in login_url else f"https://{login_url}")
    return SANDBOX if SANDBOX_HOSTS.fullmatch(host_of(url)) else PRODUCTION


def private_key_of(text: str) -> RSAPrivateKey:
    """Read the PEM text of a private key.

    Raises:
        ConfigError: it is encrypted, of another kind, too short, or none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - takes long to import
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    pem = text.strip().replace("\\r", "").replace("\\n", "\n")
    for sign, sentence in WRONG_PEM:
        if sign in pem:
            raise ConfigError(sentence)
    try:
        key = load_pem_private_key(f"{pem}\n".encode(), password=None)
    except TypeError:
        raise ConfigError(ENCRYPTED) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            "SF_PRIVATE_KEY cannot be read: it is no whole PEM text of a private key. Take all of "
            "the file, from its BEGIN line to its END line, or name the file in "
            "SF_PRIVATE_KEY_FILE."
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(NOT_RSA)
    if key.key_size < KEY_BITS_MIN:
        raise ConfigError(
            f"SF_PRIVATE_KEY has {key.key_size} bits, and {KEY_BITS_MIN} are the least. "
            f"{HOW_TO_MAKE_ONE}"
        )
    return key


ENCRYPTED = (
    "SF_PRIVATE_KEY is encrypted, and nobody is there to type its passphrase. Decrypt it: "
    "openssl rsa -in encrypted.key -out server.key, and guard the file by its mode."
)
NOT_RSA = f"SF_PRIVATE_KEY is no RSA key, and Salesforce takes RS256 alone. {HOW_TO_MAKE_ONE}"
A_CERTIFICATE = (
    "SF_PRIVATE_KEY holds a certificate. That belongs into the External Client App; the setting "
    "takes the private key it was made with."
)
A_PUBLIC_KEY = (
    "SF_PRIVATE_KEY holds a public key. The setting takes the private key that belongs to the "
    "certificate of the External Client App."
)
WRONG_PEM = (
    ("BEGIN CERTIFICATE", A_CERTIFICATE),
    ("BEGIN PUBLIC KEY", A_PUBLIC_KEY),
    ("ENCRYPTED", ENCRYPTED),
    ("BEGIN EC PRIVATE KEY", NOT_RSA),
)
"""What is often pasted in place of a key, by the words of its PEM text."""
