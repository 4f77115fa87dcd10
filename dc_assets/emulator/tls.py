"""A certificate for the two listeners, made at each start, and the file that makes it trusted.

Clients that force https reach the emulator so. An authority of this start alone signs it; whoever
shall trust it is given that authority's file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUTHORITY, SERVER = "ca.pem", "server.pem"


class TLSUnavailable(Exception):
    """There is no certificate; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the authority's certificate is, and the server's with its key."""

    authority: Path
    server: Path


def issue(folder: Path, host: str) -> Certificate:
    """Make both files in the folder of the data.

    Raises:
        TLSUnavailable: the package that makes certificates is not installed.
    """
    try:
        import trustme  # noqa: PLC0415  an extra: who speaks plain http does without it
    except ImportError as error:
        raise TLSUnavailable("--tls needs trustme: pip install 'dc-assets[tls]'.") from error
    made = Certificate(folder / AUTHORITY, folder / SERVER)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.authority))
    server = authority.issue_cert(host, "localhost", "127.0.0.1", "::1")
    server.private_key_and_cert_chain_pem.write_to_path(str(made.server))
    return made
