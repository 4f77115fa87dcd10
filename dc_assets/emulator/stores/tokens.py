"""Tokens that are alive: those of the org, and those of the tenant that an org token bought."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
import string
from threading import Lock

from dc_assets.emulator.ids import ORG_ID

SIGNS = f"{string.ascii_letters}{string.digits}._"
"""Of a session: clients look for tokens of these signs alone."""
TENANT_ID = "a360/prod/3f1c5d8e9a2b4c6d8e0f1a2b3c4d5e6f"


class Tokens:
    """Tokens live in memory only: a restart ends every session, as a release of an org does."""

    def __init__(self) -> None:
        self._core: dict[str, float] = {}
        self._tenant: dict[str, float] = {}
        self._dead_shown: dict[str, set[str]] = {"core": set(), "tenant": set()}
        self._lock = Lock()

    def issue_core(self, ends_s: float = math.inf) -> str:
        """A new session of the org: ``00D…!…``."""
        token = f"{ORG_ID}!AQ{''.join(secrets.choice(SIGNS) for _ in range(80))}"
        with self._lock:
            self._core[token] = ends_s
        return token

    def issue_tenant(self, now_s: float, lives_s: float) -> str:
        """A new tenant token, in the form of a JWT with ``audienceTenantId`` and ``exp``."""
        expires_s = now_s + lives_s
        header = {"alg": "ES256", "typ": "JWT", "kid": "CORE_ATJWT"}
        claims = {
            "audienceTenantId": TENANT_ID,
            "iat": int(now_s),
            "exp": int(expires_s),
            "scp": "cdp_query_api cdp_profile_api api",
            "jti": secrets.token_hex(16),
        }
        head = f"{_base64url(json.dumps(header))}.{_base64url(json.dumps(claims))}"
        signature = hashlib.sha256(head.encode() + secrets.token_bytes(8)).digest()
        token = f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        with self._lock:
            self._tenant[token] = expires_s
        return token

    def is_core(self, token: str, now_s: float) -> bool:
        """Whether it is a live session of the org."""
        return self._is_alive("core", token, now_s)

    def is_tenant(self, token: str, now_s: float) -> bool:
        """Whether it is a live tenant token."""
        return self._is_alive("tenant", token, now_s)

    def _is_alive(self, kind: str, token: str, now_s: float) -> bool:
        tokens = self._core if kind == "core" else self._tenant
        with self._lock:
            is_alive = tokens.get(token, -math.inf) > now_s
            if not is_alive and token:
                self._dead_shown[kind].add(token)
            return is_alive

    def dead_shown(self) -> dict[str, int]:
        """How many different tokens were shown that were not alive, since `revoke_all`."""
        with self._lock:
            return {kind: len(tokens) for kind, tokens in self._dead_shown.items()}

    def revoke(self, token: str) -> None:
        """End one token; an unknown one is no error."""
        with self._lock:
            self._core.pop(token, None)
            self._tenant.pop(token, None)

    def expire_core(self) -> None:
        """End all sessions of the org; tokens of the tenant live on."""
        with self._lock:
            self._core.clear()

    def expire_tenant(self) -> None:
        """End all tenant tokens; sessions of the org live on."""
        with self._lock:
            self._tenant.clear()

    def revoke_all(self) -> None:
        """End all tokens."""
        with self._lock:
            self._core.clear()
            self._tenant.clear()
            for tokens in self._dead_shown.values():
                tokens.clear()


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
