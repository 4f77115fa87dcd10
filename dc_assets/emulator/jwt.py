"""Assertions by which an app logs in without a secret: a JWT signed with RS256.

The checks need the package cryptography, which comes with the extra ``tls``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast


class CertificateError(Exception):
    """The certificate of the app cannot be used; the text is one sentence."""


class BadAssertion(Exception):
    """A text that is no JWT, or not signed by the app's key."""


def read_certificate(path: Path) -> bytes:
    """The PEM text of the app's certificate.

    Raises:
        CertificateError: it cannot be read, or the package that checks signatures is missing.
    """
    try:
        from cryptography import x509  # noqa: PLC0415  an extra
    except ImportError as error:
        text = "--jwt-certificate needs cryptography: pip install 'dc-assets[tls]'."
        raise CertificateError(text) from error
    try:
        pem = path.read_bytes()
        x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} is no PEM certificate that can be read.") from error
    return pem


def claims_of(assertion: str, certificate: bytes) -> Mapping[str, object]:
    """What an assertion says.

    Raises:
        BadAssertion: it is no JWT, or not signed by the certificate's key.
    """
    head, _, signature = assertion.rpartition(".")
    try:
        header, body = (_decoded(part) for part in head.split("."))
        claims: object = json.loads(body)
        is_rs256 = json.loads(header).get("alg") == "RS256"
        is_ours = is_rs256 and _is_signed(head.encode(), _decoded(signature), certificate)
    except (ValueError, AttributeError, binascii.Error) as error:
        raise BadAssertion from error
    if not is_ours or not isinstance(claims, dict):
        raise BadAssertion
    return cast("dict[str, object]", claims)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _is_signed(text: bytes, signature: bytes, certificate: bytes) -> bool:
    from cryptography import x509  # noqa: PLC0415  an extra
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    key = x509.load_pem_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, text, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
