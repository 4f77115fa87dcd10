"""Assertions by which an app logs in without a secret: a JWT signed with RS256."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CLAIMS = ("exp", "nbf", "iat", "aud", "sub", "jti")
SIGNATURE_ALONE = dict.fromkeys((f"verify_{claim}" for claim in CLAIMS), False)
"""The claims are for who asked for them."""


class CertificateError(Exception):
    """The certificate of the app cannot be used; the text is one sentence."""


class BadAssertion(Exception):
    """A text that is no JWT, or not signed by the app's key."""


def read_certificate(path: Path) -> bytes:
    """The PEM text of the app's certificate.

    Raises:
        CertificateError: it cannot be read.
    """
    try:
        pem = path.read_bytes()
        _certificate(pem)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} is no PEM certificate that can be read.") from error
    return pem


def claims_of(assertion: str, certificate: bytes) -> Mapping[str, object]:
    """What an assertion says.

    Raises:
        BadAssertion: it is no JWT, or not signed by the certificate's key.
    """
    import jwt  # noqa: PLC0415  few logins need it

    key = _certificate(certificate).public_key()
    try:
        return jwt.decode(assertion, key, algorithms=["RS256"], options=SIGNATURE_ALONE)  # type: ignore[arg-type]
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise BadAssertion from error


def _certificate(pem: bytes) -> Certificate:
    from cryptography import x509  # noqa: PLC0415  few logins need it

    return x509.load_pem_x509_certificate(pem)
