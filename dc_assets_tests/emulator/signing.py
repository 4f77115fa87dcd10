"""An app that logs in by its signature: a key, its certificate, and the assertions it signs."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class App:
    """A key, and the certificate that an admin of the org uploads."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    def key_pem(self) -> bytes:
        """The key as clients read it."""
        form = PrivateFormat.PKCS8
        return self.key.private_bytes(Encoding.PEM, form, NoEncryption())

    def assertion(self, **claims: object) -> str:
        """A signed JWT with these claims; it ends in three minutes unless they say otherwise."""
        body = {"exp": int(time.time()) + 180, **claims}
        head = f"{_coded({'alg': 'RS256'})}.{_coded(body)}"
        signature = self.key.sign(head.encode(), padding.PKCS1v15(), SHA256())
        return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def new_app() -> App:
    """An app with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loader")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    return App(key, certificate.public_bytes(Encoding.PEM))


def _coded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
